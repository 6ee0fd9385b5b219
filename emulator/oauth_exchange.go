package emulator

import (
	"time"
)

// hints of refused exchanges.
const (
	hintClientID     = "Check the `client_id` parameter"
	hintClientSecret = "Check the `client_secret` parameter" //nolint:gosec // a text
	hintGrantType    = "Check the `grant_type` parameter"
	hintRedirect     = "Check the `redirect_uri` parameter"
	hintCode         = "Check the `code` parameter"
	hintRefresh      = "Check the `refresh_token` parameter"
	hintAccount      = "Invalid account"
	hintNotOfClient  = "Redirect URI is not associated with client"
	hintCodeBroken   = "Cannot decrypt the authorization code"
	hintCodeExpired  = "Authorization code has expired"
	hintCodeUsed     = "Authorization code has been revoked"
	hintInvalid      = "Invalid refresh token"
	hintRevoked      = "Token has been revoked"
)

// newPair makes a pair that nobody knows yet.
func (e *Emulator) newPair(grantType string, now time.Time) (Pair, error) {
	access, err := e.newAccessToken(grantType, now, now.Add(e.config.OAuth.AccessLife))
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		AccessToken:  access,
		RefreshToken: newSecret("def502"),
		ExpiresIn:    int64(e.config.OAuth.AccessLife / time.Second),
	}, nil
}

// addPair remembers a pair. The caller holds the lock of the grants.
func (e *Emulator) addPair(p Pair, parent *grant, now time.Time) *grant {
	return e.grants.add(p, parent, now.Add(e.config.OAuth.AccessLife), now.Add(e.config.OAuth.RefreshLife))
}

// exchangeCode gives a pair for a code, once. A problem tells why it does not.
func (e *Emulator) exchangeCode(code string, now time.Time) (Pair, error) {
	p, err := e.newPair(grantCode, now)
	if err != nil {
		return Pair{}, err
	}
	g := &e.grants
	g.mu.Lock()
	defer g.mu.Unlock()
	issued, ok := g.codes[code]
	switch {
	case !ok:
		return Pair{}, e.hinted(400, hintCodeBroken)
	case issued.used:
		return Pair{}, e.hinted(400, hintCodeUsed)
	case !now.Before(issued.ends):
		return Pair{}, e.hinted(400, hintCodeExpired)
	}
	issued.used = true
	e.addPair(p, nil, now)
	return p, nil
}

// exchangeRefresh gives a pair for a refresh token. A problem tells why it does not; number is that of the pair the
// token belongs to, 0 for a token that was never issued.
func (e *Emulator) exchangeRefresh(token string, now time.Time) (p Pair, number int64, err error) {
	if p, err = e.newPair(grantRefresh, now); err != nil {
		return Pair{}, 0, err
	}
	g := &e.grants
	g.mu.Lock()
	defer g.mu.Unlock()
	old, ok := g.refresh[token]
	switch {
	case !ok:
		return Pair{}, 0, e.hinted(e.config.OAuth.InvalidStatus, hintInvalid)
	case !old.exchangeable(now):
		return Pair{}, old.number, e.hinted(e.config.OAuth.RevokedStatus, hintRevoked)
	}
	old.use()
	if lost := old.child; lost != nil { // only Grace comes here: the answer with that pair went astray
		lost.accessDead, lost.refreshDead = true, true
	}
	old.child = e.addPair(p, old, now)
	if !e.config.OAuth.Grace {
		old.refreshDead = true
	}
	if e.config.OAuth.RefreshEndsAccess {
		old.accessDead = true
	}
	return p, old.number, nil
}

// hinted is a refused exchange with a hint.
func (e *Emulator) hinted(status int, hint string) error {
	return &exchangeError{status: status, hint: hint}
}
