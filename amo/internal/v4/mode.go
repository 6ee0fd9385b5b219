package v4

import (
	"errors"
	"net/http"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// modeName is the mode of the customers in operation names.
const modeName = "customers_mode"

// The modes of the customers as upstream codes them.
const (
	modeUnavailable = "unavailable"
	modeDisabled    = "disabled"
	modeSegments    = "segments"
	modePeriodicity = "periodicity"
	modeDynamic     = "dynamic"
)

// customersModes are the modes by upstream's codes.
var customersModes = map[string]amogatev1.CustomersMode{
	modeUnavailable: amogatev1.CustomersMode_CUSTOMERS_MODE_UNAVAILABLE,
	modeDisabled:    amogatev1.CustomersMode_CUSTOMERS_MODE_DISABLED,
	modeSegments:    amogatev1.CustomersMode_CUSTOMERS_MODE_SEGMENTS,
	modePeriodicity: amogatev1.CustomersMode_CUSTOMERS_MODE_PERIODICITY,
	modeDynamic:     amogatev1.CustomersMode_CUSTOMERS_MODE_DYNAMIC,
}

// modeState returns the mode that upstream codes so.
func modeState(code string) *amogatev1.CustomersModeState {
	return &amogatev1.CustomersModeState{Mode: customersModes[code], ModeCode: code}
}

// modeWrite is the body of a change of the mode and of its answer.
type modeWrite struct {
	Mode      string `json:"mode"`
	IsEnabled bool   `json:"is_enabled"`
}

var errNoMode = errors.New("it does not tell the mode")

// modeErrors: customers that are switched off are what the call changes.
var modeErrors = errorReader{
	field:       pathMap{"mode": "mode", "is_enabled": "enabled"}.field,
	ofCustomers: true,
}

// SetCustomersMode describes the change of how the customers of the account
// work: mode is "segments" or "periodicity". Only administrators may.
//
//amogate:operation PATCH /api/v4/customers/mode rpc=CustomersModeService.UpdateCustomersMode
func SetCustomersMode(mode string, enabled bool) driver.Exchange[*amogatev1.CustomersModeState] {
	// A text and a flag always encode.
	call, _ := writeCall(modeName, driver.OpUpdate, http.MethodPatch, basePath+"/customers/mode", driver.Set, modeWrite{Mode: mode, IsEnabled: enabled})
	return driver.Exchange[*amogatev1.CustomersModeState]{
		Call:        call,
		Decode:      decodeCustomersMode,
		DecodeError: modeError,
	}
}

// modeError takes 402 for what it is documented as here: a plan without
// customers.
func modeError(r driver.Response) *driver.Error {
	err := modeErrors.decode(r)
	if err != nil && err.Kind == driver.KindPaymentRequired {
		err.Kind = driver.KindCustomersNotInPlan
		err.Message = message(err.Kind, readFailure(r.Body).text)
	}
	return err
}

// decodeCustomersMode reads both keys, which upstream echoes. Customers that are
// off are in the mode "disabled", as the account tells it, whichever they will
// be in when they are on.
func decodeCustomersMode(_ *driver.Env, body []byte) (*amogatev1.CustomersModeState, error) {
	var w struct {
		Mode      wire.Text `json:"mode"`
		IsEnabled wire.Bool `json:"is_enabled"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return nil, named(err, modeName, driver.OpUpdate)
	}
	switch {
	case w.IsEnabled.Set && !w.IsEnabled.Value:
		return modeState(modeDisabled), nil
	case w.Mode.Value == "":
		return nil, named(badResponse(errNoMode), modeName, driver.OpUpdate)
	}
	return modeState(w.Mode.Value), nil
}
