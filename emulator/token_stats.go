package emulator

import (
	"errors"
	"maps"
)

// TokenStats are the exchanges of codes and refresh tokens the emulator saw. Calls that a fault answered without
// carrying them out, or that the limiter refused, are in Stats.ByOperation only.
type TokenStats struct {
	Calls   int64            `json:"calls"`
	ByGrant map[string]int64 `json:"by_grant"` // of calls, by grant_type
	Refused map[string]int64 `json:"refused"`  // by hint; "client" where there is none, "account" at a host it has left
	// Revoked are the refused refresh tokens that were good once: used, revoked or too old.
	Revoked   int64 `json:"revoked"`
	Pairs     int64 `json:"pairs"`     // given by exchanges
	Refreshes int64 `json:"refreshes"` // of Pairs, those for a refresh token
	// ByPair counts the calls with a refresh token by the number of the pair it belongs to; pairs are counted from 1.
	ByPair map[int64]int64 `json:"by_pair"`
	// PresentedTwice is how many refresh tokens were sent more than once, however those calls were answered.
	PresentedTwice int64 `json:"presented_twice"`
}

func newTokenStats() TokenStats {
	return TokenStats{ByGrant: map[string]int64{}, Refused: map[string]int64{}, ByPair: map[int64]int64{}}
}

func (s TokenStats) clone() TokenStats {
	s.ByGrant, s.Refused, s.ByPair = maps.Clone(s.ByGrant), maps.Clone(s.Refused), maps.Clone(s.ByPair)
	return s
}

// count adds one call. number is that of the pair whose refresh token was sent, 0 where there is none.
func (s *TokenStats) count(grantType string, number int64, err error) {
	s.Calls++
	switch grantType {
	case grantCode, grantRefresh:
		s.ByGrant[grantType]++
	default:
		s.ByGrant["unknown"]++
	}
	if number > 0 {
		s.ByPair[number]++
		if s.ByPair[number] == 2 {
			s.PresentedTwice++
		}
	}
	if err == nil {
		s.Pairs++
		if grantType == grantRefresh {
			s.Refreshes++
		}
		return
	}
	cause := "account"
	if refused, ok := errors.AsType[*exchangeError](err); ok {
		cause = refused.cause()
		if refused.hint == hintRevoked {
			s.Revoked++
		}
	}
	s.Refused[cause]++
}
