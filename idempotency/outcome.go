package idempotency

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	implv1 "github.com/amogate/amogate/gen/amogate/impl/v1"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// encode returns outcomes as they are stored.
func encode(outcomes []*implv1.ItemOutcome) ([]byte, error) {
	return proto.Marshal(&implv1.Outcome{Items: outcomes})
}

// decode returns stored outcomes by index.
func decode(stored []byte) (map[int]*implv1.ItemOutcome, error) {
	outcome := &implv1.Outcome{}
	if err := proto.Unmarshal(stored, outcome); err != nil {
		return nil, fmt.Errorf("idempotency: decode a stored outcome: %w", err)
	}
	known := map[int]*implv1.ItemOutcome{}
	for _, item := range outcome.GetItems() {
		add(known, item)
	}
	return known, nil
}

// add adds an outcome, unless what is there knows more: an owner that was taken
// for dead may tell the end after the one that took over found nothing.
func add(known map[int]*implv1.ItemOutcome, outcome *implv1.ItemOutcome) {
	i := int(outcome.GetIndex())
	if weight(outcome) >= weight(known[i]) {
		known[i] = outcome
	}
}

// weight is how much an outcome knows.
func weight(outcome *implv1.ItemOutcome) int {
	switch {
	case outcome == nil:
		return 0
	case outcome.GetUnsent():
		return 1
	case isUnknown(outcome):
		return 2
	}
	return 3
}

func isUnknown(outcome *implv1.ItemOutcome) bool {
	switch outcome.GetFailed().GetReason() { //nolint:exhaustive // the others say what happened
	case amogatev1.ErrorReason_ERROR_REASON_WRITE_OUTCOME_UNKNOWN, amogatev1.ErrorReason_ERROR_REASON_WRITE_APPLIED_RESPONSE_LOST:
		return true
	}
	return false
}
