package engine

import (
	"net/url"
	"path/filepath"
	"strings"
)

// File is the name of the SQLite file in a data directory.
const File = "amogate.db"

// unescaped is the likely reason for a URL that cannot be read.
const unescaped = "not a URL: write special characters of the user name, the password and the path as %XX"

// Place is where a URL leads: to a file or to a database.
type Place struct{ File, URL string }

// Parse checks a URL as far as it can be checked without opening anything. dir is
// the data directory.
func Parse(raw, dir string) (Place, error) {
	wrong := func(problem string) (Place, error) {
		return Place{}, &URLError{URL: Masked(raw), Problem: problem}
	}
	scheme, _, ok := strings.Cut(raw, ":")
	if !ok {
		return wrong("want sqlite:///path/amogate.db, sqlite: for a file in --data-dir, or postgres://user@host/database")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return wrong(unescaped)
	}
	switch scheme {
	case "sqlite":
		switch {
		case u.User != nil || u.Host != "":
			return wrong("a SQLite store has no host: want three slashes, sqlite:///path/amogate.db")
		case u.RawQuery != "" || u.Fragment != "":
			return wrong("a SQLite store has no options: end the URL with the path")
		case u.Opaque != "":
			return wrong("want an absolute path, sqlite:///path/amogate.db, or sqlite: for a file in --data-dir")
		case strings.HasSuffix(u.Path, "/"):
			return wrong("the path ends with a slash: want that of a file")
		case u.Path == "" && dir == "":
			return wrong("has no path, and there is no --data-dir")
		case u.Path == "":
			return Place{File: filepath.Join(dir, File)}, nil
		}
		return Place{File: filepath.FromSlash(u.Path)}, nil
	case "postgres", "postgresql":
		if torn(u) {
			return wrong(unescaped)
		}
		if u.Opaque != "" || !strings.HasPrefix(raw, scheme+"://") {
			return wrong("want postgres://user@host/database")
		}
		return Place{URL: raw}, nil
	}
	return wrong("unknown engine: want sqlite: or postgres://")
}

// Masked returns a store's URL as it may be shown: every password is ***. Of what
// is no URL only the scheme is left, for nobody knows where its password ends.
func Masked(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Opaque != "" || u.Scheme != "sqlite" && torn(u) {
		scheme, _, ok := strings.Cut(raw, ":")
		if !ok {
			return "…"
		}
		return scheme + ":…"
	}
	var b strings.Builder
	b.WriteString(u.Scheme + "://")
	if u.User != nil {
		b.WriteString(url.PathEscape(u.User.Username()))
		if _, has := u.User.Password(); has {
			b.WriteString(":***")
		}
		b.WriteString("@")
	}
	b.WriteString(u.Host + u.EscapedPath())
	if u.RawQuery != "" {
		b.WriteString("?" + maskedQuery(u.RawQuery))
	}
	return b.String()
}

// torn says that a password has a special character in it, so that a part of it
// went to where hosts and paths are.
func torn(u *url.URL) bool {
	return strings.Contains(u.EscapedPath()+u.RawQuery+u.EscapedFragment(), "@")
}

// maskedQuery replaces the values of options that are secret.
func maskedQuery(raw string) string {
	options := strings.Split(raw, "&")
	for i, option := range options {
		name, _, _ := strings.Cut(option, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || strings.Contains(strings.ToLower(plain), "password") {
			options[i] = name + "=***"
		}
	}
	return strings.Join(options, "&")
}
