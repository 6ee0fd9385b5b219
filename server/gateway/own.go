package gateway

import (
	_ "embed"
	"net/http"

	"google.golang.org/grpc/codes"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// openAPI describes everything that the gateway serves. It is generated from
// the proto files by internal/tools/openapi.
//
//go:embed openapi.json
var openAPI []byte

// serveOwn answers the paths that belong to the process, not to an account.
// None of them asks upstream.
func (g *gateway) serveOwn(w http.ResponseWriter, r *http.Request) {
	const allow = "GET, HEAD, OPTIONS"
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", allow)
		g.write(w, r, fault(codes.Unimplemented, amogatev1.ErrorReason_ERROR_REASON_METHOD_NOT_FOUND,
			"the path takes only "+allow), http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/openapi.json":
		_, _ = w.Write(openAPI)
	case r.URL.Path == "/healthz":
		_, _ = w.Write([]byte(`{"status":"alive"}`))
	case g.ready():
		_, _ = w.Write([]byte(`{"status":"ready"}`))
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"not_ready"}`))
	}
}
