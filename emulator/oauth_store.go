package emulator

import (
	"maps"
	"sync"
	"time"
)

// Pair is what an exchange brings.
type Pair struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"` // seconds the access token lives
}

// grant is a pair and what has become of it.
type grant struct {
	number      int64 // of the pairs issued, from 1
	accessEnds  time.Time
	refreshEnds time.Time
	accessDead  bool
	refreshDead bool // revoked, or used where Grace does not help any more

	parent *grant // whose refresh token was exchanged for this pair, nil for a first one
	child  *grant // the newest pair its refresh token was exchanged for
	used   bool   // a request came with one of its tokens
}

// grants are the codes and tokens of an account. Its methods are safe for concurrent use. What was ever issued stays,
// since a used token is refused otherwise than an unknown one.
type grants struct {
	mu      sync.Mutex
	codes   map[string]*issuedCode
	access  map[string]*grant
	refresh map[string]*grant
	secret  string // of the client
	pairs   int64
}

type issuedCode struct {
	ends time.Time
	used bool
}

func (g *grants) init(secret string) {
	g.codes, g.access, g.refresh = map[string]*issuedCode{}, map[string]*grant{}, map[string]*grant{}
	g.secret = secret
}

func (g *grants) clientSecret() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.secret
}

// add remembers a pair. The caller holds the lock.
func (g *grants) add(p Pair, parent *grant, accessEnds, refreshEnds time.Time) *grant {
	g.pairs++
	added := &grant{number: g.pairs, accessEnds: accessEnds, refreshEnds: refreshEnds, parent: parent}
	g.access[p.AccessToken] = added
	if p.RefreshToken != "" {
		g.refresh[p.RefreshToken] = added
	} else {
		added.refreshDead = true
	}
	return added
}

// use marks the first request with a token of a pair: from now on nothing brings the pair before it back. The caller
// holds the lock.
func (p *grant) use() {
	p.used = true
	if p.parent != nil {
		p.parent.refreshDead = true
		p.parent = nil // the chain behind it can be forgotten
	}
}

// accepts reports whether an access token is alive, and whether it ever was one.
func (g *grants) accepts(token string, now time.Time) (alive, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, known := g.access[token]
	if !known || p.accessDead || !now.Before(p.accessEnds) {
		return false, known
	}
	p.use()
	return true, true
}

// knows reports whether a refresh token could be exchanged now.
func (g *grants) knows(refresh string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.refresh[refresh]
	return ok && p.exchangeable(now)
}

func (p *grant) exchangeable(now time.Time) bool { return !p.refreshDead && now.Before(p.refreshEnds) }

// live is the number of refresh tokens that could be exchanged now.
func (g *grants) live(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, p := range g.refresh {
		if p.exchangeable(now) {
			n++
		}
	}
	return n
}

// end kills tokens, those that were issued so far.
func (g *grants) end(access, refresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for p := range maps.Values(g.access) {
		p.accessDead = p.accessDead || access
		p.refreshDead = p.refreshDead || refresh
	}
}
