package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
)

// Metadata keys of the API.
const (
	// accountKey names the account of a call.
	accountKey = "amogate-account"
	// requestIDKey names a call in logs; the server answers it as a header.
	requestIDKey = "amogate-request-id"
	// implicitMaskKey is 1 when the gateway made the update mask from the keys
	// of a body.
	implicitMaskKey = "amogate-implicit-mask"
	// readBackKey is "failed" in the header of a write that succeeded while the
	// read after it did not.
	readBackKey = "amogate-read-back"
	// acceptedKey is 1 in the header of a list whose request is valid; the
	// gateway's own headers leave on it.
	acceptedKey = "amogate-accepted"
	// priorityKey lowers the priority of a call: interactive, sync or export.
	priorityKey = "amogate-priority"
	// waitKey, in the trailer of a call, is how many milliseconds its requests
	// waited for the account's limiter; unary calls have it as a header too.
	waitKey = "amogate-wait-ms"
	// maxAgeKey is how many seconds old what a call takes from memory of the
	// account may be; 0 reads it now.
	maxAgeKey = "amogate-max-age"
	// ageKey, in the trailer of a call, is how many milliseconds old the oldest of
	// that was; unary calls have it as a header too, and calls that took nothing
	// have none.
	ageKey = "amogate-age-ms"
	// remoteKey is the address of a caller of the gateway.
	remoteKey = "amogate-remote"
	// pushbackKey, with -1, tells gRPC clients not to try again by themselves.
	pushbackKey = "grpc-retry-pushback-ms"
)

// maxAnswerTime is the most that a unary call leaves of its caller's deadline for
// the way of the answer.
const maxAnswerTime = 100 * time.Millisecond

// maxAccountBytes bounds the name of an account.
const maxAccountBytes = 128

// requestIDs are the request ids that are taken from callers; they go to logs
// as they are.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// call is what the interceptors know of one call.
type call struct {
	logger    *slog.Logger
	method    string
	requestID string
	// own says that the method is one of this API, and not health or reflection.
	own bool

	account      string
	client       *amo.Client
	implicitMask bool
	// stall is how long the reader of a stream may take nothing.
	stall time.Duration
	// waits sums up the waits for the account's limiter.
	waits amo.Waits
	// ages keeps how old what it took from memory was.
	ages amo.Ages
	// items holds the violations inside the items of a batch by index.
	items map[int][]*violation
	// known is what is known of a call with a request id; nil = it has none.
	known *idempotency.Call
}

// callKey is the key of a call in its context.
type callKey struct{}

// callFrom returns the call of a context.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{logger: slog.New(slog.DiscardHandler), stall: settings.Default().StreamStall}
}

// begin makes the call of a method.
func (s *Server) begin(ctx context.Context, method string) (context.Context, *call) {
	c := &call{logger: s.config.Logger, method: method, own: s.methods[method], stall: s.config.StreamStall}
	if ids := metadata.ValueFromIncomingContext(ctx, requestIDKey); len(ids) == 1 && requestIDs.MatchString(ids[0]) {
		c.requestID = ids[0]
	} else {
		c.requestID = rand.Text()
	}
	ctx = amo.WithWaits(context.WithValue(ctx, callKey{}, c), &c.waits)
	return amo.WithAges(ctx, &c.ages), c
}

// finish logs the end of a call and returns its error as a status.
func (s *Server) finish(ctx context.Context, c *call, begun time.Time, err error) error {
	a := answerOf(ctx, err)
	if a.final {
		// Without a transport there is nobody to tell.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(pushbackKey, "-1"))
	}
	if c.own {
		_ = grpc.SetTrailer(ctx, c.told())
	}
	level := levelOf(a.status.Code())
	if !c.own && level < slog.LevelError {
		// Probes come every few seconds.
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("method", c.method),
		slog.String("account", c.account),
		slog.String("code", a.status.Code().String()),
		slog.Float64("duration_ms", float64(time.Since(begun).Microseconds())/1000),
		slog.String("request_id", c.requestID),
	}
	if err != nil {
		attrs = append(attrs, slog.String("reason", reasonName(a.reason)), slog.String("error", err.Error()))
	}
	c.logger.LogAttrs(ctx, level, "call", attrs...)
	return a.status.Err()
}

// told tells how long the requests of the call waited for slots, and how old what
// it took from memory was.
func (c *call) told() metadata.MD {
	md := metadata.Pairs(waitKey, strconv.FormatInt(c.waits.Sum().Milliseconds(), 10))
	if age, ok := c.ages.Oldest(); ok {
		md.Set(ageKey, strconv.FormatInt(age.Milliseconds(), 10))
	}
	return md
}

// callUnary gives a unary call its id, its deadline, its log line and its
// status.
func (s *Server) callUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	begun := time.Now()
	ctx, c := s.begin(ctx, info.FullMethod)
	ctx, end := context.WithTimeout(ctx, s.patience(ctx))
	defer end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.cutting, func() { cancel(errDraining) })()
	ctx = amo.WithStop(ctx, s.draining)
	_ = grpc.SetHeader(ctx, metadata.Pairs(requestIDKey, c.requestID))
	resp, err := handler(ctx, req)
	if c.own {
		_ = grpc.SetHeader(ctx, c.told())
	}
	if err = s.finish(ctx, c, begun, err); err != nil {
		return nil, err
	}
	return resp, nil
}

// patience is how long a unary call may take. It ends before its caller's
// deadline does: a write that was sent and got no answer has to say so in time.
func (s *Server) patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return s.config.UnaryTimeout
	}
	left := time.Until(deadline)
	return left - min(left/10, maxAnswerTime)
}

// callStream is callUnary for streams. They have no default deadline; they end
// when the server drains.
func (s *Server) callStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	begun := time.Now()
	ctx, c := s.begin(stream.Context(), info.FullMethod)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.draining, func() { cancel(errDraining) })()
	_ = grpc.SetHeader(ctx, metadata.Pairs(requestIDKey, c.requestID))
	err := handler(srv, &contextStream{ServerStream: stream, ctx: ctx})
	return s.finish(ctx, c, begun, err)
}

// contextStream is a stream with another context.
type contextStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream hands its context to its handler
}

// Context implements grpc.ServerStream.
func (c *contextStream) Context() context.Context { return c.ctx }

// admitUnary finds the account of a call.
func (s *Server) admitUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := s.admit(ctx)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// admitStream is admitUnary for streams.
func (s *Server) admitStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := s.admit(stream.Context())
	if err != nil {
		return err
	}
	return handler(srv, &contextStream{ServerStream: stream, ctx: ctx})
}

// admit reads the metadata of a call and finds its account. It returns the context
// of the call.
func (s *Server) admit(ctx context.Context) (context.Context, error) {
	c := callFrom(ctx)
	if !c.own {
		return ctx, nil
	}
	name, err := accountName(metadata.ValueFromIncomingContext(ctx, accountKey))
	if err != nil {
		return nil, err
	}
	c.account = name
	priority, err := priorityOf(metadata.ValueFromIncomingContext(ctx, priorityKey))
	if err != nil {
		return nil, err
	}
	if ctx, err = withMaxAge(ctx, metadata.ValueFromIncomingContext(ctx, maxAgeKey)); err != nil {
		return nil, err
	}
	client, err := s.config.Accounts.Client(ctx, name)
	if err != nil {
		return nil, err
	}
	c.client, c.account = client, client.Account()
	masks := metadata.ValueFromIncomingContext(ctx, implicitMaskKey)
	c.implicitMask = len(masks) == 1 && masks[0] == "1"
	return amo.WithCaller(amo.WithPriority(ctx, priority), callerOf(ctx)), nil
}

// callerOf names who calls: the address of the connection. Calls inside the process
// have none; of those it is the one that the gateway tells, which no other can.
func callerOf(ctx context.Context) string {
	if from, ok := peer.FromContext(ctx); ok {
		if from.Addr == nil {
			return ""
		}
		return from.Addr.String()
	}
	if told := metadata.ValueFromIncomingContext(ctx, remoteKey); len(told) == 1 {
		return told[0]
	}
	return ""
}

// priorityOf returns the priority that a call asks for; without one it keeps its
// own.
func priorityOf(values []string) (limit.Class, error) {
	switch len(values) {
	case 0:
		return limit.Interactive, nil
	case 1:
	default:
		return 0, invalid(refuse(priorityKey, "is set %d times", len(values)))
	}
	class, ok := limit.ParseClass(values[0])
	if !ok {
		return 0, invalid(refuse(priorityKey, "must be interactive, sync or export"))
	}
	return class, nil
}

// maxAgeDigits bounds an age: a thousand million seconds are thirty years.
const maxAgeDigits = 9

// withMaxAge returns the context of a call that asks for what was read of the
// account not long ago.
func withMaxAge(ctx context.Context, values []string) (context.Context, error) {
	switch len(values) {
	case 0:
		return ctx, nil
	case 1:
	default:
		return nil, invalid(refuse(maxAgeKey, "is set %d times", len(values)))
	}
	seconds, err := strconv.ParseUint(values[0], 10, 32)
	if err != nil || len(values[0]) > maxAgeDigits {
		return nil, invalid(refuse(maxAgeKey, "must be whole seconds of at most %d digits", maxAgeDigits))
	}
	return amo.WithMaxAge(ctx, time.Duration(seconds)*time.Second), nil
}

// accountName returns the account that a call names; empty for none.
func accountName(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", invalid(refuse(accountKey, "is set %d times", len(values)))
	}
	name := values[0]
	outside := func(r rune) bool { return r < ' ' || r > '~' }
	if len(name) > maxAccountBytes || strings.ContainsFunc(name, outside) {
		return "", invalid(refuse(accountKey, "must be at most %d printable ASCII characters", maxAccountBytes))
	}
	return name, nil
}

// recovered logs a panic with its stack and returns the error of its call. The
// value of a panic can hold a payload: only errors of the runtime are shown.
func recovered(ctx context.Context, p any) error {
	c := callFrom(ctx)
	stack := debug.Stack()
	if elsewhere, ok := p.(*amo.PanicError); ok {
		p, stack = elsewhere.Value, elsewhere.Stack
	}
	text := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		text = err.Error()
	}
	c.logger.LogAttrs(ctx, slog.LevelError, "panic",
		slog.String("method", c.method),
		slog.String("account", c.account),
		slog.String("request_id", c.requestID),
		slog.String("panic", text),
		slog.String("stack", string(stack)),
	)
	return &fault{reason: amogatev1.ErrorReason_ERROR_REASON_PANIC, message: "panic: " + text}
}

// unknownMethod answers methods that no service has.
func unknownMethod(_ any, stream grpc.ServerStream) error {
	return &fault{
		reason:  amogatev1.ErrorReason_ERROR_REASON_METHOD_NOT_FOUND,
		message: fmt.Sprintf("there is no method %q", clip(callFrom(stream.Context()).method)),
	}
}
