package pgtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
)

// Proxy stands between a client and a server and breaks their connections.
type Proxy struct {
	// URL is that of the database, by way of the proxy.
	URL string

	listener net.Listener
	server   string
	running  sync.WaitGroup

	mu       sync.Mutex
	random   *rand.Rand
	share    float64
	closed   bool
	sessions map[*session]bool
}

// session is a connection of a client and the one that was made for it.
type session struct {
	client, server net.Conn
	// frozen is guarded by the proxy's lock.
	frozen bool
}

// NewProxy starts a proxy in front of a database. It breaks nothing yet; seed
// chooses what it will.
func NewProxy(ctx context.Context, database string, seed uint64) (*Proxy, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	p := &Proxy{server: u.Host, random: rand.New(rand.NewPCG(seed, seed)), sessions: make(map[*session]bool)} //nolint:gosec // Faults can be repeated.
	var config net.ListenConfig
	if p.listener, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	u.Host = p.listener.Addr().String()
	p.URL = u.String()
	p.running.Go(p.serve)
	return p, nil
}

// Break lets a share of the pieces that go either way, 0 to 1, end their
// connection instead of arriving.
func (p *Proxy) Break(share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share = share
}

// Freeze lets nothing through any more on the connections there are and ends
// none, as a firewall does that has forgotten them. New ones work.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		s.frozen = true
	}
}

// Cut ends the connections there are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		s.close()
	}
}

// Close ends the proxy with all connections.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	return err
}

// serve takes connections until the listener is closed.
func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.join(client) })
	}
}

// join makes the connection to the server and carries until one of both ends.
func (p *Proxy) join(client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	s := &session{client: client, server: server}
	defer s.close()
	p.mu.Lock()
	p.sessions[s] = true
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.carry(s, s.client, s.server) })
	both.Go(func() { p.carry(s, s.server, s.client) })
	both.Wait()
	p.mu.Lock()
	delete(p.sessions, s)
	p.mu.Unlock()
}

// carry copies one way.
func (p *Proxy) carry(s *session, from, to net.Conn) {
	defer s.close()
	piece := make([]byte, 1<<16)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		p.mu.Lock()
		broken, frozen := p.random.Float64() < p.share, s.frozen
		p.mu.Unlock()
		if broken {
			return
		}
		if frozen {
			continue
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

func (s *session) close() {
	// What was closed before is closed.
	_ = errors.Join(s.client.Close(), s.server.Close())
}
