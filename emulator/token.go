package emulator

import (
	"fmt"
	"time"
)

// issueCode makes a code that can be exchanged.
func (e *Emulator) issueCode(now time.Time) string {
	code := newSecret("def502")
	e.grants.mu.Lock()
	defer e.grants.mu.Unlock()
	e.grants.codes[code] = &issuedCode{ends: now.Add(e.config.OAuth.CodeLife)}
	return code
}

// IssueCode returns a code as the redirect of the consent page brings it.
func (e *Emulator) IssueCode() string { return e.issueCode(e.now()) }

// IssuePair returns the pair a code would bring.
func (e *Emulator) IssuePair() (Pair, error) {
	now := e.now()
	p, err := e.newPair(grantCode, now)
	if err != nil {
		return Pair{}, fmt.Errorf("emulator: issue pair: %w", err)
	}
	e.grants.mu.Lock()
	defer e.grants.mu.Unlock()
	e.addPair(p, nil, now)
	return p, nil
}

// IssueLongLived returns an access token without a refresh token that lives for life, a second or more.
func (e *Emulator) IssueLongLived(life time.Duration) (string, error) {
	if life < time.Second {
		return "", fmt.Errorf("emulator: issue long-lived token: a life of %s is below a second", life)
	}
	now := e.now()
	access, err := e.newAccessToken("", now, now.Add(life))
	if err != nil {
		return "", fmt.Errorf("emulator: issue long-lived token: %w", err)
	}
	e.grants.mu.Lock()
	defer e.grants.mu.Unlock()
	e.grants.add(Pair{AccessToken: access}, nil, now.Add(life), now)
	return access, nil
}

// ExpireAccess ends every access token issued so far; refresh tokens go on. Config.Token is none of them.
func (e *Emulator) ExpireAccess() { e.grants.end(true, false) }

// RevokeRefresh ends every refresh token issued so far; access tokens live on until their time.
func (e *Emulator) RevokeRefresh() { e.grants.end(false, true) }

// Disconnect ends every token issued so far, as when an administrator disables the integration.
func (e *Emulator) Disconnect() { e.grants.end(true, true) }

// ReplaceClientSecret gives the integration another secret, which ends every token of the old one.
func (e *Emulator) ReplaceClientSecret(secret string) {
	e.grants.end(true, true)
	e.grants.mu.Lock()
	defer e.grants.mu.Unlock()
	e.grants.secret = secret
}

// Exchangeable reports whether a refresh token could be exchanged now. Asking does not use it.
func (e *Emulator) Exchangeable(refreshToken string) bool {
	return e.grants.knows(refreshToken, e.now())
}

// LivePairs returns how many refresh tokens could be exchanged now. Of a chain of refreshes from one code it is one, or
// with OAuth.Grace two until the newest pair is used.
func (e *Emulator) LivePairs() int { return e.grants.live(e.now()) }
