package driver

import "slices"

// Scanned is one page whose rows were found, each an object with an id, and not
// read: so the first one need not wait for the last, and only the one in hand takes
// the memory of a message.
type Scanned[T any] struct {
	Heads []Head
	// Next is that of Page.
	Next bool
	// Read reads row n, and returns the ids of its custom fields that env has no
	// definition of. It is not safe for concurrent use.
	Read func(env *Env, n int) (row T, unknownFields []int64, err error)
	// Release gives up what is known of the rows, when no more of them are read.
	// The messages that were read stay.
	Release func()
}

// Head is what has to be known of a row before any row of its page is used.
type Head struct {
	ID int64
	// Changed is the time of its last change in unix seconds; 0 = not told.
	Changed int64
}

// ReadAll returns the DecodeList that reads all rows that scan finds.
func ReadAll[T any](scan func(body []byte) (Scanned[T], error)) func(env *Env, body []byte) (Page[T], error) {
	return func(env *Env, body []byte) (Page[T], error) {
		scanned, err := scan(body)
		if err != nil {
			return Page[T]{}, err
		}
		defer scanned.Release()
		page := Page[T]{Rows: make([]T, len(scanned.Heads)), Next: scanned.Next}
		for n := range page.Rows {
			var unknown []int64
			if page.Rows[n], unknown, err = scanned.Read(env, n); err != nil {
				return Page[T]{}, err
			}
			page.UnknownFields = append(page.UnknownFields, unknown...)
		}
		slices.Sort(page.UnknownFields)
		page.UnknownFields = slices.Compact(page.UnknownFields)
		return page, nil
	}
}
