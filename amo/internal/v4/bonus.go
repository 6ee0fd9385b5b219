package v4

import (
	"errors"
	"net/http"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// bonusPointsName is the bonus points of customers in operation names.
const bonusPointsName = "bonus_points"

// bonusWrite is the body of a change; one of its keys is set.
type bonusWrite struct {
	Earn   int64 `json:"earn,omitzero"`
	Redeem int64 `json:"redeem,omitzero"`
}

var errNoBalance = errors.New("it does not tell the balance")

// bonusErrors: more points than there are is a bad value of redeem.
var bonusErrors = errorReader{
	field:       pathMap{"earn": "earn", "redeem": "redeem"}.field,
	ofCustomers: true,
}

// BonusPoints describes the change of a customer's bonus points by earn or by
// -redeem, one of which has to be above 0 and the other 0. It answers the new
// balance, which upstream tells nowhere else. Sent twice, it counts twice.
//
//amogate:operation POST /api/v4/customers/{id}/bonus_points rpc=CustomerService.ChangeBonusPoints
func BonusPoints(customerID, earn, redeem int64) driver.Exchange[int64] {
	path := itemPath(basePath+"/customers", customerID) + "/bonus_points"
	// Two numbers always encode.
	call, _ := writeCall(bonusPointsName, driver.OpUpdate, http.MethodPost, path, driver.Create, bonusWrite{Earn: earn, Redeem: redeem})
	return driver.Exchange[int64]{
		Call:        call,
		Decode:      decodeBonusPoints,
		DecodeError: bonusErrors.decode,
	}
}

func decodeBonusPoints(_ *driver.Env, body []byte) (int64, error) {
	var w struct {
		BonusPoints wire.Int `json:"bonus_points"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return 0, named(err, bonusPointsName, driver.OpUpdate)
	}
	if !w.BonusPoints.Set {
		return 0, named(badResponse(errNoBalance), bonusPointsName, driver.OpUpdate)
	}
	return w.BonusPoints.Value, nil
}
