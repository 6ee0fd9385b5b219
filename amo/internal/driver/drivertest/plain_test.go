package drivertest_test

import (
	"cmp"
	"math/big"
	"slices"

	"google.golang.org/genproto/googleapis/type/money"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// accountCurrency is the currency of an emulated account that is told no other.
const accountCurrency = "RUB"

// plainMoney names the account's currency, and takes nothing for no amount.
func plainMoney(m *money.Money) *money.Money {
	if m.GetUnits() == 0 && m.GetNanos() == 0 {
		return nil
	}
	if m.GetCurrencyCode() == "" {
		m.CurrencyCode = accountCurrency
	}
	return m
}

// plainNumber spells a decimal number as short as it goes.
func plainNumber(text string) string {
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	return number.RatString()
}

func compareText(a, b string) int { return cmp.Compare(a, b) }

func compareIDs(a, b int64) int { return cmp.Compare(a, b) }

func sortElements(elements []*amogatev1.CatalogElementLink) {
	slices.SortFunc(elements, func(a, b *amogatev1.CatalogElementLink) int {
		return cmp.Or(cmp.Compare(a.GetCatalogId(), b.GetCatalogId()), cmp.Compare(a.GetElementId(), b.GetElementId()))
	})
}
