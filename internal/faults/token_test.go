package main

import (
	"context"
	"testing"
	"time"
)

// tokensInProcess are the rows about tokens and the store that need neither
// processes nor a PostgreSQL.
var tokensInProcess = []string{"T01", "T02", "T10", "T11", "T15", "T17"}

func TestTable_rowsOfTokensPass(t *testing.T) {
	t.Parallel()
	checkRowsPass(t, tokensInProcess)
}

func TestRowsOfTokens_failWhenTheirBoundIsBroken(t *testing.T) {
	t.Parallel()
	checkRowsFail(t, map[string]brokenRow{
		"S06 with no patience": {
			func(ctx context.Context) (string, error) { return lockedFile(ctx, time.Nanosecond, 0) },
			"STORE_BUSY came after",
		},
		"T01 with no time at all": {
			func(ctx context.Context) (string, error) { return expiring(ctx, 0) },
			"a call took",
		},
		"T02 with no token call": {
			func(ctx context.Context) (string, error) { return revoked(ctx, 0) },
			"1 token calls",
		},
		"T05 with one token call": {
			func(ctx context.Context) (string, error) { return answerLost(ctx, 1) },
			"2 token calls",
		},
		"T08 with a store that takes it at once": {
			func(ctx context.Context) (string, error) { return lateStore(ctx, 0) },
			"are OK with tokens that nothing has taken",
		},
		"T10 with fewer token calls": {
			func(ctx context.Context) (string, error) { return tokenOutage(ctx, 10) },
			"within an hour",
		},
		"T11 with no token call": {
			func(ctx context.Context) (string, error) { return wrongSecret(ctx, 0) },
			"1 token calls",
		},
		"T15 with a longer silence": {
			func(ctx context.Context) (string, error) { return tokenBlocked(ctx, time.Hour) },
			"requests within 1h0m0s",
		},
		"T16 with a store that was not told": {
			func(ctx context.Context) (string, error) {
				return pairUse(ctx, false, func(w *tokenWatch) { w.forgets = true })
			},
			"that the store did not have",
		},
		"T17 with no look-up": {
			func(ctx context.Context) (string, error) { return moved(ctx, 0) },
			"1 look-ups",
		},
	})
}
