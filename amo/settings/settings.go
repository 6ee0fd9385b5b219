// Package settings holds every duration and bound that decides how amogate
// behaves when something misbehaves, in one struct: operators read them in one
// place, and tests of failures run with all of them divided.
package settings

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Settings are the durations and bounds of one process. All durations are
// positive; Default returns what amogate runs with.
type Settings struct {
	// Requests.

	// DialTimeout bounds the making of a TCP connection.
	DialTimeout time.Duration
	// TLSTimeout bounds a TLS handshake.
	TLSTimeout time.Duration
	// AttemptTimeout bounds one request with the whole of its answer.
	AttemptTimeout time.Duration
	// SharedTimeout bounds work that serves many callers at once: a login, a
	// read of the account.
	SharedTimeout time.Duration
	// DNSLife is how long the last address of a host is used while its name
	// servers fail.
	DNSLife time.Duration
	// HostGoneAfter is how long a name must not exist, asked three times or more,
	// before the account counts as gone.
	HostGoneAfter time.Duration
	// HomeRest is how long after a read of the account a 404 is believed; later
	// the account is read again, since a host that it has left answers so.
	HomeRest time.Duration
	// AccountLife is how long what was read of the account is used: time zone,
	// currency and custom fields change rarely.
	AccountLife time.Duration
	// AccountRest is the least age at which a custom field that is not known, or
	// an error about customers, makes us read the account again.
	AccountRest time.Duration
	// PeriodLife is how long the periods that were read last are answered.
	PeriodLife time.Duration
	// SessionLife is how long a session of API v2 is used after its login.
	SessionLife time.Duration
	// LoginPause is how long a refused login is not tried again.
	LoginPause time.Duration

	// Streams.

	// StreamStall is how long the reader of a stream may take nothing before the
	// stream ends.
	StreamStall time.Duration

	// Retries.

	// RetryBase and RetryMax bound the pause before try n of a read: random up to
	// RetryBase·2ⁿ⁻¹, at most RetryMax.
	RetryBase, RetryMax time.Duration
	// RetryShare is how many retries come to one request that is none, over time,
	// per account and per process: an outage is not answered with more requests.
	RetryShare float64
	// RetryBurst is how many retries may be saved up.
	RetryBurst float64

	// Lists.

	// ListOverlap is how much earlier than the moment from which on changes and
	// deletions count they are asked for: lists lag behind writes, and clocks are
	// known to a second.
	ListOverlap time.Duration

	// Creates.

	// LookSlack is how much earlier than its sending a record that a create made
	// can seem to be made: clocks are known to a second or two.
	LookSlack time.Duration
	// LookPause is how long after a look that did not find what a create may have
	// made a second one follows: lists lag.
	LookPause time.Duration
	// LookMargin is how long before the caller's deadline the looking ends.
	LookMargin time.Duration
	// CreateMemory is how long the ids of records that were made here, and creates
	// whose outcome stayed unknown, are remembered: no record is taken for two.
	CreateMemory time.Duration

	// ApartFor is how long the writes of a caller go apart from those of others
	// after upstream has refused one of them as faulty.
	ApartFor time.Duration

	// Limiter.

	// FirstSlot is how long after a start nothing leaves: the process before
	// may have filled the second.
	FirstSlot time.Duration
	// SlotUse is how late a slot may be used; later it is given back.
	SlotUse time.Duration
	// CheckLead is how long before its slot a request that was granted it earlier
	// makes sure that upstream has not asked for a pause since.
	CheckLead time.Duration
	// ConnectLead is the longest time before its slot in which a request may make
	// its connection; it is what connections take of late.
	ConnectLead time.Duration
	// Horizon is how far ahead an interactive request may reserve a slot; a
	// request that would wait longer is refused.
	Horizon time.Duration
	// Aging is how long a request of a list or an export waits before it may
	// reserve as far ahead as an interactive one.
	Aging time.Duration
	// LimitedBase and LimitedMax bound the wait after the nth 429 in a row that
	// names none: between a half, which is to empty upstream's window of a second,
	// and the whole of LimitedBase·2ⁿ⁻¹, at most LimitedMax.
	LimitedBase, LimitedMax time.Duration
	// MaxHold is the longest that a Retry-After keeps everybody waiting.
	MaxHold time.Duration
	// CutFor is how long the halved rate after a 429 stays.
	CutFor time.Duration
	// RecoverEvery is how long the rate then waits before it grows by
	// RecoverStep requests a second, again and again up to the configured rate.
	RecoverEvery time.Duration
	// RecoverStep and MinRate are requests a second.
	RecoverStep, MinRate float64
	// BlockProbe is how long after a ban, and after each further one, a single
	// request finds out whether it lasts.
	BlockProbe time.Duration
	// PaymentProbe is the same after a 402.
	PaymentProbe time.Duration
	// EgressWindow is the time within which bans of two accounts mean that this
	// address is banned.
	EgressWindow time.Duration

	// Replicas.

	// Beat is how often a replica says that it lives; one that has not for three
	// beats is dead.
	Beat time.Duration
	// StoreLostPause is how long nothing leaves after the shared limiter was
	// lost: the slots that other replicas have reserved pass meanwhile.
	StoreLostPause time.Duration
	// StoreFoundPause is how long nothing leaves by the shared limiter after it
	// was found again, until all replicas have noticed.
	StoreFoundPause time.Duration

	// Tokens.

	// RefreshAt is the share of an access token's life after which it is
	// refreshed; RefreshJitter the share of that by which it varies.
	RefreshAt, RefreshJitter float64
	// IdleRefresh is the longest time between two refreshes of an account,
	// used or not: refresh tokens die after three months.
	IdleRefresh time.Duration
	// TokenTimeout bounds a call of the token endpoint.
	TokenTimeout time.Duration
	// Lease is how long a replica alone may refresh an account's tokens, and
	// LeaseMargin how long before its end nothing is sent any more.
	Lease, LeaseMargin time.Duration
	// TokenPoll is how often those who wait for another's refresh look.
	TokenPoll time.Duration
	// TokenRetryBase and TokenRetryMax bound the pause after the nth failed call
	// of the token endpoint: TokenRetryBase·2ⁿ⁻¹ with jitter.
	TokenRetryBase, TokenRetryMax time.Duration
	// TokenCalls is the most failed calls of the token endpoint in a row, of one
	// account, within any TokenWindow, and the most refreshes for an operation that
	// upstream refuses with new tokens, too.
	TokenCalls int
	// TokenWindow is the time of TokenCalls.
	TokenWindow time.Duration
	// JournalRetry is how often a pair that the store does not take is offered
	// again.
	JournalRetry time.Duration
	// RefreshScan is how often due refreshes are looked for.
	RefreshScan time.Duration
	// StateLife is the life of the state of an authorization: upstream's codes
	// live as long.
	StateLife time.Duration

	// Repeated calls.

	// RequestLife is how long what became of a call with a request id is
	// remembered.
	RequestLife time.Duration
	// RequestHold is how long after the last word of a replica its calls count as
	// under way; it says one three times as often.
	RequestHold time.Duration
	// RequestPoll is how often a repeated call looks whether the one of another
	// replica has ended, and RequestAgain when its caller, who did not get to see
	// the end, should try again.
	RequestPoll, RequestAgain time.Duration
	// RequestSweep is how often what is too old is removed, RequestSweepSize how
	// many calls at a time.
	RequestSweep     time.Duration
	RequestSweepSize int

	// Store.

	// StatementTimeout, LockTimeout and AcquireTimeout bound a statement, its
	// wait for a row and the wait for a connection of the pool.
	StatementTimeout, LockTimeout, AcquireTimeout time.Duration
	// BusyTimeout bounds the wait for a SQLite file that somebody else locks.
	BusyTimeout time.Duration
	// StorePing is how often a process asks whether the store answers, for health.
	StorePing time.Duration
	// AccountScan is how often a process looks for accounts that another one
	// added, changed or removed.
	AccountScan time.Duration
}

// Default returns the settings of production.
func Default() Settings {
	return Settings{
		DialTimeout:    3 * time.Second,
		TLSTimeout:     5 * time.Second,
		AttemptTimeout: 30 * time.Second,
		SharedTimeout:  45 * time.Second,
		DNSLife:        5 * time.Minute,
		HostGoneAfter:  5 * time.Minute,
		HomeRest:       10 * time.Second,
		AccountLife:    10 * time.Minute,
		AccountRest:    time.Minute,
		PeriodLife:     time.Minute,
		SessionLife:    15*time.Minute - 30*time.Second,
		LoginPause:     time.Minute,

		StreamStall: time.Minute,

		RetryBase:  300 * time.Millisecond,
		RetryMax:   8 * time.Second,
		RetryShare: 0.1,
		RetryBurst: 10,

		ListOverlap: 5 * time.Second,

		LookSlack:    3 * time.Second,
		LookPause:    time.Second,
		LookMargin:   500 * time.Millisecond,
		CreateMemory: 5 * time.Minute,
		ApartFor:     time.Minute,

		FirstSlot:    time.Second,
		SlotUse:      15 * time.Millisecond,
		CheckLead:    10 * time.Millisecond,
		ConnectLead:  time.Second,
		Horizon:      12 * time.Second,
		Aging:        10 * time.Second,
		LimitedBase:  2 * time.Second,
		LimitedMax:   30 * time.Second,
		MaxHold:      15 * time.Minute,
		CutFor:       time.Minute,
		RecoverEvery: time.Minute,
		RecoverStep:  0.5,
		MinRate:      0.5,
		BlockProbe:   15 * time.Minute,
		PaymentProbe: time.Hour,
		EgressWindow: time.Minute,

		Beat:            time.Second,
		StoreLostPause:  3 * time.Second,
		StoreFoundPause: 2 * time.Second,

		RefreshAt:      0.5,
		RefreshJitter:  0.1,
		IdleRefresh:    7 * 24 * time.Hour,
		TokenTimeout:   15 * time.Second,
		Lease:          45 * time.Second,
		LeaseMargin:    5 * time.Second,
		TokenPoll:      250 * time.Millisecond,
		TokenRetryBase: 5 * time.Second,
		TokenRetryMax:  5 * time.Minute,
		TokenCalls:     12,
		TokenWindow:    time.Hour,
		JournalRetry:   time.Second,
		RefreshScan:    30 * time.Second,
		StateLife:      20 * time.Minute,

		RequestLife:      24 * time.Hour,
		RequestHold:      15 * time.Second,
		RequestPoll:      250 * time.Millisecond,
		RequestAgain:     time.Second,
		RequestSweep:     time.Minute,
		RequestSweepSize: 500,

		StatementTimeout: 5 * time.Second,
		LockTimeout:      2 * time.Second,
		AcquireTimeout:   2 * time.Second,
		BusyTimeout:      5 * time.Second,
		StorePing:        2 * time.Second,
		AccountScan:      5 * time.Second,
	}
}

// Divided returns s with every duration divided by n, which is 1 or more. Rates
// and shares stay, and so does SlotUse: timers get no finer.
func (s Settings) Divided(n float64) Settings {
	slotUse := s.SlotUse
	v := reflect.ValueOf(&s).Elem()
	for _, field := range v.Fields() {
		if d, ok := reflect.TypeAssert[time.Duration](field); ok {
			field.SetInt(int64(float64(d) / n))
		}
	}
	s.SlotUse = slotUse
	return s
}

// Validate returns everything that is wrong.
func (s Settings) Validate() error {
	var errs []error
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch value := v.Field(i).Interface().(type) {
		case time.Duration:
			if value <= 0 {
				errs = append(errs, fmt.Errorf("settings: %s is %v: must be positive", name, value))
			}
		case int:
			if value <= 0 {
				errs = append(errs, fmt.Errorf("settings: %s is %d: must be positive", name, value))
			}
		case float64:
			if !(value > 0) {
				errs = append(errs, fmt.Errorf("settings: %s is %v: must be positive", name, value))
			}
		}
	}
	if s.TokenTimeout >= s.Lease-s.LeaseMargin {
		errs = append(errs, errors.New("settings: TokenTimeout must be shorter than Lease less LeaseMargin"))
	}
	return errors.Join(errs...)
}
