package v4

import (
	"errors"
	"net/http"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// transactionsName is the resource in operation names.
const transactionsName = "transactions"

const transactionsPath = basePath + "/customers/transactions"

// transactionsKeys are the keys of the rows in answers. The second is the one
// that the reference prints for answers to creations.
var transactionsKeys = []string{"transactions", "customers"}

// Transactions is the codec of transactions, the purchases of customers.
// Upstream cannot change them.
func Transactions() driver.Resource[*amogatev1.Transaction, *amogatev1.TransactionFilter] {
	return driver.Resource[*amogatev1.Transaction, *amogatev1.TransactionFilter]{
		Name:        transactionsName,
		Generation:  driver.V4,
		MaxPage:     maxPage,
		MaxIDs:      maxIDs,
		MaxBatch:    maxBatch,
		MaxDelete:   1,
		Paged:       true,
		Supports:    supportsTransaction,
		List:        listTransactions,
		Local:       localTransactionFields,
		ByIDs:       transactionsByIDs,
		DecodeList:  decodeTransactions,
		Check:       checkTransaction,
		NeedsBefore: func(*amogatev1.Transaction, []string) bool { return false },
		CheckChange: func(driver.Change[*amogatev1.Transaction]) error { return nil },
		Group:       groupTransactions,
		Create:      createTransactions,
		Delete:      deleteTransaction,
		DecodeWrite: decodeTransactionWrite,
		DecodeError: transactionError,
	}
}

// listTransactions asks for the transactions of the account or of one customer.
//
//amogate:operation GET /api/v4/customers/transactions rpc=TransactionService.ListTransactions,TransactionService.ListTransactionsPage
//amogate:operation GET /api/v4/customers/{customer_id}/transactions rpc=TransactionService.ListTransactions,TransactionService.ListTransactionsPage
func listTransactions(_ *driver.Env, filter *amogatev1.TransactionFilter, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(transactionsName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	if ids := filter.GetIds(); len(ids) <= maxIDs {
		addInts(query, "filter[id][]", ids)
	}
	path := transactionsPath
	if id := filter.GetCustomerId(); id != 0 {
		path = customerTransactionsPath(id)
	}
	return readCall(transactionsName, driver.OpList, path, query), nil
}

// customerTransactionsPath is the path of the transactions of one customer.
func customerTransactionsPath(customerID int64) string {
	return itemPath(basePath+"/customers", customerID) + "/transactions"
}

// localTransactionFields returns the ids when they are too many for a URL.
func localTransactionFields(filter *amogatev1.TransactionFilter) []string {
	if len(filter.GetIds()) > maxIDs {
		return []string{"ids"}
	}
	return nil
}

// transactionsByIDs asks for one by its path, which answers 404 or 204 when there
// is none, and for several by a filter.
//
//amogate:operation GET /api/v4/customers/transactions rpc=TransactionService.ListTransactions,TransactionService.ListTransactionsPage
//amogate:operation GET /api/v4/customers/transactions/{id} rpc=TransactionService.GetTransaction
//amogate:unused GET /api/v4/customers/{customer_id}/transactions/{id} the path without the customer needs only the id
func transactionsByIDs(ids []int64) driver.Call {
	if len(ids) == 1 {
		return readCall(transactionsName, driver.OpGet, itemPath(transactionsPath, ids[0]), nil)
	}
	return readCall(transactionsName, driver.OpGet, transactionsPath, idsQuery(ids))
}

// transaction is a transaction as reads show it, of answers to creations a
// part. The plan of the next purchase is the customer's: no sample shows it
// here, and one client reads its amount.
type transaction struct {
	ID             wire.Int     `json:"id"`
	Price          wire.Decimal `json:"price"`
	PriceMinor     wire.Decimal `json:"price_with_minor_units"`
	NextPrice      wire.Decimal `json:"next_price"`
	NextPriceMinor wire.Decimal `json:"next_price_with_minor_units"`
	NextDate       wire.Unix    `json:"next_date"`
	Comment        wire.Text    `json:"comment"`
	CompletedAt    wire.Unix    `json:"completed_at"`
	CustomerID     wire.Int     `json:"customer_id"`
	CreatedBy      wire.Int     `json:"created_by"`
	UpdatedBy      wire.Int     `json:"updated_by"`
	CreatedAt      wire.Unix    `json:"created_at"`
	UpdatedAt      wire.Unix    `json:"updated_at"`
	IsDeleted      wire.Bool    `json:"is_deleted"`
	AccountID      wire.Int     `json:"account_id"`
	Embedded       wire.Object[struct {
		Customer wire.Object[struct {
			ID wire.Int `json:"id"`
		}] `json:"customer"`
		CatalogElements wire.List[item[boughtElement]] `json:"catalog_elements"`
	}] `json:"_embedded"`
}

// boughtElement is an element of a catalog that was bought.
type boughtElement struct {
	ID       wire.Int                    `json:"id"`
	Metadata wire.Object[boughtMetadata] `json:"metadata"`
	// One table of the reference lists the metadata one level too high.
	boughtMetadata
}

type boughtMetadata struct {
	CatalogID wire.Int     `json:"catalog_id"`
	Quantity  wire.Decimal `json:"quantity"`
	PriceID   wire.Int     `json:"price_id"`
}

// decodeTransactions decodes a page. A page without rows is the answer 404 with
// a text of its own, which accounts without customers give as well: there the
// mode tells what it means.
func decodeTransactions(env *driver.Env, body []byte) (driver.Page[*amogatev1.Transaction], error) {
	if isNoTransactions(body) {
		return driver.Page[*amogatev1.Transaction]{}, named(checkCustomers(env), transactionsName, driver.OpList)
	}
	if _, missing := missingText(body); missing {
		return driver.Page[*amogatev1.Transaction]{}, nil
	}
	return decodePage(transactionsName, body, rowAs(func(w *transaction) (*amogatev1.Transaction, error) {
		return w.toProto(env)
	}), transactionsKeys...)
}

// noTransactions is upstream's text of an empty list.
const noTransactions = "Transactions not found"

// isNoTransactions tells the answer 404 of an empty list from those of unknown
// customers and addresses.
func isNoTransactions(body []byte) bool {
	text, ok := missingText(body)
	return ok && strings.EqualFold(strings.TrimRight(strings.TrimSpace(text), "."), noTransactions)
}

// checkCustomers returns why the account has no customers; nil when it has.
func checkCustomers(env *driver.Env) error {
	kind := driver.KindCustomersDisabled
	switch env.CustomersMode {
	case modeDisabled:
	case modeUnavailable:
		kind = driver.KindCustomersNotInPlan
	default:
		return nil
	}
	return &driver.Error{Kind: kind, Status: http.StatusNotFound, Message: message(kind, noTransactions)}
}

var errElement = errors.New("a catalog element has no id")

func (w *transaction) toProto(env *driver.Env) (*amogatev1.Transaction, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.Transaction{
		Id:               w.ID.Value,
		CustomerId:       max(w.CustomerID.Value, 0),
		CompleteTime:     w.CompletedAt.Timestamp(),
		Comment:          w.Comment.Value,
		NextPurchaseTime: w.NextDate.Timestamp(),
		CreateTime:       w.CreatedAt.Timestamp(),
		UpdateTime:       w.UpdatedAt.Timestamp(),
		CreatedBy:        optional(w.CreatedBy),
		UpdatedBy:        optional(w.UpdatedBy),
		AccountId:        optional(w.AccountID),
	}
	if w.IsDeleted.Set {
		msg.Deleted = new(w.IsDeleted.Value)
	}
	var err error
	if msg.Price, err = readMoney(env, w.Price, w.PriceMinor); err != nil {
		return nil, err
	}
	if msg.NextPrice, err = readMoney(env, w.NextPrice, w.NextPriceMinor); err != nil {
		return nil, err
	}
	embedded := w.Embedded.Value
	if embedded == nil {
		return msg, nil
	}
	if c := embedded.Customer.Value; c != nil && msg.GetCustomerId() == 0 {
		msg.CustomerId = max(c.ID.Value, 0)
	}
	for i := range embedded.CatalogElements {
		element, err := embedded.CatalogElements[i].value.toProto()
		if err != nil {
			return nil, err
		}
		msg.CatalogElements = append(msg.CatalogElements, element)
	}
	return msg, nil
}

func (w *boughtElement) toProto() (*amogatev1.CatalogElementLink, error) {
	if w.ID.Value <= 0 {
		return nil, errElement
	}
	m := w.boughtMetadata
	if w.Metadata.Value != nil {
		m = *w.Metadata.Value
	}
	quantity, err := m.Quantity.Float64()
	if err != nil {
		return nil, err
	}
	return &amogatev1.CatalogElementLink{
		CatalogId: max(m.CatalogID.Value, 0),
		ElementId: w.ID.Value,
		Quantity:  quantity,
		PriceId:   positive(m.PriceID),
	}, nil
}
