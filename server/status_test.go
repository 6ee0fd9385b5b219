package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
)

// testCall returns the context of a call for tests of single functions.
func testCall(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), callKey{}, &call{
		logger: slog.New(slog.DiscardHandler), method: "/amogate.v1.CustomerService/UpdateCustomer",
		requestID: "req-1", own: true, account: "shop",
	})
}

// kindErrors has an example of every kind of error of package amo.
var kindErrors = map[amo.Kind]*amo.Error{
	amo.KindBug:     {Message: "secret state", Err: errors.New("cause")},
	amo.KindInvalid: {Op: "customers.update", Message: "the customer cannot be sent", Fields: []amo.FieldError{{Path: "tags[0].name", Description: "is taken"}, {Path: "", Description: "is odd"}}},
	amo.KindUpstreamInvalid: {
		Message: "upstream refused the customer", Status: 400, Code: "204", ID: 466791,
		Fields: []amo.FieldError{{Path: "next_purchase_time", Description: "is required"}},
	},
	amo.KindUnsupported: {
		Op: "customers.update", Message: "the field cannot be written", Generation: amo.V2,
		Fields: []amo.FieldError{{Path: "catalog_elements", Description: "cannot be unlinked"}},
	},
	amo.KindInexpressible: {
		Op: "customers.update", Message: "the value cannot be expressed", Generation: amo.V2,
		Fields: []amo.FieldError{{Path: "next_price.nanos", Description: "whole units only"}},
	},
	amo.KindNotFound:           {Message: "there is no customer 466791", ID: 466791},
	amo.KindForbidden:          {Message: "the user may not do this", Status: 403, Code: "288"},
	amo.KindReauth:             {Message: "upstream does not accept the credentials", Status: 401, Code: "110"},
	amo.KindPaymentRequired:    {Message: "the subscription has ended", Status: 402},
	amo.KindBlocked:            {Message: "the account is blocked", Status: 403, RetryAfter: 15 * time.Minute},
	amo.KindMoved:              {Message: "the account has moved", Status: 301, Host: "shop.kommo.com"},
	amo.KindCustomersDisabled:  {Message: "customers are switched off", Status: 400, Code: "426"},
	amo.KindCustomersNotInPlan: {Message: "the plan has no customers", Status: 402, Code: "402"},
	amo.KindCustomersMode: {
		Op: "statuses.list", Message: "the account's customers work in another mode", Status: 422,
		Mode: "segments", Needed: "periodicity",
	},
	amo.KindRateLimited:      {Message: "too many requests", Status: 429, RetryAfter: 1500 * time.Millisecond},
	amo.KindQueueFull:        {Message: "the queue is longer than the deadline", RetryAfter: 3 * time.Second},
	amo.KindConflict:         {Message: "the record is newer", ID: 466791},
	amo.KindNotAttempted:     {Message: "not sent"},
	amo.KindLoop:             {Message: "upstream sent a page of this list twice"},
	amo.KindUnavailable:      {Message: "upstream failed", Status: 503},
	amo.KindBadResponse:      {Message: "upstream's answer cannot be understood", Status: 200, Err: errors.New("unexpected < in line 1")},
	amo.KindDNS:              {Message: "the host does not resolve"},
	amo.KindTLS:              {Message: "the host has no certificate that is trusted"},
	amo.KindTooLarge:         {Message: "the answer is too large"},
	amo.KindOutcomeUnknown:   {Message: "the write may have happened", Status: 504},
	amo.KindResponseLost:     {Message: "the write happened, its answer was lost", Status: 200},
	amo.KindCursor:           {Message: "the list was begun over the upstream API v2"},
	amo.KindDeadline:         {Message: "the deadline passed"},
	amo.KindCancelled:        {Message: "cancelled"},
	amo.KindTokenLost:        {Message: "the account's new tokens were lost on their way"},
	amo.KindEgressBlocked:    {Message: "upstream has blocked this server's address", RetryAfter: 15 * time.Minute},
	amo.KindHostGone:         {Message: "the account's host name does not exist"},
	amo.KindMisconfigured:    {Message: "upstream does not accept the integration", Status: 401},
	amo.KindUndecryptable:    {Message: "no key of the ring opens the stored credentials"},
	amo.KindStoreUnavailable: {Message: "the store does not answer", Err: errors.New("cause")},
	amo.KindStoreBusy:        {Message: "the store did not answer in time", Err: errors.New("cause")},
	amo.KindStoreFull:        {Message: "the store's disk is full", Err: errors.New("cause")},
}

// ownErrors has an example of every reason that package amo has no kind for.
// ROUTE_NOT_FOUND is the gateway's alone.
var ownErrors = map[string]error{
	"REQUEST_ID_REUSED":   requestFault(idempotency.ErrReused),
	"REQUEST_IN_PROGRESS": requestFault(&idempotency.InProgressError{RetryAfter: time.Second}),
	"VALIDATION":          invalid(refuse("customer.name", "is required"), refuse("customer.id", "is %d", 6)),
	"PAGE_TOKEN_INVALID":  func() error { _, err := tokens{}.decode("x"); return err }(),
	"ACCOUNT_REQUIRED":    ErrAccountRequired(),
	"ACCOUNT_NOT_ALLOWED": ErrAccountNotAllowed("shop"),
	"NO_ACCOUNT":          ErrNoAccount(),
	"METHOD_NOT_FOUND":    status.Error(codes.Unimplemented, "method Frob not implemented"),
	"MESSAGE_TOO_LARGE":   status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)"),
	"STREAM_STALLED":      errStalled(time.Minute),
	"PANIC":               &fault{reason: amogatev1.ErrorReason_ERROR_REASON_PANIC, message: "panic: secret"},
	"BUG":                 fmt.Errorf("list: %w", errors.New("secret")),
	"CANCELLED":           context.Canceled,
	"DEADLINE_EXCEEDED":   fmt.Errorf("wait: %w", context.DeadlineExceeded),
}

func TestAnswerOf_everyErrorAsGolden(t *testing.T) {
	t.Parallel()
	ctx := testCall(t)
	got := map[string]json.RawMessage{}
	seen := map[string]bool{"ROUTE_NOT_FOUND": true, "SERVER_DRAINING": true}
	note := func(name string, err error) answer {
		a := answerOf(ctx, err)
		raw, err := protojson.Marshal(a.status.Proto())
		if err != nil {
			t.Fatal(err)
		}
		got[name] = raw
		seen[reasonName(a.reason)] = true
		return a
	}
	for kind := range amo.KindCount {
		example, ok := kindErrors[kind]
		if !ok {
			t.Errorf("kind %d has no example", kind)
			continue
		}
		err := *example
		err.Kind = kind
		name := fmt.Sprintf("kind %02d %s", kind, reasonName(reasonOfKind[kind]))
		a := note(name, at("requests[3].customer", fmt.Errorf("wrapped: %w", &err)))
		if a.reason == amogatev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("kind %d has no reason", kind)
		}
		if kind != amo.KindBug && a.status.Code() == codes.Internal && kind != amo.KindTooLarge {
			t.Errorf("kind %d is %v", kind, a.status.Code())
		}
		if a.final != (kind == amo.KindTLS) {
			t.Errorf("kind %d: final is %t", kind, a.final)
		}
	}
	for reason, err := range ownErrors {
		if a := note("own "+reason, err); reasonName(a.reason) != reason {
			t.Errorf("%v has reason %s, want %s", err, reasonName(a.reason), reason)
		}
	}
	for number, name := range amogatev1.ErrorReason_name {
		reason := amogatev1.ErrorReason(number)
		if number == 0 {
			continue
		}
		if _, ok := codeOfReason[reason]; !ok {
			t.Errorf("%s has no code", name)
		}
		if !seen[reasonName(reason)] {
			t.Errorf("%s has no example here", name)
		}
	}
	for name, raw := range got {
		for _, secret := range []string{"secret", "cause", "unexpected <"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s shows %q: %s", name, secret, raw)
			}
		}
	}
	golden(t, "status.golden.json", got)
}

func TestAnswerOf_unknownKindIsABug(t *testing.T) {
	t.Parallel()
	for _, kind := range []amo.Kind{-1, amo.KindCount, 1000} {
		a := answerOf(testCall(t), &amo.Error{Kind: kind, Message: "secret"})
		if a.reason != amogatev1.ErrorReason_ERROR_REASON_BUG || strings.Contains(a.status.Message(), "secret") {
			t.Errorf("kind %d: %v %v", kind, a.reason, a.status)
		}
	}
}

func TestAnswerOf_drainingShowsOnlyWhereTheCallWasCut(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(testCall(t))
	cancel(errDraining)
	for _, err := range []error{
		context.Canceled,
		&amo.Error{Kind: amo.KindCancelled, Err: context.Canceled},
		at("filter", &amo.Error{Kind: amo.KindCancelled}),
		status.Error(codes.Canceled, "Stream has ended."),
	} {
		a := answerOf(ctx, err)
		if a.status.Code() != codes.Unavailable || reasonName(a.reason) != "SERVER_DRAINING" {
			t.Errorf("%v: %v %v, want UNAVAILABLE/SERVER_DRAINING", err, a.status.Code(), a.reason)
		}
	}
	if a := answerOf(ctx, &amo.Error{Kind: amo.KindBadResponse}); reasonName(a.reason) != "UPSTREAM_BAD_RESPONSE" {
		t.Errorf("an error of its own became %v", a.reason)
	}
	if a := answerOf(testCall(t), context.Canceled); a.status.Code() != codes.Canceled {
		t.Errorf("a caller that went away is told %v", a.status.Code())
	}
}

func TestAnswerOf_foreignStatusesPassAsTheyAre(t *testing.T) {
	t.Parallel()
	err := status.Error(codes.NotFound, "unknown service")
	if a := answerOf(testCall(t), err); a.status.Code() != codes.NotFound || a.status.Message() != "unknown service" {
		t.Errorf("got %v", a.status)
	}
	if a := answerOf(testCall(t), nil); a.status.Code() != codes.OK || a.status.Err() != nil {
		t.Errorf("no error became %v", a.status)
	}
}

func TestAnswerOf_fitsInATrailer(t *testing.T) {
	t.Parallel()
	var fields []*violation
	for i := range 10_000 {
		fields = append(fields, refuse(item("filter.ids", i), "must be greater than 0"))
	}
	huge := strings.Repeat("я", 10_000)
	for name, err := range map[string]error{
		"many violations": invalid(fields...),
		"a long message":  &amo.Error{Kind: amo.KindUpstreamInvalid, Message: huge},
		"a long account":  ErrAccountNotAllowed(huge),
		"a long mask":     invalid(must(maskPaths((&amogatev1.Customer{}).ProtoReflect(), []string{huge}, false))...),
	} {
		a := answerOf(testCall(t), err)
		raw, err := protojson.Marshal(a.status.Proto())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(raw) > 8192 {
			t.Errorf("%s: the status has %d bytes", name, len(raw))
		}
	}
	a := answerOf(testCall(t), invalid(fields...))
	for _, detail := range a.status.Details() {
		if request, ok := detail.(*errdetails.BadRequest); ok {
			last := request.GetFieldViolations()[len(request.GetFieldViolations())-1]
			if !strings.Contains(last.GetDescription(), "more violations") {
				t.Errorf("the last violation does not tell of the rest: %v", last)
			}
		}
	}
	if len(fields) != 10_000 || strings.Contains(fields[100].GetDescription(), "more") {
		t.Error("the caller's violations were changed")
	}
}

func must(_ []string, fields []*violation) []*violation { return fields }

func TestLevelOf_errorsAreOursWarningsTheOperators(t *testing.T) {
	t.Parallel()
	want := map[slog.Level][]codes.Code{
		slog.LevelError: {codes.Internal, codes.DataLoss},
		slog.LevelWarn:  {codes.Unknown, codes.DeadlineExceeded, codes.ResourceExhausted, codes.FailedPrecondition, codes.Unavailable},
		slog.LevelInfo:  {codes.OK, codes.Canceled, codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Aborted, codes.OutOfRange, codes.Unimplemented, codes.Unauthenticated},
	}
	for level, list := range want {
		for _, code := range list {
			if got := levelOf(code); got != level {
				t.Errorf("%v is logged as %v, want %v", code, got, level)
			}
		}
	}
}

func TestJoin_paths(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"", "name", "name"},
		{"customer", "", "customer"},
		{"customer", "tags[0].name", "customer.tags[0].name"},
		{"requests[3].customer", "name", "requests[3].customer.name"},
		{"ids", "[3]", "ids[3]"},
		{"", "", ""},
	} {
		if got := join(c[0], c[1]); got != c[2] {
			t.Errorf("join(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// golden compares values with a file of testdata as parsed JSON.
func golden(t *testing.T, name string, got map[string]json.RawMessage) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		raw, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[key]; !ok {
			t.Errorf("%s: no longer there", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		var parsed any
		if err := json.Unmarshal(got[key], &parsed); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[key], parsed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}
