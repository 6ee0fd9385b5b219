package emulator

import (
	"net/http"
	"slices"
	"strconv"
)

// Operations of transactions. Those of a customer name it in their paths.
const (
	OpV4TransactionsList             = "v4.transactions.list"
	OpV4TransactionsListOfCustomer   = "v4.transactions.list_of_customer"
	OpV4TransactionsGet              = "v4.transactions.get"
	OpV4TransactionsGetOfCustomer    = "v4.transactions.get_of_customer"
	OpV4TransactionsCreate           = "v4.transactions.create"
	OpV4TransactionsDelete           = "v4.transactions.delete"
	OpV4TransactionsDeleteOfCustomer = "v4.transactions.delete_of_customer"
)

const (
	v4TransactionsPath   = "/api/v4/customers/transactions"
	v4TransactionsOfPath = "/api/v4/customers/{customer}/transactions"
)

// There is no PATCH: what was bought cannot be changed.
var v4TransactionRoutes = []v4Route{
	{http.MethodGet, v4TransactionsPath, OpV4TransactionsList, (*call).listTransactionsV4},
	{http.MethodGet, v4TransactionsPath + "/{id}", OpV4TransactionsGet, (*call).getTransactionV4},
	{http.MethodDelete, v4TransactionsPath + "/{id}", OpV4TransactionsDelete, (*call).deleteTransactionV4},
	{http.MethodGet, v4TransactionsOfPath, OpV4TransactionsListOfCustomer, (*call).listTransactionsV4},
	{http.MethodPost, v4TransactionsOfPath, OpV4TransactionsCreate, (*call).createTransactionsV4},
	{http.MethodGet, v4TransactionsOfPath + "/{id}", OpV4TransactionsGetOfCustomer, (*call).getTransactionV4},
	{http.MethodDelete, v4TransactionsOfPath + "/{id}", OpV4TransactionsDeleteOfCustomer, (*call).deleteTransactionV4},
}

// Details of refusals; the first is the service's own.
const (
	noTransactionsDetail = "Transactions not found"
	noTransactionDetail  = "Transaction not found"
	noCustomerDetail     = "Customer not found"
)

// listTransactionsV4 answers GET /api/v4/customers/transactions and that of one customer. A page without rows is a 404,
// and so is a list of an account whose customers are switched off or of a customer there is not.
func (c *call) listTransactionsV4() (*reply, error) {
	if c.e.customersState() == CustomersOff {
		return c.noTransactions()
	}
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("page", "limit", "filter"); err != nil {
		return nil, err
	}
	page, err := c.readPage()
	if err != nil {
		return nil, err
	}
	filter, err := c.readFilterV4("id")
	if err != nil {
		return nil, err
	}
	ids, err := c.filterIDs(filter, "id")
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	customer := c.id("customer")
	offset := c.action.offset(page.offset())
	var rows []*Transaction
	switch {
	case ids != nil:
		rows = slices.DeleteFunc(st.purchases.some(ids), func(t *Transaction) bool {
			return customer != 0 && t.CustomerID != customer
		})
		rows = c.cutTransactions(rows, offset, page.limit)
	case customer != 0:
		rows = c.cutTransactions(st.purchases.of(customer), offset, page.limit)
	default:
		rows = st.purchases.pageByID(offset, page.limit, c.e.config.NewestTransactionsFirst)
	}
	if len(rows) == 0 {
		return c.noTransactions()
	}
	return v4List[Transaction]{
		key: "transactions", page: page, rows: rows, everyNext: true,
		write: func(w *jsonWriter, t *Transaction) { c.writeTransactionV4(w, t, c.repeating(v4TransactionPath(t))) },
	}.reply(c), nil
}

// cutTransactions brings rows into the order of lists and cuts a page out.
func (c *call) cutTransactions(rows []*Transaction, offset, limit int) []*Transaction {
	slices.SortFunc(rows, func(a, b *Transaction) int { return sortKey{id: a.ID}.compare(sortKey{id: b.ID}) })
	if c.e.config.NewestTransactionsFirst {
		slices.Reverse(rows)
	}
	rows = rows[min(offset, len(rows)):]
	return rows[:min(limit, len(rows))]
}

// pageByID returns the rows from offset on of all transactions by ascending or descending id, whatever order the store
// itself keeps.
func (st *transactionStore) pageByID(offset, limit int, newest bool) []*Transaction {
	if newest != st.oldestFirst {
		return st.all(offset, limit)
	}
	rest := st.order.count() - offset
	if rest <= 0 {
		return nil
	}
	rows := st.all(max(0, rest-limit), min(limit, rest))
	slices.Reverse(rows)
	return rows
}

// noTransactions answers a list without rows, which is otherwise than other lists.
func (c *call) noTransactions() (*reply, error) {
	if c.e.config.NoTransactions204 {
		return emptyReply(), nil
	}
	return nil, &problem{status: http.StatusNotFound, detail: noTransactionsDetail}
}

// missing answers a GET of something there is not.
func (c *call) missingV4(detail string) (*reply, error) {
	if c.e.config.Missing204 {
		return emptyReply(), nil
	}
	return nil, &problem{status: http.StatusNotFound, detail: detail}
}

// getTransactionV4 answers GET of one transaction, at the path of its customer or at that of all.
func (c *call) getTransactionV4() (*reply, error) {
	if c.e.customersState() == CustomersOff {
		return c.missingV4(noTransactionsDetail)
	}
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	c.e.customers.mu.RLock()
	t := c.transactionOfPath()
	c.e.customers.mu.RUnlock()
	if t == nil {
		return c.missingV4(noTransactionDetail)
	}
	var w jsonWriter
	c.writeTransactionV4(&w, t, c.absolute(v4TransactionPath(t)))
	c.e.counters.change(func(s *Stats) { s.RowsSent++ })
	return c.halReply(w.buf), nil
}

// transactionOfPath returns the transaction the path names, nil when there is none or it is another customer's. The
// caller holds the store's lock.
func (c *call) transactionOfPath() *Transaction {
	t := c.e.customers.purchases.find(c.id("id"))
	if customer := c.id("customer"); t == nil || customer != 0 && t.CustomerID != customer {
		return nil
	}
	return t
}

func (c *call) writeTransactionV4(w *jsonWriter, t *Transaction, self string) {
	w.open('{')
	w.keyInteger("id", t.ID)
	c.keyAmount(w, "price", t.price())
	if t.Comment == "" {
		w.keyRaw("comment", "null")
	} else {
		w.keyText("comment", t.Comment)
	}
	w.keyInteger("completed_at", t.Date)
	w.keyInteger("customer_id", t.CustomerID)
	w.keyInteger("created_by", t.CreatedBy)
	w.keyInteger("updated_by", t.UpdatedBy)
	w.keyInteger("created_at", t.CreatedAt)
	w.keyInteger("updated_at", t.UpdatedAt)
	w.keyBool("is_deleted", false) // a deleted transaction is not found at all
	w.keyInteger("account_id", c.e.config.AccountID)
	w.selfLink(self)
	w.key("_embedded")
	w.open('{')
	c.writeCustomerOf(w, t)
	if len(t.Elements) > 0 {
		w.list("catalog_elements", len(t.Elements), func(i int) {
			w.open('{')
			w.keyInteger("id", t.Elements[i].ElementID)
			w.key("metadata")
			w.open('{')
			w.keyInteger("catalog_id", t.Elements[i].CatalogID)
			keyQuantity(w, "quantity", t.Elements[i].quantity())
			w.close('}')
			w.close('}')
		})
	}
	w.close('}')
	w.close('}')
}

func (c *call) writeCustomerOf(w *jsonWriter, t *Transaction) {
	w.key("customer")
	w.open('{')
	w.keyInteger("id", t.CustomerID)
	w.selfLink(c.absolute("/api/v4/customers/" + strconv.FormatInt(t.CustomerID, 10)))
	w.close('}')
}

// v4TransactionPath is where a transaction is found below its customer.
func v4TransactionPath(t *Transaction) string {
	return "/api/v4/customers/" + strconv.FormatInt(t.CustomerID, 10) + "/transactions/" + strconv.FormatInt(t.ID, 10)
}
