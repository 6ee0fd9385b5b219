package v4

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// isMissing says that upstream answered 404 because there is no such record, in
// a body from which missingText can tell it. Reads take that for no rows;
// DecodeError does not know which operation it is asked of.
func isMissing(r driver.Response) bool {
	if r.Status != http.StatusNotFound {
		return false
	}
	_, ok := missingText(r.Body)
	return ok
}

// missingText returns the text of a problem object of status 404 that is about
// a record: not about an address that upstream does not know.
func missingText(body []byte) (string, bool) {
	if inspect(body) != bodyError {
		return "", false
	}
	f := readFailure(body)
	ok := f.innerStatus == http.StatusNotFound && len(f.rows) == 0 && f.code == "" && !routeText.MatchString(f.text)
	return f.text, ok
}

// checkFound returns why a write found no record; nil when body says nothing of
// the kind.
func checkFound(resource string, op driver.Op, body []byte) error {
	text, missing := missingText(body)
	if !missing {
		return nil
	}
	return &driver.Error{
		Kind:    driver.KindNotFound,
		Op:      resource + "." + string(op),
		Status:  http.StatusNotFound,
		Message: message(driver.KindNotFound, text),
	}
}

// told returns nil for a message that holds nothing.
func told(msg proto.Message) proto.Message {
	if proto.Size(msg) == 0 {
		return nil
	}
	return msg
}

// oneByOneError says that a write of one record was asked to hold more or none.
func oneByOneError(resource string, op driver.Op) *driver.Error {
	return &driver.Error{
		Kind:    driver.KindBug,
		Op:      resource + "." + string(op),
		Message: "upstream takes exactly one record at a time here",
	}
}

// deleteOne describes the deletion of the one record that a call can name; its
// resource says so with MaxDelete.
func deleteOne(resource, collection string, ids []int64) driver.Call {
	// A call without a body always encodes.
	call, _ := writeCall(resource, driver.OpDelete, http.MethodDelete, itemPath(collection, ids[0]), driver.Set, nil)
	return call
}
