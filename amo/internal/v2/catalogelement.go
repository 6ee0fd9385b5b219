package v2

import (
	"fmt"

	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

type catalogElement struct {
	ID        wire.Int     `json:"id"`
	CatalogID wire.Int     `json:"catalog_id"`
	Quantity  wire.Decimal `json:"quantity"`
}

func checkCatalogElements(elements []*amogatev1.CatalogElementLink, r *report) {
	type key struct{ catalog, element int64 }
	seen := map[key]bool{}
	for i, element := range elements {
		path := fmt.Sprintf("catalog_elements[%d]", i)
		k := key{element.GetCatalogId(), element.GetElementId()}
		if k.catalog <= 0 {
			r.invalid(path+".catalog_id", "must be the id of a catalog")
		}
		if k.element <= 0 {
			r.invalid(path+".element_id", "must be the id of an element")
		}
		// NaN is not >= 0.
		if q := element.GetQuantity(); !(q >= 0 && q <= maxQuantity) {
			r.invalid(path+".quantity", "must be a number from 0 to 1e15")
		}
		if element.PriceId != nil {
			r.unsupported(path+".price_id", "API v2 does not take it; leave it out")
		}
		if seen[k] {
			r.invalid(path+".element_id", "is listed twice; list it once")
		}
		seen[k] = true
	}
}

// maxQuantity is where doubles begin to lose whole numbers.
const maxQuantity = 1e15

// writeCatalogElements returns {catalog:{element:quantity}}; nil when there are
// no elements.
func writeCatalogElements(elements []*amogatev1.CatalogElementLink) map[int64]map[int64]float64 {
	if len(elements) == 0 {
		return nil
	}
	catalogs := map[int64]map[int64]float64{}
	for _, element := range elements {
		catalog := catalogs[element.GetCatalogId()]
		if catalog == nil {
			catalog = map[int64]float64{}
			catalogs[element.GetCatalogId()] = catalog
		}
		catalog[element.GetElementId()] = element.GetQuantity()
	}
	return catalogs
}
