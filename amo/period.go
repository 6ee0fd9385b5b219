package amo

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	"github.com/amogate/amogate/amo/limit"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Periods are the periods of the customers' life cycle of one account. It is
// safe for concurrent use.
type Periods struct {
	client  *Client
	drivers map[Generation]driver.Periods
	// known is what each generation tells of them.
	known map[Generation]*dictionary[[]*amogatev1.Period]
}

func newPeriods(c *Client) *Periods {
	return &Periods{
		client:  c,
		drivers: map[Generation]driver.Periods{V2: v2.Periods(), V4: v4.Periods()},
		known:   map[Generation]*dictionary[[]*amogatev1.Period]{V2: {}, V4: {}},
	}
}

// List returns all periods: those before the purchase first, each kind in its
// order. They were read at most Settings.PeriodLife ago, or as WithMaxAge says, and
// not before the last change that was made through this client.
func (p *Periods) List(ctx context.Context) ([]*amogatev1.Period, error) {
	generation, err := p.client.route(periodsName, driver.OpList, asked{})
	if err != nil {
		return nil, err
	}
	known, err := p.known[generation].get(ctx, p.client, p.client.config.Settings.PeriodLife, func(ctx context.Context) ([]*amogatev1.Period, error) {
		return p.read(ctx, p.drivers[generation])
	})
	if err != nil {
		return nil, err
	}
	// Each caller may do with its periods what it likes.
	periods := make([]*amogatev1.Period, len(known))
	for i, period := range known {
		periods[i] = proto.CloneOf(period)
	}
	return periods, nil
}

// forget is called when periods were changed from here, or what they depend on:
// over v4 they are the statuses, and there are some in one mode only.
func (p *Periods) forget() {
	for _, known := range p.known {
		known.forget()
	}
}

// Replace makes periods the whole set, as upstream does. It reads the set first
// and refuses, with KindInvalid, to delete a period that deleteIDs does not name
// and to keep or delete one that is not there; upstream has no lock, so a period
// that somebody else adds in between is lost.
func (p *Periods) Replace(ctx context.Context, periods []*amogatev1.Period, deleteIDs []int64) ([]*amogatev1.Period, error) {
	generation, err := p.client.route(periodsName, driver.OpUpdate, asked{})
	if err != nil {
		return nil, err
	}
	d := p.drivers[generation]
	if err := d.Check(periods); err != nil {
		return nil, err
	}
	before, err := p.read(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := checkReplacement(before, periods, deleteIDs); err != nil {
		return nil, err
	}
	call, err := d.Replace(periods)
	if err != nil {
		return nil, err
	}
	defer p.forget()
	after, err := p.send(ctx, d, call)
	if err == nil && len(after) == 0 {
		// The set is never empty after a replacement: upstream told nothing.
		return nil, unsaid(call.Name, 0)
	}
	return after, err
}

func (p *Periods) read(ctx context.Context, d driver.Periods) ([]*amogatev1.Period, error) {
	return p.send(ctx, d, d.List())
}

func (p *Periods) send(ctx context.Context, d driver.Periods, call driver.Call) ([]*amogatev1.Period, error) {
	var periods []*amogatev1.Period
	_, err := p.client.send(ctx, request{
		call:  call,
		class: limit.Interactive,
		decode: func(resp driver.Response) error {
			if err := d.DecodeError(resp); err != nil {
				return err
			}
			var err error
			periods, err = d.Decode(resp.Body)
			return err
		},
	})
	return periods, p.client.confirm(ctx, d.Generation, err)
}

// checkReplacement compares what is there with what is kept and what is named
// for deletion.
func checkReplacement(before, periods []*amogatev1.Period, deleteIDs []int64) error {
	kept := map[int64]bool{}
	exists := func(id int64) bool {
		return slices.ContainsFunc(before, func(b *amogatev1.Period) bool { return b.GetId() == id })
	}
	var fields []FieldError
	for i, period := range periods {
		id, path := period.GetId(), fmt.Sprintf("periods[%d].id", i)
		switch {
		case id == 0:
		case kept[id]:
			fields = append(fields, FieldError{Path: path, Description: fmt.Sprintf("period %d is listed twice; list it once", id)})
		case !exists(id):
			fields = append(fields, FieldError{Path: path, Description: fmt.Sprintf("there is no period %d; leave the id out to make one", id)})
		}
		kept[id] = true
	}
	for i, id := range deleteIDs {
		path := fmt.Sprintf("delete_ids[%d]", i)
		switch {
		case kept[id]:
			fields = append(fields, FieldError{Path: path, Description: fmt.Sprintf("period %d is in periods too", id)})
		case !exists(id):
			fields = append(fields, FieldError{Path: path, Description: fmt.Sprintf("there is no period %d", id)})
		}
	}
	for _, b := range before {
		if id := b.GetId(); !kept[id] && !slices.Contains(deleteIDs, id) {
			fields = append(fields, FieldError{
				Path:        "delete_ids",
				Description: fmt.Sprintf("period %d would be deleted: list it in periods to keep it, or in delete_ids to delete it", id),
			})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: KindInvalid, Op: periodsName + "." + string(driver.OpUpdate), Message: "the set of periods cannot be replaced", Fields: fields}
}
