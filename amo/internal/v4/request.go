package v4

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/amogate/amogate/amo/internal/driver"
)

const (
	// basePath is the path that all of API v4 lies below.
	basePath = "/api/v4"
	// maxPage is upstream's limit of rows of a page. Above it upstream does not
	// fail: it answers pages of 50.
	maxPage = 250
	// plainPage is how many rows a page has that upstream chooses the size of.
	plainPage = 50
	// maxIDs keeps the URL of a read by ids below 4 KiB.
	maxIDs = 100
	// maxBatch is the most that upstream takes. It advises 50, since one row that
	// does not pass its validation costs all of them: writes begin with as many and
	// grow where more wait.
	maxBatch = 250
)

// readCall describes a read. The query may be nil.
func readCall(resource string, op driver.Op, path string, query url.Values) driver.Call {
	return driver.Call{
		Name:   resource + "." + string(op),
		Method: http.MethodGet,
		Path:   path,
		Query:  query,
		Effect: driver.Read,
	}
}

// pageQuery asks for the page of limit rows behind the first offset rows. Pages
// are numbered, so that offset has to be a multiple of limit.
func pageQuery(resource string, offset int64, limit int) (url.Values, error) {
	if limit < 1 || limit > maxPage || offset < 0 || offset%int64(limit) != 0 {
		return nil, &driver.Error{
			Kind:    driver.KindBug,
			Op:      resource + ".list",
			Message: "page of " + strconv.Itoa(limit) + " rows at " + strconv.FormatInt(offset, 10) + " is out of range",
		}
	}
	return url.Values{
		"limit": {strconv.Itoa(limit)},
		"page":  {strconv.FormatInt(offset/int64(limit)+1, 10)},
	}, nil
}

// idsQuery asks for records by id, all on one page.
func idsQuery(ids []int64) url.Values {
	query := url.Values{
		"limit": {strconv.Itoa(len(ids))},
		"page":  {"1"},
	}
	addInts(query, "filter[id][]", ids)
	return query
}

// addInts adds a parameter once for each number.
func addInts(query url.Values, key string, numbers []int64) {
	for _, n := range numbers {
		query.Add(key, strconv.FormatInt(n, 10))
	}
}

// itemPath returns the path of one record of a collection.
func itemPath(collection string, id int64) string {
	return collection + "/" + strconv.FormatInt(id, 10)
}

// writeCall describes a write of method with body as JSON; a nil body is none.
// A nil list is null, with which upstream clears; it refuses empty lists.
func writeCall(resource string, op driver.Op, method, path string, effect driver.Effect, body any) (driver.Call, error) {
	call := driver.Call{
		Name:   resource + "." + string(op),
		Method: method,
		Path:   path,
		Effect: effect,
	}
	if body == nil {
		return call, nil
	}
	data, err := json.Marshal(body, json.Deterministic(true), json.FormatNilSliceAsNull(true))
	if err != nil {
		return driver.Call{}, &driver.Error{
			Kind:    driver.KindBug,
			Op:      call.Name,
			Message: "the request cannot be encoded",
			Err:     err,
		}
	}
	call.Body = data
	return call, nil
}

// requestID is the request id of item i. Upstream takes 0 and "" for none, and
// makes up one of its own then.
func requestID(i int) string { return strconv.Itoa(i + 1) }
