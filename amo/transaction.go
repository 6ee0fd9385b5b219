package amo

import (
	"slices"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Transactions is the collection of transactions. Its updates change comments
// only and take no condition.
type Transactions = *Collection[*amogatev1.Transaction, *amogatev1.TransactionFilter]

func newTransactions(c *Client) Transactions {
	return &Collection[*amogatev1.Transaction, *amogatev1.TransactionFilter]{
		client: c,
		name:   "transactions",
		drivers: map[Generation]driver.Resource[*amogatev1.Transaction, *amogatev1.TransactionFilter]{
			V2: v2.Transactions(),
			V4: v4.Transactions(),
		},
		behavior: behavior[*amogatev1.Transaction, *amogatev1.TransactionFilter]{
			ids:        (*amogatev1.TransactionFilter).GetIds,
			byIDsAlone: func(f *amogatev1.TransactionFilter) bool { return len(f.GetIds()) > 0 },
			matches: func(f *amogatev1.TransactionFilter, t *amogatev1.Transaction) bool {
				return (len(f.GetIds()) == 0 || slices.Contains(f.GetIds(), t.GetId())) &&
					(f.GetCustomerId() == 0 || f.GetCustomerId() == t.GetCustomerId())
			},
			parent:          "customer_id",
			keepsUpdateTime: true,
			same:            sameTransaction,
			recent:          recentTransactions,
			given:           []string{"comment", "catalog_elements"},
		},
	}
}

// recentTransactions asks for the transactions of one customer, or of all:
// upstream finds them by nothing else.
func recentTransactions(values []*amogatev1.Transaction, _ time.Time, _ bool) *amogatev1.TransactionFilter {
	filter := &amogatev1.TransactionFilter{CustomerId: values[0].GetCustomerId()}
	for _, value := range values {
		if value.GetCustomerId() != filter.GetCustomerId() {
			filter.CustomerId = 0
		}
	}
	return filter
}

// sameTransaction compares what a read shows of a new transaction.
func sameTransaction(sent, stored *amogatev1.Transaction) bool {
	return sent.GetCustomerId() == stored.GetCustomerId() &&
		sent.GetPrice().GetUnits() == stored.GetPrice().GetUnits() &&
		sent.GetComment() == stored.GetComment() &&
		(sent.GetCompleteTime() == nil || sent.GetCompleteTime().GetSeconds() == stored.GetCompleteTime().GetSeconds())
}
