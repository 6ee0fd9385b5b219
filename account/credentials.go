package account

import (
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
)

// Session are a user's login and API key of generation v2. It prints as ***.
type Session = amo.Session

// Given are the credentials that a person gave: one of the three is set.
type Given struct {
	// Token is a long-lived access token.
	Token amo.BearerToken
	// Session is a login with its API key.
	Session Session
	// Code is an authorization code that a person brought.
	Code Code
}

// Code is an authorization code. It prints as ***.
type Code string

// String hides the code.
func (Code) String() string { return "***" }

// GoString hides the code.
func (Code) GoString() string { return "***" }

// MarshalText hides the code from encoders and logs.
func (Code) MarshalText() ([]byte, error) { return []byte("***"), nil }

// validate says what is wrong with credentials, in terms of what was given.
func (g Given) validate() error {
	switch {
	case g.Code != "":
		if len(g.Code) > maxCode || !isPlain(string(g.Code)) {
			return &FieldError{Field: "authorization_code", Message: "is not a code; copy the value of code from the address that upstream sent the browser to"}
		}
	case g.Token != "":
		if !isPlain(string(g.Token)) {
			return &FieldError{Field: "access_token", Message: "has a character that no token has; is there a line break in it?"}
		}
	case g.Session.Login == "" || g.Session.APIKey == "":
		return &FieldError{Field: "session", Message: "needs the login and the API key"}
	}
	return nil
}

// maxCode bounds a code; upstream's are about a thousand characters.
const maxCode = 16 << 10

// isPlain says that a text is ASCII without blanks and controls.
func isPlain(text string) bool {
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return text != ""
}

// kind is what the credentials are stored as.
func (g Given) kind() custody.Kind {
	switch {
	case g.Code != "":
		return custody.KindOAuth
	case g.Token != "":
		return custody.KindToken
	}
	return custody.KindSession
}

// kindOf returns the kind of the credentials of the flags.
func kindOf(auth amo.Auth) custody.Kind {
	if _, ok := auth.(amo.Session); ok {
		return custody.KindSession
	}
	return custody.KindToken
}
