package custody

import (
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
)

// marks end the reasons of failures that a person has to see to, although the
// credentials are good: so other replicas tell their callers the same.
var marks = map[driver.Kind]string{
	driver.KindMoved:           "(moved)",
	driver.KindHostGone:        "(host gone)",
	driver.KindPaymentRequired: "(payment required)",
}

// mark returns what a kind of failure adds to the reason in the store.
func mark(kind driver.Kind) string {
	if text, ok := marks[kind]; ok {
		return " " + text
	}
	return ""
}

// kindOfReason is the kind of a failure that the store tells of.
func kindOfReason(reason string) driver.Kind {
	for kind, text := range marks {
		if strings.HasSuffix(reason, text) {
			return kind
		}
	}
	return driver.KindUnavailable
}
