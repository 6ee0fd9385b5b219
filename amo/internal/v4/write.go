package v4

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var errNoID = errors.New("an item has no id")

// writeReader reads the answer to a write.
type writeReader struct {
	resource string
	op       driver.Op
	// keys are the names that the rows may have, the best first.
	keys []string
	// errors reads the refusals beside the rows.
	errors errorReader
	// told returns what a row tells beyond its id; nil = nothing is kept.
	told func(raw jsontext.Value) (proto.Message, error)
}

// writeRow is one row of the answer to a write.
type writeRow struct {
	ID        wire.Int   `json:"id"`
	RequestID requestIDs `json:"request_id"`
}

// decode decodes the answer. An empty one, as every deletion has it, says that
// all was taken.
func (w writeReader) decode(body []byte) (driver.WriteReply, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return driver.WriteReply{All: true}, nil
	}
	reply, err := w.read(body)
	if err != nil {
		return driver.WriteReply{}, named(badResponse(err), w.resource, w.op)
	}
	for i := range reply.Errors {
		reply.Errors[i].Err.Op = w.resource + "." + string(w.op)
	}
	return reply, nil
}

func (w writeReader) read(body []byte) (driver.WriteReply, error) {
	decoded, err := decodeRows(body, w.keys...)
	if err != nil {
		return driver.WriteReply{}, err
	}
	var reply driver.WriteReply
	isCounted := false
	for _, place := range decoded.list {
		raw := place.Value()
		var row writeRow
		if err := wire.Unmarshal(raw, &row); err != nil {
			return driver.WriteReply{}, err
		}
		if row.ID.Value <= 0 {
			return driver.WriteReply{}, errNoID
		}
		item := driver.WriteItem{ID: row.ID.Value, RequestID: row.RequestID.first()}
		if w.told != nil {
			// A row that cannot be understood tells nothing: the write has happened
			// whatever else it says.
			if msg, err := w.told(raw); err == nil {
				item.Told = msg
			}
		}
		// "0" is none of ours: upstream has counted the rows itself.
		isCounted = isCounted || item.RequestID == 0 && len(row.RequestID) > 0
		reply.Items = append(reply.Items, item)
	}
	if isCounted {
		for i := range reply.Items {
			reply.Items[i].RequestID = 0
		}
	}
	for _, row := range decoded.failed {
		reply.Errors = append(reply.Errors, w.errors.itemError(row, http.StatusOK))
	}
	if len(reply.Items)+len(reply.Errors) == 0 {
		return driver.WriteReply{}, errNoRows
	}
	return reply, nil
}
