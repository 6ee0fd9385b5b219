package v4

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// transactionWrite is a new transaction; what is nil is not sent. Its customer
// is in the path, and whether it earns points in the query.
type transactionWrite struct {
	Price       jsontext.Value    `json:"price"`
	Comment     string            `json:"comment,omitzero"`
	CompletedAt int64             `json:"completed_at,omitzero"`
	NextPrice   jsontext.Value    `json:"next_price,omitzero"`
	NextDate    int64             `json:"next_date,omitzero"`
	Embedded    *boughtElementsIn `json:"_embedded,omitzero"`
	RequestID   string            `json:"request_id"`
}

type boughtElementsIn struct {
	CatalogElements []boughtElementWrite `json:"catalog_elements"`
}

type boughtElementWrite struct {
	ID       int64               `json:"id"`
	Metadata boughtMetadataWrite `json:"metadata"`
}

type boughtMetadataWrite struct {
	CatalogID int64   `json:"catalog_id"`
	Quantity  float64 `json:"quantity"`
}

// writableTransaction are the fields of a transaction that can be written, and
// only once: upstream cannot change a transaction.
var writableTransaction = map[string]bool{
	"customer_id":        true,
	"price":              true,
	"complete_time":      true,
	"comment":            true,
	"next_price":         true,
	"next_purchase_time": true,
	"catalog_elements":   true,
	"accrue_bonus":       true,
}

// transactionFields are the names of the fields of a transaction.
var transactionFields = fieldNames((*amogatev1.Transaction)(nil).ProtoReflect().Descriptor())

// unreadTransactionFields are those that upstream takes and does not promise to
// show.
var unreadTransactionFields = []string{"next_price", "next_purchase_time", "accrue_bonus"}

func supportsTransaction(op driver.Op, path string) bool {
	switch op {
	case driver.OpList, driver.OpGet:
		return path == "" || transactionFields[path] && !slices.Contains(unreadTransactionFields, path)
	case driver.OpCreate:
		return path == "" || writableTransaction[path]
	case driver.OpDelete:
		return path == "" || path == "id"
	case driver.OpUpdate:
	}
	return false
}

// checkTransaction checks the fields of paths; without paths, those that are
// set, of which output-only ones are ignored.
func checkTransaction(env *driver.Env, op driver.Op, value *amogatev1.Transaction, paths []string) error {
	r := &report{resource: transactionsName, record: "transaction"}
	if op != driver.OpCreate {
		for _, path := range paths {
			r.unsupported(path, "cannot be changed over API v4; delete the transaction and create it again")
		}
		return r.err(op)
	}
	if value.GetCustomerId() <= 0 {
		r.invalid("customer_id", "is required of a new transaction")
	}
	if value.GetPrice() == nil {
		r.invalid("price", "is required of a new transaction")
	}
	for _, path := range writablePaths(value, paths, supportsTransaction) {
		if !transactionFields[path] {
			r.invalid(path, "a transaction has no such field")
			continue
		}
		checkTransactionField(env, value, path, r)
	}
	return r.err(op)
}

func checkTransactionField(env *driver.Env, value *amogatev1.Transaction, path string, r *report) {
	switch path {
	case "price":
		checkMoney(env, path, value.GetPrice(), r)
	case "next_price":
		checkMoney(env, path, value.GetNextPrice(), r)
	case "complete_time":
		checkInstant(path, value.GetCompleteTime(), r)
	case "next_purchase_time":
		checkInstant(path, value.GetNextPurchaseTime(), r)
	case "catalog_elements":
		checkBoughtElements(value.GetCatalogElements(), r)
	}
}

// maxQuantity is where doubles begin to lose whole numbers.
const maxQuantity = 1e15

func checkBoughtElements(elements []*amogatev1.CatalogElementLink, r *report) {
	type key struct{ catalog, element int64 }
	seen := map[key]bool{}
	for i, element := range elements {
		path := fmt.Sprintf("catalog_elements[%d]", i)
		k := key{element.GetCatalogId(), element.GetElementId()}
		if k.catalog <= 0 {
			r.invalid(path+".catalog_id", "must be the id of a catalog")
		}
		if k.element <= 0 {
			r.invalid(path+".element_id", "must be the id of an element")
		}
		// NaN is not >= 0.
		if q := element.GetQuantity(); !(q >= 0 && q <= maxQuantity) {
			r.invalid(path+".quantity", "must be a number from 0 to 1e15")
		}
		if element.PriceId != nil {
			// Upstream refuses keys that it does not know inside of objects.
			r.unsupported(path+".price_id", "API v4 does not take it of a transaction; leave it out")
		}
		if seen[k] {
			r.invalid(path+".element_id", "is listed twice; list it once")
		}
		seen[k] = true
	}
}

// groupTransactions: one call makes transactions of one customer, and all of
// them earn points or none does.
func groupTransactions(value *amogatev1.Transaction) string {
	return strconv.FormatInt(value.GetCustomerId(), 10) + " " + accruesBonus(value)
}

// accruesBonus is upstream's spelling of accrue_bonus. What is not set is true,
// as upstream's own client sends it always.
func accruesBonus(value *amogatev1.Transaction) string {
	return strconv.FormatBool(value.AccrueBonus == nil || value.GetAccrueBonus())
}

// createTransactions sends the transactions of one group.
//
//amogate:operation POST /api/v4/customers/{customer_id}/transactions rpc=TransactionService.CreateTransaction,TransactionService.BatchCreateTransactions
func createTransactions(_ *driver.Env, values []*amogatev1.Transaction) (driver.Call, error) {
	writes := make([]transactionWrite, len(values))
	for i, value := range values {
		if groupTransactions(value) != groupTransactions(values[0]) {
			return driver.Call{}, &driver.Error{
				Kind:    driver.KindBug,
				Op:      transactionsName + "." + string(driver.OpCreate),
				Message: "transactions of several groups were to be made at once",
			}
		}
		w := &writes[i]
		w.RequestID = requestID(i)
		w.Price = writeMoney(value.GetPrice())
		w.Comment = value.GetComment()
		w.CompletedAt = value.GetCompleteTime().GetSeconds()
		w.NextDate = value.GetNextPurchaseTime().GetSeconds()
		w.Embedded = writeBoughtElements(value.GetCatalogElements())
		if value.GetNextPrice() != nil {
			w.NextPrice = writeMoney(value.GetNextPrice())
		}
	}
	path := customerTransactionsPath(values[0].GetCustomerId())
	call, err := writeCall(transactionsName, driver.OpCreate, http.MethodPost, path, driver.Create, writes)
	call.Query = url.Values{"accrue_bonus": {accruesBonus(values[0])}}
	return call, err
}

func writeBoughtElements(elements []*amogatev1.CatalogElementLink) *boughtElementsIn {
	if len(elements) == 0 {
		return nil
	}
	in := &boughtElementsIn{}
	for _, element := range elements {
		in.CatalogElements = append(in.CatalogElements, boughtElementWrite{
			ID:       element.GetElementId(),
			Metadata: boughtMetadataWrite{CatalogID: element.GetCatalogId(), Quantity: element.GetQuantity()},
		})
	}
	return in
}

// deleteTransaction deletes the one transaction that a call can name.
//
//amogate:operation DELETE /api/v4/customers/transactions/{id} rpc=TransactionService.DeleteTransaction,TransactionService.BatchDeleteTransactions
//amogate:unused DELETE /api/v4/customers/{customer_id}/transactions/{id} the path without the customer needs only the id
func deleteTransaction(ids []int64) driver.Call {
	return deleteOne(transactionsName, transactionsPath, ids)
}

// decodeTransactionWrite decodes the answer to a creation or a deletion. A
// deletion that finds nothing can look like an empty list.
func decodeTransactionWrite(op driver.Op, body []byte) (driver.WriteReply, error) {
	if err := checkFound(transactionsName, op, body); err != nil {
		return driver.WriteReply{}, err
	}
	return writeReader{
		resource: transactionsName, op: op, keys: transactionsKeys, errors: transactionErrors, told: toldTransaction,
	}.decode(body)
}

// toldTransaction keeps of an answer what is output only.
func toldTransaction(raw jsontext.Value) (proto.Message, error) {
	var w transaction
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	msg := &amogatev1.Transaction{
		CreateTime: w.CreatedAt.Timestamp(),
		UpdateTime: w.UpdatedAt.Timestamp(),
		CreatedBy:  optional(w.CreatedBy),
		UpdatedBy:  optional(w.UpdatedBy),
		AccountId:  optional(w.AccountID),
	}
	if w.IsDeleted.Set {
		msg.Deleted = new(w.IsDeleted.Value)
	}
	if w.CompletedAt.Set {
		// Upstream fills it in when it was not sent.
		msg.CompleteTime = w.CompletedAt.Timestamp()
	}
	return told(msg), nil
}

var transactionErrors = errorReader{field: transactionPaths.field, ofCustomers: true}

// transactionError leaves the answer of an empty list to the decoder of data,
// which knows the mode of the customers, and with it that of one transaction that
// is not there.
func transactionError(r driver.Response) *driver.Error {
	if r.Status == http.StatusNotFound && (isNoTransactions(r.Body) || isOneTransaction(r.URL) && isMissing(r)) {
		return nil
	}
	return transactionErrors.decode(r)
}

// isOneTransaction says whether the address is that of a transaction by its id.
func isOneTransaction(u *url.URL) bool {
	if u == nil {
		return false
	}
	collection, id := path.Split(u.Path)
	_, err := strconv.ParseInt(id, 10, 64)
	return err == nil && strings.HasSuffix(collection, transactionsPath+"/")
}

// transactionPaths are upstream's names of the fields of a transaction.
var transactionPaths = pathMap{
	"price":                           "price",
	"comment":                         "comment",
	"completed_at":                    "complete_time",
	"next_price":                      "next_price",
	"next_date":                       "next_purchase_time",
	"customer_id":                     "customer_id",
	"accrue_bonus":                    "accrue_bonus",
	"_embedded.customer":              "customer_id",
	"_embedded.catalog_elements":      "catalog_elements",
	"_embedded.catalog_elements.#":    "catalog_elements[#]",
	"_embedded.catalog_elements.#.id": "catalog_elements[#].element_id",
	"_embedded.catalog_elements.#.metadata.catalog_id": "catalog_elements[#].catalog_id",
	"_embedded.catalog_elements.#.metadata.quantity":   "catalog_elements[#].quantity",
}
