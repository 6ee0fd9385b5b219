package main

import (
	"context"
	"strings"
)

// inTurn runs the parts of a row one after the other and returns what they
// measured.
func inTurn(ctx context.Context, parts ...func(context.Context) (string, error)) (string, error) {
	measured := make([]string, len(parts))
	for i, part := range parts {
		var err error
		if measured[i], err = part(ctx); err != nil {
			return "", err
		}
	}
	return strings.Join(measured, "; "), nil
}
