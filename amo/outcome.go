package amo

import "context"

// outcomesKey is the key of contexts for the function that hears of the outcomes of
// items of T.
type outcomesKey[T any] struct{}

// WithOutcomes returns a context whose Create, Update or Delete of records T calls
// told once for every item, as soon as what became of it is final: the i-th one.
// That is before the call returns and before anything is read back, in whatever
// order the answers come. Told runs in the goroutine of the call, one item after
// the other; while it runs the call's other items go on, but none is answered.
//
// Of an error of KindOutcomeUnknown or KindResponseLost the write may have
// happened; after any other it has not.
func WithOutcomes[T any](ctx context.Context, told func(i int, result Result[T])) context.Context {
	return context.WithValue(ctx, outcomesKey[T]{}, told)
}

// outcomesOf returns the function that hears of outcomes; it does nothing where
// nobody listens.
func outcomesOf[T any](ctx context.Context) func(i int, result Result[T]) {
	if told, ok := ctx.Value(outcomesKey[T]{}).(func(int, Result[T])); ok {
		return told
	}
	return func(int, Result[T]) {}
}
