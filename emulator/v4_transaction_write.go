package emulator

import (
	"net/http"
	"strings"
)

// isPrice takes a sum of money. Accounts without minor units take whole ones only.
func (c *call) isPrice(r *row, path string, n *node) {
	if c.e.config.NoMinorUnits {
		isInt(r, path, n)
		if n.kind != nodeNumber || !isWhole(n.text) {
			return
		}
	}
	isAmount(r, path, n)
}

// createTransactionsV4 answers POST /api/v4/customers/{customer}/transactions.
func (c *call) createTransactionsV4() (*reply, error) {
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("accrue_bonus"); err != nil {
		return nil, err
	}
	accrue, err := c.readAccrue()
	if err != nil {
		return nil, err
	}
	rows, err := c.readRows(
		key{"price", true, c.isPrice},
		key{"comment", false, orNull(isText)},
		key{"completed_at", false, isTime},
		key{"next_price", false, c.isPrice},
		key{"next_date", false, isTime},
		key{"created_by", false, isInt},
		key{"request_id", false, isRequestID},
		key{"metadata", false, isObject(
			key{"receipt_link", false, orNull(isText)},
			key{"external_id", false, orNull(isText)},
		)},
		key{"_embedded", false, isObject(
			key{"catalog_elements", false, isList(isObject(
				key{"id", true, isInt},
				key{"metadata", true, isObject(
					key{"catalog_id", true, isInt},
					key{"quantity", true, isAmount},
				)},
			))},
		)},
	)
	if err != nil {
		return nil, err
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	made, err := c.purchaseAll(rows, accrue)
	if err != nil {
		return nil, err
	}
	c.e.counters.change(func(s *Stats) { s.Added += int64(len(made)) })
	return c.transactionsReply(rows, made), nil
}

// readAccrue reads the parameter accrue_bonus, which is false when absent.
func (c *call) readAccrue() (bool, error) {
	n := c.query.get("accrue_bonus")
	if n == nil {
		return false, nil
	}
	switch strings.ToLower(n.str()) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, c.ignored("accrue_bonus: %q is neither true nor false", n.str())
}

// purchaseAll stores the checked rows.
func (c *call) purchaseAll(rows []*row, accrue bool) ([]*Transaction, error) {
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	made := make([]*Transaction, 0, len(rows))
	for _, r := range rows {
		cu := st.find(c.id("customer")) // anew for every row: the one before has changed it
		if cu == nil {
			return nil, c.unknownCustomer(rows)
		}
		t := c.transactionOf(r)
		if accrue {
			t.BonusPoints = c.bonusFor(t.price())
		}
		var next nextPurchase
		if date, ok := r.get("next_date").integer(); ok {
			next.date = &date
		}
		if price, ok := r.get("next_price").amount(); ok {
			next.price = &price
		}
		c.purchase(cu, t, next, true)
		made = append(made, t)
	}
	return made, nil
}

// unknownCustomer refuses rows whose customer there is not.
func (c *call) unknownCustomer(rows []*row) error {
	if !c.e.config.UnknownCustomer400 {
		return &problem{status: http.StatusNotFound, detail: noCustomerDetail}
	}
	for _, r := range rows {
		r.notAChoice("customer_id")
	}
	return invalid(rows...)
}

// transactionOf makes a transaction of a checked row. The caller holds the store's lock.
func (c *call) transactionOf(r *row) *Transaction {
	now, user := c.now.Unix(), c.e.config.UserID
	price, _ := r.get("price").amount()
	t := &Transaction{
		ID: c.e.customers.purchases.takeID(), CustomerID: c.id("customer"), CreatedBy: user, UpdatedBy: user, CreatedAt: now,
		UpdatedAt: now, Date: now, Price: price.whole, PriceThousandths: price.thousandths, Comment: r.get("comment").str(),
		ReceiptLink: r.get("metadata").get("receipt_link").str(), ExternalID: r.get("metadata").get("external_id").str(),
	}
	if date, ok := r.get("completed_at").integer(); ok {
		t.Date = date
	}
	if user, ok := r.get("created_by").integer(); ok { // 0 is the robot
		t.CreatedBy, t.UpdatedBy = user, user
	}
	for _, n := range r.get("_embedded").get("catalog_elements").items() {
		id, _ := n.get("id").integer()
		catalog, _ := n.get("metadata").get("catalog_id").integer()
		quantity, _ := n.get("metadata").get("quantity").amount()
		t.Elements = append(t.Elements, CatalogElement{
			CatalogID: catalog, ElementID: id, Quantity: quantity.whole, Thousandths: quantity.thousandths,
		})
	}
	return t
}

// transactionsReply answers a POST as recorded or, with Config.DocumentedTransactions, as the documents print it: bare
// ids under another key.
func (c *call) transactionsReply(rows []*row, made []*Transaction) *reply {
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", int64(len(made)))
	if c.e.config.DocumentedTransactions {
		w.embedded("customers", len(made), func(i int) {
			w.open('{')
			w.keyInteger("id", made[i].ID)
			w.close('}')
		})
	} else {
		w.embedded("transactions", len(made), func(i int) {
			w.open('{')
			w.keyInteger("id", made[i].ID)
			w.keyInteger("customer_id", made[i].CustomerID)
			c.keyRequestID(&w, rows[i])
			w.selfLink(c.absolute(v4TransactionPath(made[i])))
			w.key("_embedded")
			w.open('{')
			c.writeCustomerOf(&w, made[i])
			w.close('}')
			w.close('}')
		})
	}
	w.close('}')
	return c.halReply(w.buf)
}

// deleteTransactionV4 answers DELETE of one transaction, at either path.
func (c *call) deleteTransactionV4() (*reply, error) {
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	t := c.transactionOfPath()
	if t == nil {
		return nil, &problem{status: http.StatusNotFound, detail: noTransactionDetail}
	}
	st.removePurchase(t)
	c.e.counters.change(func(s *Stats) { s.Deleted++ })
	return noContent(), nil
}
