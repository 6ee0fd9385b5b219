package amo

import (
	"context"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// CustomerLinks reads what customers are linked with.
func (c *Client) CustomerLinks(ctx context.Context, ids []int64) ([]*amogatev1.CustomerLink, error) {
	if _, err := c.route(customerLinksName, driver.OpList, asked{}); err != nil {
		return nil, err
	}
	return exchange(ctx, c, v4.CustomerLinks(ids))
}

// CustomerSubscribers reads who is told of changes of a customer.
func (c *Client) CustomerSubscribers(ctx context.Context, id int64) ([]*amogatev1.Subscriber, error) {
	if _, err := c.route(subscribersName, driver.OpList, asked{}); err != nil {
		return nil, err
	}
	return exchange(ctx, c, v4.CustomerSubscribers(id))
}

// ChangeBonusPoints earns or redeems bonus points of a customer, one of the two
// being 0, and returns the balance.
func (c *Client) ChangeBonusPoints(ctx context.Context, customerID, earn, redeem int64) (int64, error) {
	if _, err := c.route(bonusPointsName, driver.OpUpdate, asked{}); err != nil {
		return 0, err
	}
	balance, err := exchange(ctx, c, v4.BonusPoints(customerID, earn, redeem))
	if IsKind(err, KindUpstreamInvalid) && len(asError(err).Fields) == 0 {
		path := "earn"
		if redeem != 0 {
			path = "redeem"
		}
		asError(err).Fields = []FieldError{{Path: path, Description: "upstream refuses it; has the customer as many points?"}}
	}
	return balance, err
}
