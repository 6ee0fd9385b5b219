package v2

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// LoginCall describes the login with a user's e-mail and API key. The session
// lives in the cookies of the answer. The credentials travel in a form: in the
// query they would stand in logs, and upstream would echo them.
//
//amogate:operation POST /private/api/auth.php rpc=*
func LoginCall(login, key string) driver.Call {
	form := url.Values{"USER_LOGIN": {login}, "USER_HASH": {key}}
	return driver.Call{
		Name:   "session.login",
		Method: http.MethodPost,
		Path:   "/private/api/auth.php",
		// Without it upstream answers in XML.
		Query:       url.Values{"type": {"json"}},
		Body:        []byte(form.Encode()),
		ContentType: "application/x-www-form-urlencoded",
		// A login writes nothing of the caller's: no failure of it leaves the
		// outcome of a write open.
		Effect: driver.Read,
	}
}

var errNoAuth = errors.New("it has no response.auth")

// DecodeLogin returns nil for a login that succeeded, else an *driver.Error:
// KindReauth for wrong credentials, KindBlocked for an address that is not
// allowed, KindMoved for an account of another server.
func DecodeLogin(r driver.Response) error {
	if err := DecodeError(r); err != nil {
		return err
	}
	var document struct {
		Response wire.Object[struct {
			Auth wire.Bool `json:"auth"`
		}] `json:"response"`
	}
	if err := wire.Unmarshal(r.Body, &document); err != nil {
		return err
	}
	if document.Response.Value == nil || !document.Response.Value.Auth.Set {
		return badResponse(errNoAuth)
	}
	if !document.Response.Value.Auth.Value {
		return &driver.Error{Kind: driver.KindReauth, Status: r.Status, Message: "upstream refused the login"}
	}
	return nil
}
