package amo

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestCreate_matchesResultsWithItems(t *testing.T) {
	t.Parallel()
	refusal := func() *Error { return &Error{Kind: KindForbidden} }
	written := func(ids ...int64) []driver.WriteItem {
		var items []driver.WriteItem
		for _, id := range ids {
			items = append(items, driver.WriteItem{ID: id})
		}
		return items
	}
	// Of three items, "1" is one created with id 1, "no" one refused and "?" one
	// of which nothing is known.
	for name, test := range map[string]struct {
		reply driver.WriteReply
		want  string
		// stored are names of records that a read finds.
		stored map[int64]string
	}{
		"by request id": {
			driver.WriteReply{Items: []driver.WriteItem{{ID: 8, RequestID: 3}, {ID: 9, RequestID: 1}}, Errors: []driver.ItemError{{Index: -1, Err: refusal()}}},
			"[9 no 8]", nil,
		},
		"in order":                  {driver.WriteReply{Items: written(7, 8, 9)}, "[7 8 9]", nil},
		"in order beside a refusal": {driver.WriteReply{Items: written(7, 9), Errors: []driver.ItemError{{Index: 1, Err: refusal()}}}, "[7 no 9]", nil},
		"all refused without place": {
			driver.WriteReply{Errors: []driver.ItemError{{Index: -1, Err: refusal()}, {Index: -1, Err: refusal()}, {Index: -1, Err: refusal()}}},
			"[no no no]", nil,
		},
		"a refusal without place, recognized": {
			driver.WriteReply{Items: written(7, 8), Errors: []driver.ItemError{{Index: -1, Err: refusal()}}},
			"[7 no 8]",
			map[int64]string{7: "a", 8: "c"},
		},
		"a refusal without place, half recognized": {
			driver.WriteReply{Items: written(7, 8), Errors: []driver.ItemError{{Index: -1, Err: refusal()}}},
			"[7 ? ?]",
			map[int64]string{7: "a", 8: "z"},
		},
		"a refusal without place":   {driver.WriteReply{Items: written(7, 8), Errors: []driver.ItemError{{Index: -1, Err: refusal()}}}, "[? ? ?]", nil},
		"fewer than sent":           {driver.WriteReply{Items: written(7, 8)}, "[? ? ?]", nil},
		"more than sent":            {driver.WriteReply{Items: written(7, 8, 9, 10)}, "[? ? ?]", nil},
		"a request id of none":      {driver.WriteReply{Items: []driver.WriteItem{{ID: 7, RequestID: 4}, {ID: 8, RequestID: 2}}}, "[? 8 ?]", nil},
		"nothing":                   {driver.WriteReply{}, "[? ? ?]", nil},
		"a refusal beside an index": {driver.WriteReply{Items: written(7), Errors: []driver.ItemError{{Index: 5, Err: refusal()}}}, "[? ? ?]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Collection[*amogatev1.Customer, *amogatev1.CustomerFilter]{name: "customers"}
			values := []*amogatev1.Customer{{Name: "a"}, {Name: "b"}, {Name: "c"}}
			results := make([]Result[*amogatev1.Customer], 3)
			c.behavior.same = func(sent, stored *amogatev1.Customer) bool { return sent.GetName() == stored.GetName() }
			c.assign(results, values, []int{0, 1, 2}, test.reply, func(ids []int64) (map[int64]*amogatev1.Customer, error) {
				found := map[int64]*amogatev1.Customer{}
				for _, id := range ids {
					if name, ok := test.stored[id]; ok {
						found[id] = &amogatev1.Customer{Id: id, Name: name}
					}
				}
				return found, nil
			})
			var got []string
			for _, r := range results {
				switch {
				case r.Err == nil:
					got = append(got, strconv.FormatInt(r.Value.GetId(), 10))
				case IsKind(r.Err, KindForbidden):
					got = append(got, "no")
				case IsKind(r.Err, KindResponseLost):
					got = append(got, "?")
				default:
					got = append(got, r.Err.Error())
				}
			}
			if fmt.Sprint(got) != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
