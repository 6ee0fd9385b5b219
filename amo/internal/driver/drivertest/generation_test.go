package drivertest_test

import (
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

type (
	customersCodec    = driver.Resource[*amogatev1.Customer, *amogatev1.CustomerFilter]
	transactionsCodec = driver.Resource[*amogatev1.Transaction, *amogatev1.TransactionFilter]
	notesCodec        = driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest]
	statusesCodec     = driver.Resource[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]
	segmentsCodec     = driver.Resource[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest]
)

// generation is everything that is tested of one API generation.
type generation struct {
	number        driver.Generation
	accountCall   func() driver.Call
	decodeAccount func([]byte) (*driver.Env, error)
	decodeError   func(driver.Response) *driver.Error

	customers    customersCodec
	transactions transactionsCodec
	notes        func(amogatev1.ParentKind) notesCodec
	periods      driver.Periods
}

func (g *generation) String() string { return g.number.String() }

// minorUnits says whether the generation knows parts of a currency unit, and of
// a piece.
func (g *generation) minorUnits() bool { return g.number == driver.V4 }

var (
	second = &generation{
		number: driver.V2, accountCall: v2.AccountCall, decodeAccount: v2.DecodeAccount, decodeError: v2.DecodeError,
		customers: v2.Customers(), transactions: v2.Transactions(), notes: v2.Notes, periods: v2.Periods(),
	}
	fourth = &generation{
		number: driver.V4, accountCall: v4.AccountCall, decodeAccount: v4.DecodeAccount, decodeError: v4.DecodeError,
		customers: v4.Customers(), transactions: v4.Transactions(), notes: v4.Notes, periods: v4.Periods(),
	}
	generations = []*generation{second, fourth}

	// Only v4 has these.
	statuses statusesCodec = v4.Statuses()
	segments segmentsCodec = v4.Segments()
)
