package v4

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/wire"
)

// wallClocks are the forms of times that have no zone of their own. Upstream
// writes them in what it sends by itself, and older fields hold them.
var wallClocks = []string{time.DateTime, "2006-01-02T15:04:05", time.DateOnly, "02.01.2006 15:04:05", "02.01.2006"}

// readTime reads unix seconds, RFC 3339, or a time of the zone.
func readTime(zone *time.Location, text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if seconds, err := wire.ParseInt(text); err == nil {
		return time.Unix(seconds, 0).In(zone), true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(zone), true
	}
	for _, layout := range wallClocks {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// readDay reads a day: upstream tells its midnight in the account's zone. It
// returns nil for what is no day of the years 1 to 9999.
func readDay(zone *time.Location, text string) *date.Date {
	if seconds, err := wire.ParseInt(text); err == nil {
		return newDate(time.Unix(seconds, 0).In(zone))
	}
	for _, layout := range wallClocks {
		// In UTC: a midnight that did not occur in the zone would become the day
		// before.
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return newDate(t)
		}
	}
	t, ok := readTime(zone, text)
	if !ok {
		return nil
	}
	return newDate(t)
}

func newDate(t time.Time) *date.Date {
	if t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return &date.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())} //nolint:gosec // in range
}

// readInstant returns nil for what is no instant of the years 1 to 9999.
func readInstant(zone *time.Location, text string) *timestamppb.Timestamp {
	t, ok := readTime(zone, text)
	if !ok {
		return nil
	}
	at := timestamppb.New(t)
	if !at.IsValid() {
		return nil
	}
	return at
}

// quarters are how many quarters of an hour a day has; no zone moves its clocks
// by less.
const quarters = 24 * 4

// startOfDay returns the first instant of a day in the zone. Some days begin
// late, since clocks were put forward at midnight, and some did not occur.
func startOfDay(zone *time.Location, d *date.Date) (time.Time, bool) {
	for quarter := range quarters {
		t := time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, quarter*15, 0, 0, zone)
		if t.Day() == int(d.GetDay()) {
			return t, true
		}
	}
	return time.Time{}, false
}

// writeDay writes the start of a checked day as unix seconds, and before 1970,
// for which upstream refuses them, as RFC 3339.
func writeDay(zone *time.Location, d *date.Date) any {
	start, _ := startOfDay(zone, d)
	if start.Unix() > 0 {
		return start.Unix()
	}
	if _, offset := start.Zone(); offset%60 != 0 {
		// Offsets of old times have seconds, RFC 3339 has not: midnight could
		// fall on the day before, noon cannot.
		start = start.Add(12 * time.Hour)
	}
	return start.Format(time.RFC3339)
}

// writeInstant is writeDay for instants.
func writeInstant(t *timestamppb.Timestamp) any {
	if t.GetSeconds() > 0 {
		return t.GetSeconds()
	}
	return t.AsTime().Format(time.RFC3339)
}

func checkDay(zone *time.Location, path string, d *date.Date, r *report) {
	t := time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
	isReal := t.Year() == int(d.GetYear()) && t.Month() == time.Month(d.GetMonth()) && t.Day() == int(d.GetDay())
	if d.GetYear() < 1 || d.GetYear() > 9999 || !isReal {
		r.invalid(path, "must be a day of the calendar with year, month and day")
		return
	}
	start, occurs := startOfDay(zone, d)
	switch {
	case !occurs:
		r.inexpressible(path, "did not occur in the account's time zone, which API v4 stores days in")
	case start.UTC().Year() < 1:
		r.inexpressible(path, "begins before the year 1 in UTC, which API v4 cannot tell")
	}
}

func checkDateTime(path string, t *timestamppb.Timestamp, r *report) {
	if !t.IsValid() || t.GetNanos() != 0 {
		r.invalid(path, "must be an instant in whole seconds")
	}
}

// maxNumber is the most bytes of a number in the proto.
const maxNumber = 64

// isNumber says whether text has the form of CustomField.number: an exponent or
// a comma does not fit.
func isNumber(text string) bool {
	if text == "" || len(text) > maxNumber {
		return false
	}
	if text[0] == '+' || text[0] == '-' {
		text = text[1:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	return whole+fraction != "" && strings.Trim(whole+fraction, "0123456789") == ""
}

// jsonNumber returns a decimal number as JSON spells it: without a plus, with a
// digit on either side of the point, and without leading zeros.
func jsonNumber(text string) jsontext.Value {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign = "-"
	}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return jsontext.Value(sign + whole + fraction)
}
