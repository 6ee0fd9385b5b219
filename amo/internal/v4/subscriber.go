package v4

import (
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// subscribersName is the read of subscribers in operation names.
const subscribersName = "customer_subscribers"

// CustomerSubscribers reads who is told of changes of a customer.
//
//amogate:operation GET /api/v4/customers/{id}/subscriptions rpc=CustomerService.ListCustomerSubscribers
func CustomerSubscribers(id int64) driver.Exchange[[]*amogatev1.Subscriber] {
	return driver.Exchange[[]*amogatev1.Subscriber]{
		Call: readCall(subscribersName, driver.OpList, itemPath(customersPath, id)+"/subscriptions", nil),
		Decode: func(_ *driver.Env, body []byte) ([]*amogatev1.Subscriber, error) {
			page, err := decodePage(subscribersName, body, rowAs((*subscriber).toProto), "subscriptions")
			if err != nil {
				return nil, err
			}
			return page.Rows, nil
		},
		DecodeError: customerErrors.decode,
	}
}

type subscriber struct {
	ID   wire.Int  `json:"subscriber_id"`
	Type wire.Text `json:"type"`
}

// toProto keeps group 0, which is the first group of users.
func (w *subscriber) toProto() (*amogatev1.Subscriber, error) {
	if !w.ID.Set {
		return nil, errNoID
	}
	msg := &amogatev1.Subscriber{TypeCode: w.Type.Value}
	switch w.Type.Value {
	case "user":
		msg.Subscriber = &amogatev1.Subscriber_UserId{UserId: w.ID.Value}
	case "group":
		msg.Subscriber = &amogatev1.Subscriber_GroupId{GroupId: w.ID.Value}
	default:
		msg.Subscriber = &amogatev1.Subscriber_OtherId{OtherId: w.ID.Value}
	}
	return msg, nil
}
