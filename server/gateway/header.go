package gateway

import (
	"context"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
)

// requestIDHeader finds a call in the log of the server.
const requestIDHeader = "Amogate-Request-Id"

// timeoutHeader sets the deadline of a call: digits and a unit of H, M, S, m, u
// or n. The runtime reads it.
const timeoutHeader = "Grpc-Timeout"

// implicitMaskKey is metadata that tells the server that the update mask was
// made from the keys of the body: output-only paths in it are no mistake then.
const implicitMaskKey = "amogate-implicit-mask"

// forwardedHeaders are the request headers that reach the server, as metadata
// of the same name. Nothing else does, and nothing under another name: with a
// prefix such as Grpc-Metadata- a caller could speak to the server's internals.
var forwardedHeaders = []string{"Amogate-Account", "Amogate-Max-Age", "Amogate-Priority", requestIDHeader, "Traceparent", "Tracestate"}

// answeredHeaders are the metadata keys of an answer that callers see, as
// headers of the same name.
var answeredHeaders = []string{requestIDHeader, "Amogate-Age-Ms", "Amogate-Read-Back", "Amogate-Wait-Ms"}

// remoteKey is metadata that tells the server the address of a caller, whose calls
// all come over the gateway's connection. No header of a caller becomes it.
const remoteKey = "amogate-remote"

// remoteAddress returns the address of a caller, without the port: clients make
// connections as they like.
func remoteAddress(_ context.Context, r *http.Request) metadata.MD {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	return metadata.Pairs(remoteKey, host)
}

func incomingHeader(key string) (string, bool) {
	return strings.ToLower(key), slices.Contains(forwardedHeaders, textproto.CanonicalMIMEHeaderKey(key))
}

func outgoingHeader(key string) (string, bool) {
	key = textproto.CanonicalMIMEHeaderKey(key)
	return key, slices.Contains(answeredHeaders, key)
}

// checkHeaders finds what is wrong with the headers that cross to the server.
// The runtime drops a header that is no valid metadata; a call for one account
// must not end up at the default one that way.
func checkHeaders(h http.Header) []*errdetails.BadRequest_FieldViolation {
	var found []*errdetails.BadRequest_FieldViolation
	// The runtime itself forwards Authorization.
	for _, name := range append([]string{"Authorization", timeoutHeader}, forwardedHeaders...) {
		values := h.Values(name)
		field := strings.ToLower(name)
		switch {
		case slices.ContainsFunc(values, func(v string) bool { return !printable(v) }):
			found = append(found, violation(field, "must be printable ASCII"))
		case len(values) > 1 && name != "Tracestate":
			found = append(found, violation(field, "must be given once"))
		case name == timeoutHeader && len(values) == 1 && !isTimeout(values[0]):
			found = append(found, violation(field, `must be at most 8 digits and a unit of H, M, S, m, u or n, such as "30S"`))
		}
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		found = append(found, violation("content-encoding", "must be absent: bodies are taken uncompressed"))
	}
	return found
}

// printable reports whether s is what gRPC takes as a metadata value.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func isTimeout(s string) bool {
	digits := strings.TrimRight(s, "HMSmun")
	return len(s) == len(digits)+1 && digits != "" && len(digits) <= 8 && strings.Trim(digits, "0123456789") == ""
}

// implicitMask marks calls whose update mask the runtime makes from the body.
func implicitMask(ctx context.Context, r *http.Request) metadata.MD {
	c := callOf(ctx)
	if c == nil || !c.binding.masksBody || r.URL.Query().Has(maskField) {
		return nil
	}
	return metadata.Pairs(implicitMaskKey, "1")
}
