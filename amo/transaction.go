package amo

import (
	"slices"

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
		},
	}
}

// sameTransaction compares what a read shows of a new transaction.
func sameTransaction(sent, stored *amogatev1.Transaction) bool {
	return sent.GetCustomerId() == stored.GetCustomerId() &&
		sent.GetPrice().GetUnits() == stored.GetPrice().GetUnits() &&
		sent.GetComment() == stored.GetComment() &&
		(sent.GetCompleteTime() == nil || sent.GetCompleteTime().GetSeconds() == stored.GetCompleteTime().GetSeconds())
}
