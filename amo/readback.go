package amo

import (
	"context"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// ReadBack replaces the values of results that are wanted by what upstream has, as
// the writes do that are asked to. It is for results that were known before.
func (c *Collection[T, F]) ReadBack(ctx context.Context, results []Result[T], wanted func(i int) bool) {
	c.readBack(ctx, results, indices(len(results)), wanted)
}

// ReadBack is Collection.ReadBack of notes of any kinds of parents.
func (n *Notes) ReadBack(ctx context.Context, results []Result[*amogatev1.Note], wanted func(i int) bool) {
	kindOf := func(i int) amogatev1.ParentKind {
		kind, _ := ParentOf(results[i].Value)
		return kind
	}
	var read []int
	for i, r := range results {
		if r.Err == nil && wanted(i) {
			read = append(read, i)
		}
	}
	for _, part := range partition(read, kindOf) {
		n.kinds[kindOf(part[0])].readBack(ctx, results, part, wanted)
	}
}

// indices are the numbers below n.
func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
