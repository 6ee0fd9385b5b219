package emulator

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the account's zone must resolve on machines without a zone database
)

// Credentials every emulator accepts unless its Config names others. They open nothing else.
const (
	DefaultToken  = "emulator-token" //nolint:gosec // public on purpose
	DefaultLogin  = "admin@example.com"
	DefaultAPIKey = "7f3b0c5d9a1e48268c4d1f6e2b9a7053c8d4e6f1" //nolint:gosec // public on purpose
)

// MaxCustomers is the largest seeded base; above it seeded update times could no longer differ by whole seconds.
const MaxCustomers = 10_000_000

// MaxSeedSpan is the longest Config.SeedSpan.
const MaxSeedSpan = 100 * 365 * 24 * time.Hour

// Config describes one emulated account. The zero Config is an account without customers that behaves as the
// recorded one; New fills every default in one place, withDefaults.
type Config struct {
	// Customers is the number of seeded customers, 0 to MaxCustomers. Rows are made on demand and cost no memory.
	Customers int
	// Notes is the number of seeded notes of each kind of parents, 0 to MaxCustomers, made on demand too. 40 show every
	// type a kind has. Customers have some only where there are customers.
	Notes int
	// Events is how many of the newest events are kept, and take memory, 100 to 500 bytes each. 0 means 100,000, negative
	// none.
	Events int
	// Parents is the least number of seeded contacts, leads, companies and tasks each, MaxCustomers at most; the contacts
	// and companies that seeded customers are tied to come to them. 0 means 10, negative none.
	Parents int
	// Seed chooses the content of the seeded rows; equal seeds and sizes give equal rows.
	Seed uint64
	// SeedEnd is the instant no seeded time is later than. Default: 2025-01-01T00:00:00Z, or the time of New where the
	// clock is before it (a testing/synctest bubble starts in 2000).
	SeedEnd time.Time
	// SeedSpread is how the updated_at of the seeded customers are spread.
	SeedSpread SeedSpread
	// SeedSpan is the time before SeedEnd SeedRandom spreads them over, a second to a hundred years. Default: three years.
	SeedSpan time.Duration
	// SeedBurst is, for SeedRandom, how many customers in a row were updated in one second, as by an import: of every four
	// such groups, the second. Default: no such groups.
	SeedBurst int

	// Window is the number of requests allowed in any one-second window. 0 means 7, negative means no limit.
	Window int
	// BanAfter is the number of 429 answers within BanSpan that gets the account banned. 0 means 10, negative never.
	BanAfter int
	// BanSpan is the span violations are counted over. Default: 10 seconds.
	BanSpan time.Duration
	// BanFor is how long a ban lasts. Default: 15 minutes.
	BanFor time.Duration
	// Latency passes before the first byte of every answer; the request has taken effect before it.
	Latency time.Duration
	// LatencyPerItem is added for every item of a write.
	LatencyPerItem time.Duration
	// Strict refuses with 400 what the real service silently ignores: unknown query parameters, unknown body keys,
	// dates it cannot read, filters and offsets without the parameter they depend on.
	Strict bool

	// Token is the accepted bearer token. Default: DefaultToken.
	Token string
	// Login and APIKey are the accepted user and key. Defaults: DefaultLogin, DefaultAPIKey.
	Login, APIKey string
	// OAuth is the integration the account has installed, beside Token.
	OAuth OAuth
	// SessionLifetime is the life of a session, counted from the login and never prolonged. Default: 15 minutes.
	SessionLifetime time.Duration
	// CaptchaAfter is the number of failed logins in a row after which every login answers code 111 until
	// SolveCaptcha. 0 means 10, negative never.
	CaptchaAfter int
	// LoginState selects what a login with the right credentials meets.
	LoginState LoginState
	// OtherDomain is the host named by the answer of LoginOtherServer. Default: "example.amocrm.com".
	OtherDomain string

	// Host is the only host name (without port) the account answers to, until Rename; others get code 101. Empty: any.
	Host string
	// MovedNotFound answers 404 instead of 401 at the hosts an account that was renamed has left.
	MovedNotFound bool
	// CallerHeader is the header whose values Stats.ByCaller tells apart. Default: User-Agent.
	CallerHeader string
	// BasePath is removed from the front of request paths, for clients whose base URL has a path. http.StripPrefix
	// in front of the handler does the same.
	BasePath string

	// AccountID, UserID, AccountName, Subdomain, TimeZone (IANA), Language and Currency describe the account.
	// Defaults: 30117249, 7204833, "Северный ветер", "example", "Europe/Moscow", "ru", "RUB".
	AccountID, UserID                                    int64
	AccountName, Subdomain, TimeZone, Language, Currency string

	// Switches for what the sources leave open; the zero value is the default of the package comment's table.

	// Customers function of the account.
	CustomersState CustomersState
	// CustomersStatus replaces the HTTP status of a CustomersState refusal. Default: the table in v2_customer.go.
	CustomersStatus int
	// ErrorStyle is the shape of error bodies.
	ErrorStyle ErrorStyle
	// LimitBody is the body of a 429.
	LimitBody LimitBody
	// BanHTML answers calls of v2 during a ban with a page of the web server, as it does all others.
	BanHTML bool
	// RetryAfter, when above zero, is sent with a 429 in whole seconds.
	RetryAfter time.Duration
	// SessionSlides lets every request prolong its session instead of ending it at a fixed time after the login.
	SessionSlides bool
	// LoginIDsAsNumbers writes the ids in a login's answer as numbers instead of text.
	LoginIDsAsNumbers bool
	// LockAllowsEqual accepts an update whose updated_at equals the stored one.
	LockAllowsEqual bool
	// LockMissingRefusesCall answers 400 to a call with an update that has no updated_at, instead of refusing that item.
	LockMissingRefusesCall bool
	// UpdatedAtIsClock stores the time of an update as updated_at instead of the one that was sent.
	UpdatedAtIsClock bool
	// MainContactWritable obeys main_contact_id, which some clients send and no document names.
	MainContactWritable bool
	// AddNeedsOnlyName accepts an add without next_date.
	AddNeedsOnlyName bool
	// BigBatchTimesOut answers a call of more than 500 items with 504 instead of 400.
	BigBatchTimesOut bool
	// RequestIDAlways answers a request_id nobody sent: 0 for an add, the id for an update, as the documents print.
	RequestIDAlways bool
	// UpdatedAtEchoMillis adds updated_at in milliseconds to the items of an update's answer, as one recording has it.
	UpdatedAtEchoMillis bool
	// ItemErrors is the shape of per-item errors.
	ItemErrors ItemErrors
	// NoErrorsAsList adds errors as an empty list to the answer of a write without any.
	NoErrorsAsList bool
	// DeleteTellsUnknown tells unknown ids of a delete in errors.delete, id → text, instead of leaving them out.
	DeleteTellsUnknown bool
	// Empty is how empty lists and links are written.
	Empty EmptyStyle
	// EnumAsText writes enum ids of values as strings, as the documents print.
	EnumAsText bool
	// SubtypeDigits writes the parts of a smart address as "1" to "6", as the documents print.
	SubtypeDigits bool
	// FieldTypeID adds type_id to custom fields, as seen since 2021.
	FieldTypeID bool
	// ListByID orders lists by id instead of by updated_at and id.
	ListByID bool
	// ToIsMidnight reads a `to` without a time of day as that day's start instead of its end.
	ToIsMidnight bool
	// BoundsExcluded leaves rows at the very from and to of a date filter out.
	BoundsExcluded bool
	// NoUnixDates cannot read a date filter in unix seconds.
	NoUnixDates bool
	// HonourIfModifiedSince applies the If-Modified-Since header to customers.
	HonourIfModifiedSince bool
	// TransactionsOldestFirst lists transactions by ascending id instead of newest first.
	TransactionsOldestFirst bool
	// CustomerNarrowsIDs applies customer_id of a list of transactions beside id too.
	CustomerNarrowsIDs bool
	// CommentsAlias accepts the key comments beside comment, as one table spells it.
	CommentsAlias bool
	// PurchaseLeavesPlan keeps next_date and next_price of a new transaction from changing its customer.
	PurchaseLeavesPlan bool
	// TransactionsDeleted is the shape of the answer to a delete of transactions.
	TransactionsDeleted DeletedStyle
	// NotAdmin makes a user who is no administrator: v2 refuses to read and write customers_periods with code 288, v4 to
	// write statuses, segments and the mode of customers with 403.
	NotAdmin bool
	// TenPeriodsBefore allows ten periods before the purchase instead of ten in all.
	TenPeriodsBefore bool
	// Segments makes an account whose customers live in segments instead of periods: period_id and next_date are 0, no
	// add needs a next_date, the list of periods is empty, and a write of periods is refused with code 425.
	Segments bool
	// NoMinorUnits makes an account from before 2026: v4 leaves the *_with_minor_units beside sums of money out, and
	// refuses prices that are not whole.
	NoMinorUnits bool
	// SystemNotes lets the service write a note of its own when a customer is created and when it buys something.
	SystemNotes bool
	// NoteIDsRepeat counts the ids of notes from one number for every kind of parents, so that two have the same.
	NoteIDsRepeat bool
	// NotesReadOnly refuses to write notes: the user has no rights.
	NotesReadOnly bool
	// NoteTypesList reads several types, separated by commas, in note_type of a v2 list of notes.
	NoteTypesList bool
	// NoteIDText writes the id of the first row of a v2 list of notes as text, as was seen.
	NoteIDText bool
	// NoteParams is the spelling of the keys of params of v2 notes.
	NoteParams NoteParamsCase
	// StatusChangeAsText writes the params of a v2 note of type 3 as JSON into its text, as older rows have it.
	StatusChangeAsText bool
	// NoteDurationAsText writes the duration of a call as text in v4 notes.
	NoteDurationAsText bool
	// NoteEditableKey adds is_editable to v4 notes.
	NoteEditableKey bool
	// NoteMissingEmpty answers 204 instead of 404 for one v4 note that does not exist.
	NoteMissingEmpty bool
	// NotePatchNeedsEntity requires entity_id in a batch of changes to v4 notes of a whole kind.
	NotePatchNeedsEntity bool
	// DocumentedAccount writes the account's containers as the documents print them instead of as recorded.
	DocumentedAccount bool

	// CustomersMode is how customers are kept at the start. Default: what CustomersState and Segments say, else
	// ModePeriodicity.
	CustomersMode CustomersMode

	// Switches of generation v4.

	// FiltersOff makes an account without the paid filters: those of customers are ignored without a word.
	FiltersOff bool
	// DeactivatedUsers are users a customer or a note can no longer be given to: v4 writes that name one are refused, even
	// a PATCH with what GET answered.
	DeactivatedUsers []int64
	// SegmentsIgnoredOnPatch answers 200 to a PATCH with segments and leaves them as they are.
	SegmentsIgnoredOnPatch bool
	// ShortAnswers answers a POST of customers with id and request_id only, as the documents promise.
	ShortAnswers bool
	// PatchSaysLeads answers a PATCH of customers under the key leads, as the documents print.
	PatchSaysLeads bool
	// RelinkFails answers a link that is there already with 500.
	RelinkFails bool
	// EmojiCut cuts names of customers and texts of custom fields at the first character of four bytes.
	EmojiCut bool
	// NoComputedKey leaves is_computed of custom fields out, as older answers do.
	NoComputedKey bool
	// NextLinks is which pages of a list link to the next one.
	NextLinks NextLinks
	// RequestIDAsNumber answers request ids of digits as numbers.
	RequestIDAsNumber bool
	// NewestTransactionsFirst lists transactions by descending id instead of oldest first.
	NewestTransactionsFirst bool
	// NoTransactions204 answers a page of transactions without rows with 204 instead of 404.
	NoTransactions204 bool
	// Missing204 answers a GET of an unknown transaction, status, segment or event with 204 instead of 404.
	Missing204 bool
	// UnknownCustomer400 refuses transactions of an unknown customer with 400 instead of 404.
	UnknownCustomer400 bool
	// DocumentedTransactions answers new transactions as the documents print them: bare ids below customers.
	DocumentedTransactions bool
	// PurchaseMovesStatus moves the customer of a new transaction to the status of recent purchases.
	PurchaseMovesStatus bool
	// BonusPercent is how many bonus points a purchase of a hundred units earns with accrue_bonus. 0 means 5, negative
	// none.
	BonusPercent int
	// NoLoyalty makes an account without loyalty cards, which refuses bonus points.
	NoLoyalty bool
	// StatusMoveDelay is how long after the end of a status its customers move on. Default: they do at once.
	StatusMoveDelay time.Duration
	// EventsState is what calls for events meet.
	EventsState EventsState
	// EventLimit250 allows 250 events on a page instead of 100.
	EventLimit250 bool
	// EventDelay is how long after it happened an event is shown. Default: it is at once.
	EventDelay time.Duration
	// ListDelay is how far lists of customers are behind: they show writes so much later. What is asked for by id is up
	// to date. Default: lists are, too.
	ListDelay time.Duration
	// OrderIgnored lists customers of v4 by id whatever order is asked for.
	OrderIgnored bool
	// UpdatedToExcluded leaves customers at the very end of filter[updated_at][to] of v4 out.
	UpdatedToExcluded bool
	// MaxPages is the number of pages after which lists of v4 end, full or not. Default: any.
	MaxPages int
	// RussianErrors writes titles and details of errors in Russian where the service is known to.
	RussianErrors bool
}

// LoginState is what a login with the right credentials meets.
type LoginState int

// The states of a login.
const (
	LoginAllowed      LoginState = iota
	LoginUserDisabled            // code 112: the user is disabled or not in the account
	LoginIPRefused               // code 113: the address is not on the account's list
	LoginOtherServer             // code 401: the account lives on another server
)

// CustomersState is the state of the account's customers function.
type CustomersState int

// The states of the customers function.
const (
	CustomersOn          CustomersState = iota
	CustomersOff                        // code 426
	CustomersUnavailable                // code 425
	CustomersUnpaid                     // code 402
	CustomersNoRights                   // code 288
)

// ErrorStyle is the shape of error bodies.
type ErrorStyle int

// The shapes of error bodies.
const (
	ErrorLegacy  ErrorStyle = iota // {"response":{"error":…,"error_code":"…"}}
	ErrorProblem                   // {"title":…,"status":…,"detail":…}
	ErrorBare                      // {"error":…}
)

// LimitBody is the body of a 429.
type LimitBody int

// The bodies of a 429.
const (
	LimitHTML LimitBody = iota
	LimitEmpty
	LimitError // the error body of ErrorStyle, for v4 a problem with retry_after
	LimitText
)

// ItemErrors is the shape of the per-item errors inside a 200.
type ItemErrors int

// The shapes of per-item errors.
const (
	ItemErrorsRecorded ItemErrors = iota // update: id → text; add: list of {code, message}
	ItemErrorsObjects                    // both: list of {code, message}
	ItemErrorsTexts                      // both: list of texts
	ItemErrorsIndexed                    // both: position in the request → text
)

// EmptyStyle is how an empty list or link is written.
type EmptyStyle int

// The spellings of emptiness.
const (
	EmptyObject  EmptyStyle = iota // {}
	EmptyList                      // []
	EmptyMissing                   // no key
)

// NoteParamsCase is the spelling of the keys of params of v2 notes.
type NoteParamsCase int

// The spellings of those keys.
const (
	NoteParamsMixed NoteParamsCase = iota // UNIQ, LINK, PHONE, DURATION, SRC, STATUS_NEW and others large, all else small
	NoteParamsLower                       // small
	NoteParamsUpper                       // large
)

// DeletedStyle is the shape of the answer to a delete of transactions.
type DeletedStyle int

// The shapes of that answer.
const (
	DeletedList  DeletedStyle = iota // items is {"deleted":[{"id":…}]}, as for customers
	DeletedMap                       // items is {"deleted":{"<id>":{"id":…,"date":…,"price":…,"customer_id":…}}}
	DeletedItems                     // items is a list of {"id":…,"_links":…}, as for an add
)

// seedEnd is the default of Config.SeedEnd.
var seedEnd = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// withDefaults is the one place defaults are given.
func (c Config) withDefaults(now time.Time) Config {
	setDefault(&c.Parents, 10)
	setDefault(&c.Events, 100_000)
	setDefault(&c.SeedSpan, seedSpan*time.Second)
	setDefault(&c.Window, 7)
	setDefault(&c.BanAfter, 10)
	setDefault(&c.BanSpan, 10*time.Second)
	setDefault(&c.BanFor, 15*time.Minute)
	setDefault(&c.Token, DefaultToken)
	setDefault(&c.Login, DefaultLogin)
	setDefault(&c.APIKey, DefaultAPIKey)
	setDefault(&c.SessionLifetime, 15*time.Minute)
	setDefault(&c.CaptchaAfter, 10)
	setDefault(&c.BonusPercent, 5)
	setDefault(&c.OtherDomain, "example.amocrm.com")
	setDefault(&c.AccountID, 30117249)
	setDefault(&c.UserID, 7204833)
	setDefault(&c.AccountName, "Северный ветер")
	setDefault(&c.Subdomain, "example")
	setDefault(&c.TimeZone, "Europe/Moscow")
	setDefault(&c.Language, "ru")
	setDefault(&c.CallerHeader, "User-Agent")
	c.OAuth = c.OAuth.withDefaults()
	setDefault(&c.Currency, "RUB")
	if c.SeedEnd.IsZero() {
		c.SeedEnd = seedEnd
		if now.Before(c.SeedEnd) {
			c.SeedEnd = now
		}
	}
	c.BasePath = strings.TrimRight(c.BasePath, "/")
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate settles the mode of customers and reports every error at once.
func (c *Config) validate() error {
	var errs []error
	if c.Customers < 0 || c.Customers > MaxCustomers {
		errs = append(errs, fmt.Errorf("customers: %d is outside 0 to %d", c.Customers, MaxCustomers))
	}
	if c.Notes < 0 || c.Notes > MaxCustomers {
		errs = append(errs, fmt.Errorf("notes: %d is outside 0 to %d", c.Notes, MaxCustomers))
	}
	if c.Parents > MaxCustomers {
		errs = append(errs, fmt.Errorf("parents: %d is above %d", c.Parents, MaxCustomers))
	}
	if c.SeedSpan < time.Second || c.SeedSpan > MaxSeedSpan {
		errs = append(errs, fmt.Errorf("seed span: %s is outside 1s to %s", c.SeedSpan, MaxSeedSpan))
	}
	if c.SeedBurst < 0 {
		errs = append(errs, fmt.Errorf("seed burst: %d is negative", c.SeedBurst))
	}
	if c.MaxPages < 0 {
		errs = append(errs, fmt.Errorf("pages: %d is negative", c.MaxPages))
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		errs = append(errs, fmt.Errorf("time zone %q: %w", c.TimeZone, err))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"latency", c.Latency},
		{"latency per item", c.LatencyPerItem},
		{"ban span", c.BanSpan},
		{"ban length", c.BanFor},
		{"session lifetime", c.SessionLifetime},
		{"retry after", c.RetryAfter},
		{"status move delay", c.StatusMoveDelay},
		{"event delay", c.EventDelay},
		{"list delay", c.ListDelay},
	} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %s is negative", d.name, d.value))
		}
	}
	if c.BasePath != "" && !strings.HasPrefix(c.BasePath, "/") {
		errs = append(errs, fmt.Errorf("base path %q: must start with a slash", c.BasePath))
	}
	if err := c.OAuth.validate(); err != nil {
		errs = append(errs, err)
	}
	if err := c.settleMode(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return fmt.Errorf("emulator: %w", errors.Join(errs...))
	}
	return nil
}
