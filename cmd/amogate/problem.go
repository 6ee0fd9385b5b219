package main

import (
	"fmt"
	"strings"
)

// problems is everything that is wrong with a configuration, a line each. No
// line holds a secret.
type problems []string

// add notes what is wrong with a flag and what to do about it.
func (p *problems) add(flag, format string, args ...any) {
	*p = append(*p, "--"+flag+": "+fmt.Sprintf(format, args...))
}

// has says whether something is wrong with a flag already: a value that could
// not be read is not checked as well.
func (p problems) has(flag string) bool {
	for _, line := range p {
		if strings.HasPrefix(line, "--"+flag+": ") {
			return true
		}
	}
	return false
}

// err returns one error for all problems, nil for none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &exitError{exitConfig, configError(p)}
}

type configError []string

func (e configError) Error() string {
	noun := "errors"
	if len(e) == 1 {
		noun = "error"
	}
	return fmt.Sprintf("%d configuration %s\n  %s", len(e), noun, strings.Join(e, "\n  "))
}
