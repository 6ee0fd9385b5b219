package v2

import (
	"errors"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/type/money"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// transactionsName is the resource in operation names.
const transactionsName = "transactions"

const transactionsPath = "/api/v2/transactions"

// Transactions is the codec of transactions, the purchases of customers.
func Transactions() driver.Resource[*amogatev1.Transaction, *amogatev1.TransactionFilter] {
	return driver.Resource[*amogatev1.Transaction, *amogatev1.TransactionFilter]{
		Name:        transactionsName,
		Generation:  driver.V2,
		MaxPage:     maxPage,
		MaxIDs:      maxIDs,
		MaxBatch:    maxBatch,
		Supports:    supportsTransaction,
		List:        listTransactions,
		Local:       localTransactionFields,
		ByIDs:       transactionsByIDs,
		DecodeList:  decodeTransactions,
		Check:       checkTransaction,
		NeedsBefore: func(*amogatev1.Transaction, []string) bool { return false },
		CheckChange: func(driver.Change[*amogatev1.Transaction]) error { return nil },
		Create:      createTransactions,
		Update:      updateTransactions,
		Delete:      deleteTransactions,
		DecodeWrite: func(op driver.Op, body []byte) (driver.WriteReply, error) {
			return writeReader{resource: transactionsName, op: op, classify: classifyCustomers, keys: transactionKeys, isPositional: true}.decode(body)
		},
		DecodeError: sectionError(transactionKeys),
	}
}

//amogate:operation GET /api/v2/transactions rpc=TransactionService.ListTransactions,TransactionService.ListTransactionsPage
func listTransactions(_ *driver.Env, filter *amogatev1.TransactionFilter, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(transactionsName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	if id := filter.GetCustomerId(); id != 0 {
		query.Set("customer_id", strconv.FormatInt(id, 10))
	}
	return driver.Call{
		Name:   transactionsName + ".list",
		Method: http.MethodGet,
		Path:   transactionsPath,
		Query:  query,
		Effect: driver.Read,
	}, nil
}

// localTransactionFields returns the customer beside ids: what upstream makes
// of both is not documented, so only the ids are sent.
func localTransactionFields(filter *amogatev1.TransactionFilter) []string {
	if len(filter.GetIds()) > 0 && filter.GetCustomerId() != 0 {
		return []string{"customer_id"}
	}
	return nil
}

//amogate:operation GET /api/v2/transactions rpc=TransactionService.GetTransaction,TransactionService.ListTransactions,TransactionService.ListTransactionsPage
func transactionsByIDs(ids []int64) driver.Call {
	return driver.Call{
		Name:   transactionsName + ".get",
		Method: http.MethodGet,
		Path:   transactionsPath,
		Query:  idsQuery(ids),
		Effect: driver.Read,
	}
}

// transaction is an item of GET /api/v2/transactions. It does not show the
// bought elements, nor the plan of the next purchase, which is the customer's.
type transaction struct {
	ID        wire.Int     `json:"id"`
	CreatedBy wire.Int     `json:"created_by"`
	CreatedAt wire.Unix    `json:"created_at"`
	UpdatedAt wire.Unix    `json:"updated_at"`
	AccountID wire.Int     `json:"account_id"`
	UpdatedBy wire.Int     `json:"updated_by"`
	IsDeleted wire.Bool    `json:"is_deleted"`
	Comment   wire.Text    `json:"comment"`
	Price     wire.Decimal `json:"price"`
	Date      wire.Unix    `json:"date"`
	Customer  wire.Object[struct {
		ID wire.Int `json:"id"`
	}] `json:"customer"`
}

var errPrice = errors.New("price is out of range")

func decodeTransactions(env *driver.Env, body []byte) (driver.Page[*amogatev1.Transaction], error) {
	var page driver.Page[*amogatev1.Transaction]
	items, err := decodeAs[transaction](body)
	if err != nil {
		return page, named(err, transactionsName, driver.OpList)
	}
	rows := make([]*amogatev1.Transaction, 0, len(items))
	for i := range items {
		row, err := items[i].toProto(env)
		if err != nil {
			return page, named(badResponse(err), transactionsName, driver.OpList)
		}
		rows = append(rows, row)
	}
	page.Rows = rows
	return page, nil
}

func (w *transaction) toProto(env *driver.Env) (*amogatev1.Transaction, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.Transaction{
		Id:           w.ID.Value,
		CompleteTime: w.Date.Timestamp(),
		Comment:      w.Comment.Value,
		CreateTime:   w.CreatedAt.Timestamp(),
		UpdateTime:   w.UpdatedAt.Timestamp(),
		CreatedBy:    optional(w.CreatedBy),
		UpdatedBy:    optional(w.UpdatedBy),
		AccountId:    optional(w.AccountID),
	}
	if c := w.Customer.Value; c != nil {
		msg.CustomerId = max(c.ID.Value, 0)
	}
	if w.Price.Set() {
		units, nanos, err := w.Price.Units()
		if err != nil {
			return nil, errPrice
		}
		msg.Price = &money.Money{CurrencyCode: currency(env), Units: units, Nanos: nanos}
	}
	if w.IsDeleted.Set {
		msg.Deleted = new(w.IsDeleted.Value)
	}
	return msg, nil
}
