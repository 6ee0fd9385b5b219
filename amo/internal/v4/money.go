package v4

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/genproto/googleapis/type/money"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var errMoney = errors.New("an amount of money is out of range")

// readMoney prefers the amount with minor units: the plain one is the same,
// truncated, and the only one of older servers. Both absent is nil.
func readMoney(env *driver.Env, whole, minor wire.Decimal) (*money.Money, error) {
	amount := whole
	if minor.Set() {
		amount = minor
	}
	if !amount.Set() {
		return nil, nil
	}
	units, nanos, err := amount.Units()
	if err != nil {
		return nil, errMoney
	}
	return &money.Money{CurrencyCode: currency(env), Units: units, Nanos: nanos}, nil
}

// writeMoney writes an amount as a JSON number: whole where it is whole, which
// older servers insist on, else with minor units, in the digits that it has.
func writeMoney(m *money.Money) jsontext.Value {
	units, nanos := m.GetUnits(), m.GetNanos()
	text := strconv.FormatInt(units, 10)
	if nanos != 0 {
		sign := ""
		if units < 0 || nanos < 0 {
			sign = "-"
		}
		text = sign + fmt.Sprintf("%s.%09d", strings.TrimPrefix(text, "-"), max(nanos, -nanos))
		text = strings.TrimRight(text, "0")
	}
	return jsontext.Value(text)
}

const maxNanos = 999_999_999

// minorDigits are the nanos of the last digit that upstream is known to keep: it
// holds amounts as binary fractions.
const minorDigits = 1_000_000

// checkMoney reports an amount that cannot be written; nil is "cleared".
func checkMoney(env *driver.Env, path string, m *money.Money, r *report) {
	code, account := m.GetCurrencyCode(), currency(env)
	if code != "" && !strings.EqualFold(code, account) {
		r.invalid(path+".currency_code", fmt.Sprintf("the account's currency is %q; send it or none", account))
	}
	units, nanos := m.GetUnits(), m.GetNanos()
	switch {
	case nanos > maxNanos || nanos < -maxNanos || units > 0 && nanos < 0 || units < 0 && nanos > 0:
		r.invalid(path+".nanos", "must lie within ±999999999 and have the sign of units")
	case units < 0 || nanos < 0:
		r.invalid(path+".units", "must not be negative")
	case nanos%minorDigits != 0:
		r.inexpressible(path+".nanos", "API v4 keeps three digits behind the point; round the amount")
	}
}

func currency(env *driver.Env) string {
	if env == nil {
		return ""
	}
	return env.Currency
}
