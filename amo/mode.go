package amo

import (
	"context"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// modePrefix precedes the vendor's word in the names of the modes.
const modePrefix = "CUSTOMERS_MODE_"

// CustomersMode reads how the customers of the account work.
func (c *Client) CustomersMode(ctx context.Context) (*amogatev1.CustomersModeState, error) {
	if _, err := c.route(customersModeName, driver.OpGet, asked{}); err != nil {
		return nil, err
	}
	env, err := c.env(ctx, V4, 0)
	if err != nil {
		return nil, err
	}
	return modeState(env.CustomersMode), nil
}

// SetCustomersMode chooses how the customers of the account work, and switches
// them on or off.
func (c *Client) SetCustomersMode(ctx context.Context, mode amogatev1.CustomersMode, enabled bool) (*amogatev1.CustomersModeState, error) {
	if _, err := c.route(customersModeName, driver.OpUpdate, asked{}); err != nil {
		return nil, err
	}
	code := strings.ToLower(strings.TrimPrefix(mode.String(), modePrefix))
	defer c.accounts[V4].forget()
	defer c.periods.forget()
	return exchange(ctx, c, v4.SetCustomersMode(code, enabled))
}

// modeState returns the state that a code of upstream stands for.
func modeState(code string) *amogatev1.CustomersModeState {
	return &amogatev1.CustomersModeState{
		Mode:     amogatev1.CustomersMode(amogatev1.CustomersMode_value[modePrefix+strings.ToUpper(code)]),
		ModeCode: code,
	}
}

// ambiguousCode is upstream's code for customers that are switched off. Over v4
// it also stands in other answers, so the account has the last word.
const ambiguousCode = "426"

// confirm completes errors about the state of customers over v4 by what the
// account says of it.
func (c *Client) confirm(ctx context.Context, generation Generation, err error) error {
	if err == nil {
		return nil
	}
	e := asError(err)
	if generation != V4 || e.Kind != KindCustomersMode && (e.Kind != KindCustomersDisabled || e.Code != ambiguousCode) {
		return err
	}
	env, envErr := c.env(ctx, V4, c.config.Settings.AccountRest)
	if envErr != nil {
		return err
	}
	switch mode := modeState(env.CustomersMode).GetMode(); {
	case e.Kind == KindCustomersMode && (mode == amogatev1.CustomersMode_CUSTOMERS_MODE_DISABLED || mode == amogatev1.CustomersMode_CUSTOMERS_MODE_UNAVAILABLE):
		e.Kind, e.Message = KindCustomersDisabled, "customers are switched off in the account; an administrator can switch them on"
	case e.Kind == KindCustomersMode:
		e.Mode = env.CustomersMode
	case mode == amogatev1.CustomersMode_CUSTOMERS_MODE_UNAVAILABLE:
		e.Kind, e.Message = KindCustomersNotInPlan, "the account's plan has no customers"
	case mode != amogatev1.CustomersMode_CUSTOMERS_MODE_DISABLED:
		e.Kind, e.Message = KindUnavailable, "upstream says that customers are switched off, and that they are on; try again"
	}
	return e
}
