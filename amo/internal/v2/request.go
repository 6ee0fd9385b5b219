package v2

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/amogate/amogate/amo/internal/driver"
)

const (
	// maxPage is upstream's limit of limit_rows.
	maxPage = 500
	// maxIDs keeps the URL of a read by ids below 4 KiB.
	maxIDs = 250
	// maxBatch is half of what upstream takes; it advises not to send more.
	maxBatch = 250
)

// pageQuery asks for the page of limit rows behind the first offset rows.
// limit_rows always goes along: without it upstream ignores limit_offset.
func pageQuery(resource string, offset int64, limit int) (url.Values, error) {
	if limit < 1 || limit > maxPage || offset < 0 {
		return nil, &driver.Error{
			Kind:    driver.KindBug,
			Op:      resource + ".list",
			Message: "page of " + strconv.Itoa(limit) + " rows at " + strconv.FormatInt(offset, 10) + " is out of range",
		}
	}
	return url.Values{
		"limit_rows":   {strconv.Itoa(limit)},
		"limit_offset": {strconv.FormatInt(offset, 10)},
	}, nil
}

// idsQuery asks for records by id. It sends limit_rows along: no source says
// that the page of 500 is what a list by ids has without it.
func idsQuery(ids []int64) url.Values {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return url.Values{
		"id":           {strings.Join(texts, ",")},
		"limit_rows":   {strconv.Itoa(len(ids))},
		"limit_offset": {"0"},
	}
}

// writeCall describes a write; body holds what is added, updated or deleted.
func writeCall(resource, path string, op driver.Op, effect driver.Effect, body any) (driver.Call, error) {
	name := resource + "." + string(op)
	data, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return driver.Call{}, &driver.Error{
			Kind:    driver.KindBug,
			Op:      name,
			Message: "the request cannot be encoded",
			Err:     err,
		}
	}
	return driver.Call{
		Name:   name,
		Method: http.MethodPost,
		Path:   path,
		Body:   data,
		Effect: effect,
	}, nil
}
