package amo

import (
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Statuses are the statuses of customers.
type Statuses = *Collection[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]

func newStatuses(c *Client) Statuses {
	return &Collection[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]{
		client: c,
		name:   "customer_statuses",
		drivers: map[Generation]driver.Resource[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]{
			V4: v4.Statuses(),
		},
		behavior: behavior[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]{
			keepsUpdateTime: true,
			written:         c.periods.forget,
		},
	}
}
