package account

import (
	"errors"
	"fmt"
)

// Errors of a Registry, beside those of its Store and *amo.Error.
var (
	// ErrNone: there is no account at all.
	ErrNone = errors.New("account: there is no account")
	// ErrUnnamed: there are several accounts, and none of them is the default.
	ErrUnnamed = errors.New("account: there are several accounts, and none is named")
	// ErrNoKeyFits: no key of the ring opens any of the stored credentials.
	ErrNoKeyFits = errors.New("account: no key of the key ring opens any of the stored credentials: " +
		"this is another ring than the one that sealed them; bring that one back (--keyring-file or AMOGATE_KEYRING)")
	// ErrFromFlags: the account is that of serve's flags.
	ErrFromFlags = errors.New("account: the account comes from serve's flags: change the --account flags and restart, or choose another name")
	// ErrNameTaken: an account of the store has the name of that of the flags.
	ErrNameTaken = errors.New("account: the store has an account named \"" + FlagName + "\", which is the name of the account of the --account flags: " +
		"leave those flags out, or remove the stored one with `amogate account remove " + FlagName + "`")
	// ErrNoIntegration: consents need an OAuth integration.
	ErrNoIntegration = errors.New("account: serve has no OAuth integration: " +
		"start it with --oauth-client-id, --oauth-client-secret-file and --oauth-redirect-url")
	// ErrFixedRing: the key ring is no file that can be changed here.
	ErrFixedRing = errors.New("account: the key ring is that of AMOGATE_KEYRING, which cannot be changed from here: " +
		"add a key to it as the last one, restart every replica, then run `amogate keyring rotate --reseal-only`")
)

// FieldError says what is wrong with a value that a person gave.
type FieldError struct {
	// Field is the name of the value: name, url, access_token, session,
	// authorization_code.
	Field string
	// Message says what is wrong and how to mend it. It holds no secret.
	Message string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// OtherAccountError is the error of credentials that belong to another account of
// upstream's than the stored one.
type OtherAccountError struct {
	// Name of the account.
	Name string
	// Stored and Given are upstream's numbers of the accounts.
	Stored, Given int64
}

// Error implements error.
func (e *OtherAccountError) Error() string {
	return fmt.Sprintf("account %q is upstream's account %d, and the new credentials are those of account %d: "+
		"authorize in the right account, or add the other one by another name", e.Name, e.Stored, e.Given)
}
