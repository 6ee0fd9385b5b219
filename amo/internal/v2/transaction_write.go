package v2

import (
	"slices"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// transactionsWrite is the body of a write; one of its lists is set.
type transactionsWrite struct {
	Add    []transactionWrite `json:"add,omitzero"`
	Update []commentWrite     `json:"update,omitzero"`
	Delete []int64            `json:"delete,omitzero"`
}

// transactionWrite is an item of add; what is nil is not sent. It has no
// request id: upstream knows none here and answers by position.
type transactionWrite struct {
	CustomerID int64   `json:"customer_id"`
	Date       *int64  `json:"date,omitzero"`
	Price      int64   `json:"price"`
	Comment    *string `json:"comment,omitzero"`
	NextDate   *int64  `json:"next_date,omitzero"`
	NextPrice  *int64  `json:"next_price,omitzero"`
	// Elements is {catalog:{element:quantity}}.
	Elements map[int64]map[int64]float64 `json:"elements,omitzero"`
}

// commentWrite is an item of update, which knows nothing but the comment and
// has no lock. One table of the vendor's v2 reference names the key "comments";
// all samples have "comment".
type commentWrite struct {
	TransactionID int64  `json:"transaction_id"`
	Comment       string `json:"comment"`
}

// writableTransaction are the fields of a transaction that can be written, by
// operation.
var writableTransaction = map[string][]driver.Op{
	"customer_id":        {driver.OpCreate},
	"price":              {driver.OpCreate},
	"complete_time":      {driver.OpCreate},
	"comment":            {driver.OpCreate, driver.OpUpdate},
	"next_price":         {driver.OpCreate},
	"next_purchase_time": {driver.OpCreate},
	"catalog_elements":   {driver.OpCreate},
}

// transactionKeys are upstream's names of the fields of a transaction, as its
// texts mention them.
var transactionKeys = map[string]string{
	"customer":    "customer_id",
	"customer_id": "customer_id",
	"date":        "complete_time",
	"price":       "price",
	"comment":     "comment",
	"comments":    "comment",
	"next_date":   "next_purchase_time",
	"next_price":  "next_price",
	"elements":    "catalog_elements",
}

// transactionFields are the names of the fields of a transaction.
var transactionFields = fieldNames((*amogatev1.Transaction)(nil).ProtoReflect().Descriptor())

// unreadTransactionFields are those that upstream takes and never shows.
var unreadTransactionFields = []string{"next_price", "next_purchase_time", "catalog_elements", "accrue_bonus"}

func supportsTransaction(op driver.Op, path string) bool {
	switch op {
	case driver.OpList, driver.OpGet:
		return path == "" || transactionFields[path] && !slices.Contains(unreadTransactionFields, path)
	case driver.OpCreate, driver.OpUpdate:
		return path == "" || slices.Contains(writableTransaction[path], op)
	case driver.OpDelete:
		return path == "" || path == "id"
	}
	return false
}

// checkTransaction checks the fields of paths; on create without paths, those
// that are set, of which output-only ones are ignored.
func checkTransaction(env *driver.Env, op driver.Op, value *amogatev1.Transaction, paths []string) error {
	r := &report{resource: transactionsName, record: "transaction"}
	if op == driver.OpCreate {
		if value.GetCustomerId() <= 0 {
			r.invalid("customer_id", "is required of a new transaction")
		}
		if value.GetPrice() == nil {
			r.invalid("price", "is required of a new transaction")
		}
		if len(paths) == 0 {
			paths = slices.DeleteFunc(populated(value), func(path string) bool {
				return !supportsTransaction(op, path) && path != "accrue_bonus"
			})
		}
	}
	for _, path := range paths {
		switch {
		case supportsTransaction(op, path):
			checkTransactionField(env, value, path, r)
		case !transactionFields[path]:
			r.invalid(path, "a transaction has no such field")
		case op == driver.OpCreate && path == "accrue_bonus":
			r.unsupported(path, "API v2 knows no bonus points; leave it out")
		case op == driver.OpUpdate && supportsTransaction(driver.OpCreate, path):
			r.invalid(path, "can be set on create only")
		case op == driver.OpUpdate:
			r.invalid(path, "is output only")
		}
	}
	return r.err(op)
}

func checkTransactionField(env *driver.Env, value *amogatev1.Transaction, path string, r *report) {
	switch path {
	case "price":
		checkPrice(env, path, value.GetPrice(), r)
	case "next_price":
		checkPrice(env, path, value.GetNextPrice(), r)
	case "complete_time":
		checkInstant(path, value.GetCompleteTime(), r)
	case "next_purchase_time":
		checkInstant(path, value.GetNextPurchaseTime(), r)
	case "catalog_elements":
		checkCatalogElements(value.GetCatalogElements(), r)
	}
}

//amogate:operation POST /api/v2/transactions#add rpc=TransactionService.CreateTransaction,TransactionService.BatchCreateTransactions
func createTransactions(_ *driver.Env, values []*amogatev1.Transaction) (driver.Call, error) {
	writes := make([]transactionWrite, len(values))
	for i, value := range values {
		w := &writes[i]
		w.CustomerID = value.GetCustomerId()
		w.Price = value.GetPrice().GetUnits()
		w.Elements = writeCatalogElements(value.GetCatalogElements())
		if comment := value.GetComment(); comment != "" {
			w.Comment = &comment
		}
		if t := value.GetCompleteTime(); t != nil {
			w.Date = new(t.GetSeconds())
		}
		if t := value.GetNextPurchaseTime(); t != nil {
			w.NextDate = new(t.GetSeconds())
		}
		if price := value.GetNextPrice(); price != nil {
			w.NextPrice = new(price.GetUnits())
		}
	}
	return writeCall(transactionsName, transactionsPath, driver.OpCreate, driver.Create, transactionsWrite{Add: writes})
}

// updateTransactions writes comments. The path is the one of the other writes:
// the documents print it with a slash at its end, and a client library posts to
// /comment below it.
//
//amogate:operation POST /api/v2/transactions#update rpc=TransactionService.UpdateTransaction,TransactionService.BatchUpdateTransactions
//amogate:unused POST /api/v2/transactions/comment#update the documents print the path without /comment
func updateTransactions(_ *driver.Env, changes []driver.Change[*amogatev1.Transaction]) (driver.Call, error) {
	writes := make([]commentWrite, len(changes))
	for i, change := range changes {
		if !slices.Contains(change.Paths, "comment") {
			return driver.Call{}, &driver.Error{
				Kind:    driver.KindBug,
				Op:      transactionsName + ".update",
				ID:      change.ID,
				Message: "a change of a transaction came without its comment",
			}
		}
		writes[i] = commentWrite{TransactionID: change.ID, Comment: change.Value.GetComment()}
	}
	return writeCall(transactionsName, transactionsPath, driver.OpUpdate, driver.Set, transactionsWrite{Update: writes})
}

//amogate:operation POST /api/v2/transactions#delete rpc=TransactionService.DeleteTransaction,TransactionService.BatchDeleteTransactions
func deleteTransactions(ids []int64) driver.Call {
	// A list of numbers always encodes.
	call, _ := writeCall(transactionsName, transactionsPath, driver.OpDelete, driver.Set, transactionsWrite{Delete: ids})
	return call
}
