package server

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Only the gateway, whose connection is inside the process, tells whom it calls for.
func TestCallerOf_isToldByTheGatewayAlone(t *testing.T) {
	from := func(addr net.Addr) context.Context { return peer.NewContext(t.Context(), &peer.Peer{Addr: addr}) }
	address := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // what is tested
		told []string
		want string
	}{
		"a connection":                     {from(address), nil, "192.0.2.1:5"},
		"a connection that claims another": {from(address), []string{"192.0.2.2"}, "192.0.2.1:5"},
		"a connection without an address":  {from(nil), []string{"192.0.2.2"}, ""},
		"the gateway":                      {t.Context(), []string{"192.0.2.2"}, "192.0.2.2"},
		"the gateway with two":             {t.Context(), []string{"192.0.2.2", "192.0.2.3"}, ""},
		"somebody in the process":          {t.Context(), nil, ""},
	} {
		md := metadata.MD{remoteKey: c.told}
		if got := callerOf(metadata.NewIncomingContext(c.ctx, md)); got != c.want {
			t.Errorf("%s is %q, want %q", name, got, c.want)
		}
	}
}
