package v4

import (
	"errors"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // the account's zone must resolve on machines without a zone database

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// accountName is the account in operation names.
const accountName = "account"

// AccountCall describes the read of the account.
//
//amogate:operation GET /api/v4/account rpc=CustomersModeService.GetCustomersMode
func AccountCall() driver.Call {
	return readCall(accountName, driver.OpGet, basePath+"/account", url.Values{
		"with": {"datetime_settings,is_api_filter_enabled"},
	})
}

// account is the answer to AccountCall.
type account struct {
	ID            wire.Int  `json:"id"`
	CurrentUserID wire.Int  `json:"current_user_id"`
	Currency      wire.Text `json:"currency"`
	CustomersMode wire.Text `json:"customers_mode"`
	Filters       wire.Bool `json:"is_api_filter_enabled"`
	Embedded      wire.Object[struct {
		Datetime wire.Object[struct {
			Timezone       wire.Text `json:"timezone"`
			TimezoneOffset wire.Text `json:"timezone_offset"`
		}] `json:"datetime_settings"`
	}] `json:"_embedded"`
}

var (
	errNoAccountID = errors.New("the account has no id")
	errNoTimeZone  = errors.New("the account has no time zone that is known here")
)

// DecodeAccount decodes the answer to AccountCall. The time zone is taken by its
// name from the time zone database, and only where that has no such zone by its
// offset, which ignores daylight saving. Custom fields are not among it: the
// values of API v4 tell their types.
func DecodeAccount(body []byte) (*driver.Env, error) {
	var w account
	if err := wire.Unmarshal(body, &w); err != nil {
		return nil, named(err, accountName, driver.OpGet)
	}
	if w.ID.Value <= 0 {
		return nil, named(badResponse(errNoAccountID), accountName, driver.OpGet)
	}
	env := &driver.Env{
		AccountID:     w.ID.Value,
		UserID:        max(w.CurrentUserID.Value, 0),
		Currency:      strings.ToUpper(strings.TrimSpace(w.Currency.Value)),
		CustomersMode: w.CustomersMode.Value,
		Filters:       w.Filters.Value,
	}
	if e := w.Embedded.Value; e != nil && e.Datetime.Value != nil {
		env.Location = loadLocation(e.Datetime.Value.Timezone.Value, e.Datetime.Value.TimezoneOffset.Value)
	}
	if env.Location == nil {
		return nil, named(badResponse(errNoTimeZone), accountName, driver.OpGet)
	}
	return env, nil
}

// loadLocation returns nil when neither the name nor the offset is known.
func loadLocation(name, offset string) *time.Location {
	// "" and "Local" mean something else to the standard library.
	if name != "" && name != "Local" {
		if location, err := time.LoadLocation(name); err == nil {
			return location
		}
	}
	for _, layout := range []string{"-07:00", "-0700", "Z07:00"} {
		if t, err := time.Parse(layout, offset); err == nil {
			_, east := t.Zone()
			return time.FixedZone(offset, east)
		}
	}
	return nil
}

func location(env *driver.Env) *time.Location {
	if env == nil || env.Location == nil {
		return time.UTC
	}
	return env.Location
}
