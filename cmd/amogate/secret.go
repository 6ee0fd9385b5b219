package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxSecret bounds a secret's file; the longest tokens in use have about 1 kB.
const maxSecret = 64 << 10

// readSecret reads the file of a flag, without the white space around. It does
// not repeat the path: whoever takes the flag for the secret itself would find
// the secret in the log.
func (p *problems) readSecret(flag, path string) string {
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
			err = wrapped.Err
		}
		p.add(flag, "cannot read the file: %v; the flag takes the path of a file that holds the secret, not the secret", err)
		return ""
	}
	return p.checkSecret(flag, "the file", content)
}

// stdinName stands for standard input where a file is asked for.
const stdinName = "-"

// readSecretFrom reads the file of a flag, or standard input.
func (p *problems) readSecretFrom(stdin io.Reader, flag, path string) string {
	if path != stdinName {
		return p.readSecret(flag, path)
	}
	content, err := io.ReadAll(io.LimitReader(stdin, maxSecret+1))
	if err != nil {
		p.add(flag, "cannot read standard input: %v", err)
		return ""
	}
	return p.checkSecret(flag, "standard input", content)
}

// checkSecret takes the white space off a secret and checks that it is nothing
// else.
func (p *problems) checkSecret(flag, source string, content []byte) string {
	secret := strings.TrimSpace(string(content))
	switch {
	case secret == "":
		p.add(flag, "%s is empty; write the secret to it", source)
	case len(content) > maxSecret:
		p.add(flag, "%s is larger than 64 KiB; it should hold the secret alone", source)
	case strings.ContainsFunc(secret, isNotSecret):
		p.add(flag, "%s holds more than a secret: line breaks, blanks or other characters; it should hold the secret alone", source)
	default:
		return secret
	}
	return ""
}

// isNotSecret finds what no token and no key has and no header may have.
func isNotSecret(r rune) bool { return r <= ' ' || r > '~' }
