// Package driver is the seam between package amo, which owns all I/O, and the
// codecs of the upstream API generations, which own none.
//
// A codec turns a description of one request into a Call and the bytes of one
// answer into proto messages or an Error. It keeps no state, reads no clock and
// knows nothing of paging, limits, retries or tokens. What needs two requests
// is written in package amo.
//
// The package is internal: its shapes change with the codecs.
package driver

import (
	"net/http"
	"net/url"
	"time"

	"google.golang.org/protobuf/proto"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Generation is a generation of the upstream API.
type Generation int

// The generations. Their numbers are those of page tokens.
const (
	V2 Generation = 2
	V4 Generation = 4
)

// String returns the generation as it stands in URLs: "v2".
func (g Generation) String() string {
	switch g {
	case V2:
		return "v2"
	case V4:
		return "v4"
	}
	return "unknown"
}

// Effect says what sending a request twice does; it decides about replays.
type Effect int

// The effects.
const (
	// Read changes nothing: it may be repeated.
	Read Effect = iota
	// Set leaves the same state however often it arrives.
	Set
	// Create makes something new each time it arrives: it is never replayed
	// once it may have been received.
	Create
)

// Op is an operation on a resource.
type Op string

// The operations.
const (
	OpList   Op = "list"
	OpGet    Op = "get"
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
)

// Call describes one request to the account's host. Credentials, limits and
// retries are added by package amo.
type Call struct {
	// Name of the operation in errors, logs and metrics: "customers.list".
	Name   string
	Method string
	// Path below the base URL of the account: "/api/v2/customers".
	Path  string
	Query url.Values
	// Header holds what the operation itself needs beyond credentials and media
	// types; nil = nothing.
	Header http.Header
	// Body is JSON unless ContentType says otherwise; nil = none.
	Body []byte
	// ContentType is the media type of Body; empty = application/json.
	ContentType string
	Effect      Effect
}

// Response is a complete answer of upstream.
type Response struct {
	// URL that was asked, to judge redirects by; nil = not known.
	URL    *url.URL
	Status int
	Header http.Header
	// Body is decompressed; nil when upstream sent none.
	Body []byte
}

// Env is what a codec has to know of the account. It is read-only once built.
type Env struct {
	// AccountID is upstream's number of the account.
	AccountID int64
	// UserID is the user that the credentials belong to; 0 = not told.
	UserID int64
	// Location is the account's time zone; upstream reads wall clock times in it.
	Location *time.Location
	// Currency is the account's currency, ISO 4217.
	Currency string
	// Fields are the custom fields of each resource, by resource name; nil where
	// the generation's values tell their types.
	Fields map[string]Catalogue
	// CustomersMode is how the customers of the account work, as API v4 codes it:
	// "segments". Empty = not known, as on v2.
	CustomersMode string
	// Filters says that the account has paid for filters of API v4: without that
	// upstream ignores them and answers everything.
	Filters bool
}

// Catalogue holds the definitions of custom fields by field id.
type Catalogue map[int64]Field

// Field is the definition of a custom field.
type Field struct {
	ID   int64
	Name string
	// Code is the field's standard code, for instance PHONE; mostly empty.
	Code string
	Type amogatev1.CustomFieldType
	// TypeCode is the type as upstream codes it.
	TypeCode string
	// Options are the names of a list's options, or of a multitext's kinds, by id.
	Options map[int64]string
}

// Resource is the codec of one resource in one generation. Functions that the
// generation cannot serve are nil. T is the proto message, F the filter.
//
// Every function that decodes accepts any bytes and answers data or an *Error
// of KindBadResponse; it never panics and never leaves a row out.
type Resource[T, F any] struct {
	// Name is the resource in operation names and catalogues: "customers".
	Name       string
	Generation Generation

	// MaxPage is the most rows of a page, MaxIDs the most ids of one read by
	// ids, MaxBatch the most items of one write; MaxUpdate and MaxDelete, where
	// they are not 0, are the most items of one update or deletion instead.
	MaxPage, MaxIDs, MaxBatch, MaxUpdate, MaxDelete int

	// Paged says that a page begins at a multiple of its limit, and that a page
	// shorter than its limit that announces no other is the last.
	Paged bool
	// Whole says that the collection is one page, whatever the limit.
	Whole bool
	// FilteredIDs says that reading several records by id needs Env.Filters;
	// without that they are read one by one.
	FilteredIDs bool
	// Locks says that upstream refuses an update whose UpdateTime is not later
	// than the stored time of change.
	Locks bool
	// TagChanges says that Update takes AddTags and RemoveTags of a change.
	TagChanges bool
	// DeletedEvent is the type of the events that tell of deleted records; empty =
	// none does.
	DeletedEvent string

	// Supports says whether op can be done and, when path is not empty, whether
	// op can express that field of T.
	Supports func(op Op, path string) bool

	// List describes the page of limit rows behind the first offset rows. The
	// answer holds at least the rows that filter asks for; the caller checks
	// them again.
	List func(env *Env, filter F, offset int64, limit int) (Call, error)
	// Window describes the page of limit rows behind the first offset rows of those
	// among filter's that changed in a window, whatever the filter says of times of
	// change. Nil = upstream has no such filter. It needs Env.Filters.
	Window func(env *Env, filter F, window Window, offset int64, limit int) (Call, error)
	// Local returns the paths of the filter fields that upstream cannot apply
	// exactly, sorted.
	Local func(filter F) []string
	// ByIDs describes the read of at most MaxIDs records by id, whatever else
	// is known of them.
	ByIDs func(ids []int64) Call
	// DecodeList decodes the answer to List or ByIDs.
	DecodeList func(env *Env, body []byte) (Page[T], error)
	// Scan looks through the answer to List or ByIDs and leaves reading the rows for
	// later. Nil = only DecodeList can read it.
	Scan func(body []byte) (Scanned[T], error)

	// Check returns what keeps value from being written, as an *Error of
	// KindInvalid, KindUnsupported or KindInexpressible whose field paths are
	// relative to T; nil
	// when nothing does. Paths are the top-level fields to write.
	Check func(env *Env, op Op, value T, paths []string) error
	// NeedsBefore says whether writing the paths of value needs the record as
	// upstream has it.
	NeedsBefore func(value T, paths []string) bool
	// CheckChange is Check for what shows only beside Before, which is set.
	CheckChange func(change Change[T]) error
	// Group returns what the items of one write must have in common; nil = any
	// items can be written together. It is asked for creations only.
	Group func(value T) string
	// Create describes one write that makes values. Item i carries the request
	// id i+1.
	Create func(env *Env, values []T) (Call, error)
	// Update describes one write of changes, of distinct ids.
	Update func(env *Env, changes []Change[T]) (Call, error)
	// Links describes the requests that bring about what Update cannot say of
	// changes; they follow it. Update says nothing of a change that holds nothing
	// else, and is not asked when all do. Nil = Update can say everything.
	Links func(env *Env, changes []Change[T]) ([]Call, error)
	// DecodeLinks decodes the 2xx answer to one of them.
	DecodeLinks func(body []byte) error
	// Linked says that the paths hold something for Links, and whether they hold
	// anything else.
	Linked func(paths []string) (links, rest bool)
	// Delete describes one write that deletes ids.
	Delete func(ids []int64) Call
	// DecodeWrite decodes the 2xx answer to Create, Update or Delete.
	DecodeWrite func(op Op, body []byte) (WriteReply, error)

	// DecodeError classifies an answer that is no success by status, or that is
	// but holds an error object instead of data. It returns nil for a success.
	DecodeError func(Response) *Error
}

// Window is a range of times of change in unix seconds, as it is to be asked for.
type Window struct {
	// First and Last are its ends; Last 0 = it has none.
	First, Last int64
	// ByTime asks for the rows in the order of their times of change, and not in
	// that of their ids.
	ByTime bool
	// NewestFirst turns the order of times round.
	NewestFirst bool
}

// Page is one decoded page.
type Page[T any] struct {
	Rows []T
	// UnknownFields are ids of custom fields that Env has no definition of;
	// their values were decoded as raw.
	UnknownFields []int64
	// Next says that upstream announced another page; v2 never does.
	Next bool
}

// Event is something that happened in the account.
type Event struct {
	ID, Type string
	// RecordID is the record that it happened to.
	RecordID int64
	// Second is when, by upstream's clock, in unix seconds; 0 = not told.
	Second int64
}

// Change is one item of an update.
type Change[T any] struct {
	ID int64
	// Value holds the new values of the fields in Paths; a field in Paths that
	// is not set is cleared.
	Value T
	// Paths are the top-level fields of T to write.
	Paths []string
	// AddTags and RemoveTags change the set of tags; only where TagChanges says
	// so.
	AddTags, RemoveTags []string
	// Before is the record as upstream has it; set where NeedsBefore says so.
	Before T
	// UpdateTime is the time of change to send; upstream refuses the item as
	// stale unless it is later than the stored one.
	UpdateTime time.Time
}

// WriteReply is upstream's answer to a write.
type WriteReply struct {
	Items  []WriteItem
	Errors []ItemError
	// All says that upstream took every item and named none.
	All bool
}

// WriteItem is one item that upstream wrote.
type WriteItem struct {
	ID int64
	// RequestID is the id that the request gave the item; 0 when not echoed.
	RequestID int64
	// Name of the record, where upstream tells it (deletions).
	Name string
	// Told is what upstream told of the record beyond its id, as a message of the
	// resource without lists (times, account); nil = nothing.
	Told proto.Message
}

// ItemError is one item that upstream refused while it took others.
type ItemError struct {
	// ID of the record, for updates; 0 when not told.
	ID int64
	// Index of the item in the request; -1 when not told.
	Index int
	// Stale says that the record is newer than the change.
	Stale bool
	Err   *Error
}

// Exchange is one request of its own kind with the decoding of its answer.
type Exchange[T any] struct {
	Call   Call
	Decode func(env *Env, body []byte) (T, error)
	// DecodeError is as in Resource.
	DecodeError func(Response) *Error
}

// Periods is the codec of the customers' periods, which upstream knows only as
// a whole set.
type Periods struct {
	Generation Generation
	// List describes the read of all periods.
	List func() Call
	// Check returns what keeps the set from being written, as Resource.Check
	// does; paths are relative to the request: "periods[2].color". Nil, like
	// Replace, where the set cannot be written.
	Check func(periods []*amogatev1.Period) error
	// Replace describes the write of the whole set: a period without an id is
	// made, one that is left out is deleted.
	Replace func(periods []*amogatev1.Period) (Call, error)
	// Decode decodes the answer to List or Replace.
	Decode func(body []byte) ([]*amogatev1.Period, error)
	// DecodeError is as in Resource.
	DecodeError func(Response) *Error
}
