package emulator

import (
	"slices"
	"strconv"
)

const (
	transactionsPath = "/api/v2/transactions"
	// commentPath is the second of the two paths at which comments are written.
	commentPath = transactionsPath + "/comment"
)

// listTransactions answers GET /api/v2/transactions.
func (c *call) listTransactions() (*reply, error) {
	if err := c.checkCustomers(); err != nil {
		return nil, err
	}
	q, err := c.readTransactionQuery()
	if err != nil {
		return nil, err
	}
	q.offset = c.action.offset(q.offset)
	st := c.e.customers
	st.mu.RLock()
	page := st.purchases.page(q)
	st.mu.RUnlock()
	return v2ListReply(c, page, 512, func(w *jsonWriter, _ int, t *Transaction) { c.writeTransaction(w, t) }), nil
}

// transactionQuery is what a list is asked for.
type transactionQuery struct {
	ids          []int64 // when set, neither rows nor offset count
	customer     int64   // 0: all
	rows, offset int
}

// readTransactionQuery reads the parameters. What cannot be read is ignored unless in strict mode.
func (c *call) readTransactionQuery() (q transactionQuery, err error) {
	if err := c.checkQuery("id", "customer_id", "limit_rows", "limit_offset"); err != nil {
		return q, err
	}
	narrows := c.e.config.CustomerNarrowsIDs
	var off []string
	if !narrows {
		off = []string{"customer_id"}
	}
	if q.ids, err = c.readID(off...); err != nil || q.ids != nil && !narrows {
		return q, err
	}
	if q.rows, q.offset, err = c.readPaging(); err != nil {
		return q, err
	}
	customer := c.query.get("customer_id")
	if customer == nil || customer.isScalar() && customer.text == "" {
		return q, nil
	}
	id, ok := customer.integer()
	if !ok || id <= 0 {
		return q, c.ignored("customer_id must be the id of one customer")
	}
	q.customer = id
	return q, nil
}

// page returns the rows a query asks for.
func (st *transactionStore) page(q transactionQuery) []*Transaction {
	switch {
	case q.ids != nil:
		found := slices.DeleteFunc(st.some(q.ids), func(t *Transaction) bool {
			return q.customer != 0 && t.CustomerID != q.customer
		})
		return found[:min(maxRows, len(found))]
	case q.customer != 0:
		own := st.of(q.customer)
		own = own[min(q.offset, len(own)):]
		return own[:min(q.rows, len(own))]
	}
	return st.all(q.offset, q.rows)
}

// writeTransaction writes a transaction as lists show it.
func (c *call) writeTransaction(w *jsonWriter, t *Transaction) {
	w.open('{')
	w.keyInteger("id", t.ID)
	w.keyInteger("created_by", t.CreatedBy)
	w.keyInteger("created_at", t.CreatedAt)
	w.keyInteger("updated_at", t.UpdatedAt)
	w.keyInteger("account_id", c.e.config.AccountID)
	w.keyInteger("updated_by", t.UpdatedBy)
	w.keyBool("is_deleted", false) // a deleted transaction is not found at all
	w.keyText("comment", t.Comment)
	w.keyInteger("price", t.Price)
	w.keyInteger("date", t.Date)
	w.key("customer")
	w.open('{')
	w.keyInteger("id", t.CustomerID)
	w.self(customerHref(t.CustomerID), "get")
	w.close('}')
	w.self(transactionHref(t.ID), "get")
	w.close('}')
}

func transactionHref(id int64) string { return transactionsPath + "?id=" + strconv.FormatInt(id, 10) }
