package account

import "regexp"

// FlagName is the name of the account that serve's flags describe.
const FlagName = "default"

// names are what accounts can be called: it fits into a header, a file name and a
// command line as it is.
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// CheckName says what is wrong with the name of an account.
func CheckName(name string) error {
	if names.MatchString(name) {
		return nil
	}
	return &FieldError{Field: "name", Message: "must be 1 to 64 of a-z, 0-9, - and _, the first of them a letter or a digit: shop-2"}
}
