package emulator

const (
	seedTransactions = 5000 // the ids begin with it
	// seedPurchaseGroup is how many customers, by id, share out the numbers of purchases among them; every group has the
	// same sum, so the place of a transaction in the whole account is known without counting.
	seedPurchaseGroup = 8
	seedPurchaseMax   = 3  // of one customer, and the distance of two customers' first ids
	seedPurchaseSum   = 12 // of a group
)

// purchaseNumbers are what a group shares out.
var purchaseNumbers = [seedPurchaseGroup]int{0, 0, 1, 1, 2, 2, 3, 3}

// purchases returns how many transactions each customer of a group has, in the order by id.
func (s *seed) purchases(group int) (numbers [seedPurchaseGroup]int) {
	d := s.dice(saltPurchases, group)
	mult, shift := int(d.below(seedPurchaseGroup))|1, int(d.below(seedPurchaseGroup))
	for k := range numbers {
		numbers[k] = purchaseNumbers[(k*mult+shift)%seedPurchaseGroup]
	}
	return numbers
}

// firstPurchase returns the number of transactions of all customers before a place in the order by id, and how many the
// customer there has.
func (s *seed) firstPurchase(position int) (before, own int) {
	group := position / seedPurchaseGroup
	numbers := s.purchases(group)
	before = group * seedPurchaseSum
	for _, n := range numbers[:position%seedPurchaseGroup] {
		before += n
	}
	return before, numbers[position%seedPurchaseGroup]
}

// countTransactions returns how many seeded transactions there are.
func (s *seed) countTransactions() int {
	total, _ := s.firstPurchase(s.n)
	return total
}

// purchase returns whose transaction j is, by the customer's place in the order by id, and which of its transactions.
func (s *seed) purchase(j int) (position, k int) {
	group := j / seedPurchaseSum
	position, k = group*seedPurchaseGroup, j%seedPurchaseSum
	for _, n := range s.purchases(group) {
		if k < n {
			break
		}
		position, k = position+1, k-n
	}
	return position, k
}

// transactionID returns the id of transaction j. The ids ascend with j.
func (s *seed) transactionID(j int) int64 {
	position, k := s.purchase(j)
	return seedTransactions + int64(position)*seedPurchaseMax + int64(k)
}

// endTransactionID is the first id above every seeded one.
func (s *seed) endTransactionID() int64 { return seedTransactions + int64(s.n)*seedPurchaseMax }

// transactionIndex returns the transaction with an id.
func (s *seed) transactionIndex(id int64) (int, bool) {
	if id < seedTransactions || id >= s.endTransactionID() {
		return 0, false
	}
	offset := int(id - seedTransactions)
	before, own := s.firstPurchase(offset / seedPurchaseMax)
	return before + offset%seedPurchaseMax, offset%seedPurchaseMax < own
}

// transactionsOf returns the ids of a seeded customer's transactions.
func (s *seed) transactionsOf(customer int64) []int64 {
	i, ok := s.indexOf(customer)
	if !ok {
		return nil
	}
	position := s.position(i)
	var ids []int64
	for _, own := s.firstPurchase(position); len(ids) < own; {
		ids = append(ids, seedTransactions+int64(position)*seedPurchaseMax+int64(len(ids)))
	}
	return ids
}

// transaction makes transaction j. It was entered after its customer was created and before the next customer's
// transactions, so the order by id is that by created_at too.
func (s *seed) transaction(j int) *Transaction {
	position, k := s.purchase(j)
	d := s.dice(saltTransaction, j)
	third := max(1, s.step/seedPurchaseMax)
	created := s.start + int64(position+1)*s.step + int64(k)*third + d.below(third)
	t := &Transaction{
		ID:         seedTransactions + int64(position)*seedPurchaseMax + int64(k),
		CustomerID: s.idAt(position),
		CreatedBy:  pick(&d, s.users),
		CreatedAt:  created,
		UpdatedAt:  created,
		Date:       created - created%86400 - d.below(14)*86400 - 3*3600, // midnight in Moscow
		Price:      (d.below(400) + 1) * 250,
	}
	t.UpdatedBy = t.CreatedBy
	if d.below(2) == 0 {
		t.Comment = pick(&d, remarks)
	}
	return t
}
