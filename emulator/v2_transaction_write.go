package emulator

import (
	"slices"
	"strconv"
)

// transactionAdd is one item of add, checked but not applied.
type transactionAdd struct {
	customer, price, date *int64
	nextDate, nextPrice   *int64 // the customer's plan
	comment               string
	elements              []CatalogElement
}

// transactionComment is one item of update: the comment is all that can be changed.
type transactionComment struct {
	id      int64
	comment *string
}

// transactionWrite is a whole call, and then what came of it.
type transactionWrite struct {
	adds    []transactionAdd
	updates []transactionComment
	deletes []int64

	items                   []int64
	addErrors, updateErrors []itemError
	deleteErrors            []itemError // told only with Config.DeleteTellsUnknown
	deleted                 []*Transaction
}

// writeTransactions answers POST /api/v2/transactions, and POST /api/v2/transactions/comment, which knows only update.
// As with customers, a malformed call is refused whole, and what is wrong with an item alone is told beside the others.
func (c *call) writeTransactions() (*reply, error) {
	if err := c.checkCustomers(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	body, err := c.parseBody()
	if err != nil {
		return nil, err
	}
	tw, err := c.readTransactionWrite(body)
	if err != nil {
		return nil, err
	}
	c.applyTransactions(tw)
	return c.halReply(c.renderTransactionWrite(tw)), nil
}

func (c *call) readTransactionWrite(body *node) (*transactionWrite, error) {
	lists := []string{"add", "update", "delete"}
	if trimSlash(c.path) == commentPath {
		lists = []string{"update"}
	}
	if err := c.checkLists(body, lists...); err != nil {
		return nil, err
	}
	tw := &transactionWrite{}
	for _, name := range lists {
		list := body.get(name)
		if name == "delete" {
			break
		}
		for i, item := range list.items() {
			at := name + "[" + list.keys[i] + "]"
			if !item.isArray() {
				return nil, badRequest("%s must be an object", at)
			}
			var err error
			if name == "add" {
				err = c.readTransactionAdd(tw, item, at)
			} else {
				err = c.readTransactionComment(tw, item, at)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if !slices.Contains(lists, "delete") {
		return tw, nil
	}
	var err error
	tw.deletes, err = readDeletes(body)
	return tw, err
}

func (c *call) readTransactionAdd(tw *transactionWrite, n *node, at string) error {
	known := []string{"customer_id", "date", "price", "comment", "next_date", "next_price", "elements"}
	if err := c.checkKeys(n, at, known...); err != nil {
		return err
	}
	var add transactionAdd
	var err error
	for _, f := range []struct {
		key    string
		to     **int64
		isTime bool
	}{
		{"customer_id", &add.customer, false},
		{"price", &add.price, false},
		{"date", &add.date, true},
		{"next_date", &add.nextDate, true},
		{"next_price", &add.nextPrice, false},
	} {
		if *f.to, err = n.wholeNumber(f.key, at, f.isTime); err != nil {
			return err
		}
	}
	if comment := n.get("comment"); comment != nil {
		if !comment.isScalar() {
			return badRequest("%s[comment] must be text", at)
		}
		add.comment = comment.text
	}
	if add.elements, err = readElements(n.get("elements"), at+"[elements]"); err != nil {
		return err
	}
	tw.adds = append(tw.adds, add)
	return nil
}

func (c *call) readTransactionComment(tw *transactionWrite, n *node, at string) error {
	known := []string{"transaction_id", "comment"}
	if c.e.config.CommentsAlias {
		known = append(known, "comments")
	}
	if err := c.checkKeys(n, at, known...); err != nil {
		return err
	}
	id, ok := n.get("transaction_id").integer()
	if !ok || id <= 0 {
		return badRequest("%s[transaction_id] must be the id of a transaction", at)
	}
	update := transactionComment{id: id}
	for _, key := range known[1:] {
		comment := n.get(key)
		if comment == nil {
			continue
		}
		if !comment.isScalar() {
			return badRequest("%s[%s] must be text", at, key)
		}
		update.comment = &comment.text
		break
	}
	tw.updates = append(tw.updates, update)
	return nil
}

func (c *call) applyTransactions(tw *transactionWrite) {
	st := c.e.customers
	st.mu.Lock()
	for i, add := range tw.adds {
		if code, text := c.applyTransactionAdd(tw, add); text != "" {
			tw.addErrors = append(tw.addErrors, itemError{position: i, code: code, text: text})
		}
	}
	for i, update := range tw.updates {
		if code, text := c.applyTransactionComment(tw, update); text != "" {
			tw.updateErrors = append(tw.updateErrors, itemError{position: i, id: update.id, code: code, text: text})
		}
	}
	for i, id := range tw.deletes {
		t := st.purchases.find(id)
		if t == nil {
			if c.e.config.DeleteTellsUnknown { // else it is left out of the answer
				tw.deleteErrors = append(tw.deleteErrors, itemError{position: i, id: id, code: 404, text: "Transaction is not found"})
			}
			continue
		}
		st.removePurchase(t)
		tw.deleted = append(tw.deleted, t)
	}
	st.mu.Unlock()
	c.e.counters.change(func(s *Stats) {
		s.Added += int64(len(tw.adds) - len(tw.addErrors))
		s.Updated += int64(len(tw.updates) - len(tw.updateErrors))
		s.Deleted += int64(len(tw.deleted))
		s.ItemErrors += int64(len(tw.addErrors) + len(tw.updateErrors) + len(tw.deleteErrors))
	})
}

// applyTransactionAdd returns a text when the item is refused. The caller holds the store's lock.
func (c *call) applyTransactionAdd(tw *transactionWrite, add transactionAdd) (code int, text string) {
	st := c.e.customers
	switch {
	case add.customer == nil:
		return 400, "Field customer_id is required"
	case add.price == nil:
		return 400, "Field price is required"
	}
	cu := st.find(*add.customer)
	if cu == nil {
		return 404, "Customer is not found"
	}
	now, user := c.now.Unix(), c.e.config.UserID
	t := &Transaction{
		ID: st.purchases.takeID(), CustomerID: cu.ID, CreatedBy: user, UpdatedBy: user, CreatedAt: now, UpdatedAt: now,
		Date: now, Price: *add.price, Comment: add.comment, Elements: add.elements,
	}
	if add.date != nil {
		t.Date = *add.date
	}
	next := nextPurchase{date: add.nextDate}
	if add.nextPrice != nil {
		next.price = &amount{whole: *add.nextPrice}
	}
	c.purchase(cu, t, next, false)
	tw.items = append(tw.items, t.ID)
	return 0, ""
}

// applyTransactionComment returns a text when the item is refused. A comment leaves the transaction's updated_at alone.
// The caller holds the store's lock.
func (c *call) applyTransactionComment(tw *transactionWrite, update transactionComment) (code int, text string) {
	if update.comment == nil {
		return 400, "Field comment is required"
	}
	old := c.e.customers.purchases.find(update.id)
	if old == nil {
		return 404, "Transaction is not found"
	}
	t := old.clone()
	t.Comment = *update.comment
	c.e.customers.purchases.put(t)
	tw.items = append(tw.items, t.ID)
	return 0, ""
}

func (c *call) renderTransactionWrite(tw *transactionWrite) []byte {
	style := c.e.config.TransactionsDeleted
	var w jsonWriter
	w.open('{')
	w.self(c.href(), "post")
	w.key("_embedded")
	w.open('{')
	w.key("items")
	if tw.deletes != nil && style != DeletedItems { // then items is an object, whatever else it holds
		w.open('{')
		for i, id := range tw.items {
			w.key(strconv.Itoa(i))
			writeTransactionItem(&w, id)
		}
		w.key("deleted")
		if style == DeletedMap {
			writeDeletedMap(&w, tw.deleted)
		} else {
			writeDeletedList(&w, tw.deleted)
		}
		w.close('}')
	} else {
		w.open('[')
		for _, id := range tw.items {
			writeTransactionItem(&w, id)
		}
		for _, t := range tw.deleted {
			writeTransactionItem(&w, t.ID)
		}
		w.close(']')
	}
	c.writeItemErrors(&w, tw.addErrors, tw.updateErrors, tw.deleteErrors)
	w.close('}')
	w.close('}')
	return w.buf
}

func writeTransactionItem(w *jsonWriter, id int64) {
	w.open('{')
	w.keyInteger("id", id)
	w.self(transactionHref(id), "get")
	w.close('}')
}

func writeDeletedList(w *jsonWriter, deleted []*Transaction) {
	w.open('[')
	for _, t := range deleted {
		w.open('{')
		w.keyInteger("id", t.ID)
		w.close('}')
	}
	w.close(']')
}

func writeDeletedMap(w *jsonWriter, deleted []*Transaction) {
	if len(deleted) == 0 {
		w.raw("[]") // an empty array of the service has no keys to show
		return
	}
	w.open('{')
	for _, t := range deleted {
		w.key(strconv.FormatInt(t.ID, 10))
		w.open('{')
		w.keyInteger("id", t.ID)
		w.keyInteger("date", t.Date)
		w.keyInteger("price", t.Price)
		w.keyInteger("customer_id", t.CustomerID)
		w.close('}')
	}
	w.close('}')
}
