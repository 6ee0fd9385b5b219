package drivertest_test

import (
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// storedCustomer is what a read has to show of a customer beyond its custom
// fields, if it shows everything.
func storedCustomer(a *account, g *generation, c emulator.Customer) *amogatev1.Customer {
	msg := &amogatev1.Customer{
		Id: c.ID, Name: c.Name, NextPurchaseTime: storedTime(c.NextDate), NextPrice: g.storedMoney(c.NextPrice, c.NextPriceThousandths),
		ResponsibleUserId: &c.ResponsibleUserID, PeriodId: storedID(c.PeriodID), StatusId: storedID(c.PeriodID),
		Periodicity: new(int32(c.Periodicity)), ContactIds: c.ContactIDs, MainContactId: storedID(c.MainContactID),
		CompanyId: storedID(c.CompanyID), ClosestTaskTime: storedTime(c.ClosestTaskAt), Deleted: new(false),
		CreateTime: storedTime(c.CreatedAt), UpdateTime: storedTime(c.UpdatedAt), CreatedBy: &c.CreatedBy, UpdatedBy: &c.UpdatedBy,
	}
	if company, ok := a.Parent(emulator.ParentCompany, c.CompanyID); ok && company.Name != "" {
		msg.CompanyName = &company.Name
	}
	for _, tag := range c.Tags {
		msg.Tags = append(msg.Tags, &amogatev1.Tag{Id: tag.ID, Name: tag.Name})
	}
	for _, element := range c.CatalogElements {
		msg.CatalogElements = append(msg.CatalogElements, g.storedElement(element))
	}
	for _, id := range c.SegmentIDs {
		msg.Segments = append(msg.Segments, &amogatev1.SegmentLink{Id: id})
	}
	sum, purchases := int64(0), int64(0)
	for t := range a.Transactions() {
		if t.CustomerID == c.ID {
			sum += 1000*t.Price + t.PriceThousandths
			purchases++
		}
	}
	msg.Ltv, msg.PurchasesCount = g.storedMoney(sum/1000, sum%1000), &purchases
	return msg
}

func storedTime(seconds int64) *timestamppb.Timestamp {
	if seconds <= 0 {
		return nil
	}
	return &timestamppb.Timestamp{Seconds: seconds}
}

func storedID(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func (g *generation) storedMoney(units, thousandths int64) *money.Money {
	m := &money.Money{CurrencyCode: accountCurrency, Units: units}
	if g.minorUnits() {
		m.Nanos = int32(thousandths) * 1_000_000
	}
	return m
}

func (g *generation) storedElement(e emulator.CatalogElement) *amogatev1.CatalogElementLink {
	link := &amogatev1.CatalogElementLink{CatalogId: e.CatalogID, ElementId: e.ElementID, Quantity: float64(e.Quantity)}
	if g.minorUnits() {
		link.Quantity += float64(e.Thousandths) / 1000
		link.PriceId = storedID(e.PriceID)
	}
	return link
}
