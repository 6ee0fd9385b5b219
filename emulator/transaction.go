package emulator

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Transaction is a stored transaction: one purchase of a customer. Times are unix seconds, Price is in whole units of
// the account's currency.
type Transaction struct {
	ID               int64
	CustomerID       int64
	CreatedBy        int64
	UpdatedBy        int64
	CreatedAt        int64
	UpdatedAt        int64
	Date             int64 // of the purchase
	Price            int64
	PriceThousandths int64 // of a unit beyond Price, 0 to 999; generation v2 does not know them
	Comment          string
	Elements         []CatalogElement // what was bought; generation v2 does not show it
	ReceiptLink      string           // sent by clients, shown by no answer
	ExternalID       string           // sent by clients, shown by no answer
	BonusPoints      int64            // what its customer earned by it
}

func (t *Transaction) price() amount { return amount{t.Price, t.PriceThousandths} }

func (t *Transaction) clone() *Transaction {
	d := *t
	d.Elements = slices.Clone(t.Elements)
	return &d
}

// transactionStore is the state of the account's transactions. It has no lock: that of the customers guards it. Rows
// it hands out are shared and must not be changed.
type transactionStore struct {
	seed       *seed
	rows       map[int64]*Transaction // changed and added
	gone       map[int64]struct{}     // seeded rows that were changed or deleted
	byCustomer map[int64][]int64      // ids of rows
	order      index[Transaction]     // the one order lists have
	nextID     int64

	oldestFirst bool
}

func newTransactionStore(s *seed, oldestFirst bool) *transactionStore {
	st := &transactionStore{
		seed:        s,
		rows:        map[int64]*Transaction{},
		gone:        map[int64]struct{}{},
		byCustomer:  map[int64][]int64{},
		nextID:      s.endTransactionID(),
		oldestFirst: oldestFirst,
	}
	st.order = newIndex(s.countTransactions(),
		func(at int) sortKey { return st.key(s.transactionID(st.place(at))) },
		func(t *Transaction) sortKey { return st.key(t.ID) },
	)
	return st
}

// key is the place of an id in the order of lists.
func (st *transactionStore) key(id int64) sortKey {
	if st.oldestFirst {
		return sortKey{id: id}
	}
	return sortKey{id: -id}
}

// place returns the place of seeded transaction j in the order of lists; it is its own inverse.
func (st *transactionStore) place(j int) int {
	if st.oldestFirst {
		return j
	}
	return st.order.seeded - 1 - j
}

// find returns the transaction with an id, nil when there is none.
func (st *transactionStore) find(id int64) *Transaction {
	if t, ok := st.rows[id]; ok {
		return t
	}
	if _, ok := st.gone[id]; ok {
		return nil
	}
	if j, ok := st.seed.transactionIndex(id); ok {
		return st.seed.transaction(j)
	}
	return nil
}

// put stores t, which must not be changed afterwards.
func (st *transactionStore) put(t *Transaction) {
	st.take(t.ID)
	st.rows[t.ID] = t
	st.byCustomer[t.CustomerID] = append(st.byCustomer[t.CustomerID], t.ID)
	st.order.insert(t)
	st.nextID = max(st.nextID, t.ID+1)
}

func (st *transactionStore) take(id int64) {
	if old, ok := st.rows[id]; ok {
		st.order.remove(old)
		delete(st.rows, id)
		rest := slices.DeleteFunc(st.byCustomer[old.CustomerID], func(other int64) bool { return other == id })
		if len(rest) == 0 {
			delete(st.byCustomer, old.CustomerID)
		} else {
			st.byCustomer[old.CustomerID] = rest
		}
	}
	if j, ok := st.seed.transactionIndex(id); ok {
		st.order.hide(st.place(j))
		st.gone[id] = struct{}{}
	}
}

// takeOf removes the transactions of a customer.
func (st *transactionStore) takeOf(customer int64) {
	for _, t := range st.of(customer) {
		st.take(t.ID)
	}
}

// takeID returns an id nobody had.
func (st *transactionStore) takeID() int64 {
	id := st.nextID
	st.nextID++
	return id
}

// of returns the transactions of a customer in the order of lists.
func (st *transactionStore) of(customer int64) []*Transaction {
	var all []*Transaction
	for _, id := range st.byCustomer[customer] {
		all = append(all, st.rows[id])
	}
	for _, id := range st.seed.transactionsOf(customer) {
		if _, gone := st.gone[id]; !gone {
			all = append(all, st.find(id))
		}
	}
	st.sort(all)
	return all
}

// some returns the transactions with the given ids that exist, in the order of lists.
func (st *transactionStore) some(ids []int64) []*Transaction {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var all []*Transaction
	for _, id := range slices.Compact(ids) {
		if t := st.find(id); t != nil {
			all = append(all, t)
		}
	}
	st.sort(all)
	return all
}

// totals is what the transactions of one customer amount to.
type totals struct {
	purchases int64
	sum       amount
}

// average returns the mean of the purchases, zero without any.
func (t totals) average() amount {
	if t.purchases == 0 {
		return amount{}
	}
	return t.sum.over(t.purchases)
}

// totalsOf adds the transactions of a customer up. Nothing keeps sums, so none can go astray.
func (st *transactionStore) totalsOf(customer int64) totals {
	var all totals
	for _, t := range st.of(customer) {
		all.purchases++
		all.sum = all.sum.add(t.price())
	}
	return all
}

func (st *transactionStore) sort(all []*Transaction) {
	slices.SortFunc(all, func(a, b *Transaction) int { return st.key(a.ID).compare(st.key(b.ID)) })
}

// all returns the rows from offset on of all transactions.
func (st *transactionStore) all(offset, rows int) []*Transaction {
	page := make([]*Transaction, 0, min(rows, maxRows))
	for cur := st.order.seek(offset); len(page) < rows; {
		t, j, ok := cur.next()
		if !ok {
			break
		}
		if t == nil {
			t = st.seed.transaction(st.place(j))
		}
		page = append(page, t)
	}
	return page
}

// AddTransaction stores a transaction as if it had always been there: nothing is checked but that its customer exists
// and its id is free, and its customer stays as it is. An ID of 0 takes the next one. It returns the transaction as
// stored.
func (e *Emulator) AddTransaction(t Transaction) (Transaction, error) {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	n := t.clone()
	switch {
	case n.ID < 0:
		return Transaction{}, errors.New("emulator: add transaction: the id is negative")
	case st.find(n.CustomerID) == nil:
		return Transaction{}, fmt.Errorf("emulator: add transaction: no customer %d", n.CustomerID)
	case st.purchases.find(n.ID) != nil:
		return Transaction{}, fmt.Errorf("emulator: add transaction: id %d is taken", n.ID)
	case n.PriceThousandths < 0 || n.PriceThousandths > 999:
		return Transaction{}, fmt.Errorf("emulator: add transaction: %d thousandths of a unit are outside 0 to 999", n.PriceThousandths)
	case n.ID == 0:
		n.ID = st.purchases.takeID()
	}
	st.purchases.put(n)
	return *n.clone(), nil
}

// Transaction returns a transaction, false when there is none with that id.
func (e *Emulator) Transaction(id int64) (Transaction, bool) {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	t := e.customers.purchases.find(id)
	if t == nil {
		return Transaction{}, false
	}
	return *t.clone(), true
}

// DeleteTransaction removes a transaction, with the bonus points it brought, and reports whether there was one.
func (e *Emulator) DeleteTransaction(id int64) bool {
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	t := e.customers.purchases.find(id)
	if t == nil {
		return false
	}
	e.customers.removePurchase(t)
	return true
}

// CountTransactions returns how many transactions there are.
func (e *Emulator) CountTransactions() int {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	return e.customers.purchases.order.count()
}

// Transactions returns all transactions in the order lists have. Changes made during the walk may or may not be seen,
// as when paging through the list.
func (e *Emulator) Transactions() iter.Seq[Transaction] {
	return func(yield func(Transaction) bool) {
		for offset := 0; ; offset += maxRows {
			e.customers.mu.RLock()
			page := e.customers.purchases.all(offset, maxRows)
			e.customers.mu.RUnlock()
			for _, t := range page {
				if !yield(*t.clone()) {
					return
				}
			}
			if len(page) < maxRows {
				return
			}
		}
	}
}
