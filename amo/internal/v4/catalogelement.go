package v4

import (
	"errors"
	"fmt"

	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var errQuantity = errors.New("quantity is out of range")

// catalogElement is a link to an element of a catalog. The documents list the
// keys of metadata one level higher than upstream answers them.
type catalogElement struct {
	ID       wire.Int                     `json:"id"`
	Metadata wire.Object[elementMetadata] `json:"metadata"`

	CatalogID wire.Int     `json:"catalog_id"`
	Quantity  wire.Decimal `json:"quantity"`
	PriceID   wire.Int     `json:"price_id"`
}

type elementMetadata struct {
	CatalogID wire.Int     `json:"catalog_id"`
	Quantity  wire.Decimal `json:"quantity"`
	PriceID   wire.Int     `json:"price_id"`
}

func (w *catalogElement) toProto() (*amogatev1.CatalogElementLink, error) {
	metadata := elementMetadata{CatalogID: w.CatalogID, Quantity: w.Quantity, PriceID: w.PriceID}
	if w.Metadata.Value != nil {
		metadata = *w.Metadata.Value
	}
	return metadata.toProto(w.ID.Value)
}

func (w *elementMetadata) toProto(elementID int64) (*amogatev1.CatalogElementLink, error) {
	quantity, err := w.Quantity.Float64()
	if err != nil {
		return nil, errQuantity
	}
	return &amogatev1.CatalogElementLink{
		CatalogId: w.CatalogID.Value,
		ElementId: elementID,
		Quantity:  quantity,
		PriceId:   positive(w.PriceID),
	}, nil
}

// elementKey is what an element is known by.
type elementKey struct{ catalog, element int64 }

func keyOf(element *amogatev1.CatalogElementLink) elementKey {
	return elementKey{element.GetCatalogId(), element.GetElementId()}
}

func checkCatalogElements(elements []*amogatev1.CatalogElementLink, r *report) {
	seen := map[elementKey]bool{}
	for i, element := range elements {
		path := fmt.Sprintf("catalog_elements[%d]", i)
		checkID(path+".catalog_id", element.GetCatalogId(), "a catalog", r)
		checkID(path+".element_id", element.GetElementId(), "an element", r)
		// NaN is not >= 0.
		if q := element.GetQuantity(); !(q >= 0 && q <= maxQuantity) {
			r.invalid(path+".quantity", "must be a number from 0 to 1e15")
		}
		if element.PriceId != nil {
			checkID(path+".price_id", element.GetPriceId(), "a price field", r)
		}
		if seen[keyOf(element)] {
			r.invalid(path+".element_id", "is listed twice; list it once")
		}
		seen[keyOf(element)] = true
	}
}

// elementMetadataWrite is the metadata of a link to an element; a nil quantity
// is not sent.
type elementMetadataWrite struct {
	CatalogID int64    `json:"catalog_id"`
	Quantity  *float64 `json:"quantity,omitzero"`
	PriceID   int64    `json:"price_id,omitzero"`
}

func newElementMetadata(element *amogatev1.CatalogElementLink) elementMetadataWrite {
	return elementMetadataWrite{
		CatalogID: element.GetCatalogId(),
		Quantity:  new(element.GetQuantity()),
		PriceID:   element.GetPriceId(),
	}
}
