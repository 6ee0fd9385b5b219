package emulator

import (
	"strconv"
	"strings"
	"time"
)

// filterLayouts and fieldLayouts are the orders of day, month and year accepted in filters and in values of custom
// fields; the first that reads the text wins.
var (
	filterLayouts = []string{"02.01.2006", "2006-01-02", "01/02/2006", "2006/01/02"}
	fieldLayouts  = []string{"02.01.2006", "2006-01-02", "2006/01/02"}
)

// timeLayouts follow a date after a blank or, as in ISO 8601, a T.
var timeLayouts = []string{"15:04:05", "15:04"}

// parseDate reads the text of a date filter in the account's zone: unix seconds, dd.mm.yyyy, yyyy-mm-dd, mm/dd/yyyy or
// yyyy/mm/dd, each with an optional time of day. wholeDay tells that no time of day was given.
func parseDate(text string, zone *time.Location) (t time.Time, wholeDay, ok bool) {
	text = strings.TrimSpace(text)
	if isDigits(text) {
		sec, err := strconv.ParseInt(text, 10, 64)
		if err != nil || sec > maxUnix {
			return time.Time{}, false, false
		}
		return time.Unix(sec, 0), false, true
	}
	return parseLayouts(text, zone, filterLayouts)
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

func parseLayouts(text string, zone *time.Location, layouts []string) (t time.Time, wholeDay, ok bool) {
	for _, date := range layouts {
		if t, err := time.ParseInLocation(date, text, zone); err == nil {
			return t, true, true
		}
		for _, clock := range timeLayouts {
			for _, gap := range []string{" ", "T"} {
				if t, err := time.ParseInLocation(date+gap+clock, text, zone); err == nil {
					return t, false, true
				}
			}
		}
	}
	return time.Time{}, false, false
}

// maxUnix is the last second of the year 9999; larger numbers are milliseconds sent by mistake.
const maxUnix = 253402300799

// fieldDate reads the value of a date, birthday or date_time field, which has no zone, into its read form.
// withTime keeps the time of day. Only the documented orders are taken: neither unix seconds nor the month first.
func fieldDate(text string, withTime bool) (string, bool) {
	t, _, ok := parseLayouts(strings.TrimSpace(text), time.UTC, fieldLayouts)
	if !ok {
		return "", false
	}
	if !withTime {
		return t.Format("2006-01-02") + " 00:00:00", true
	}
	return t.Format("2006-01-02 15:04:05"), true
}

// parseSince reads an If-Modified-Since header in the spellings clients are known to send: unix seconds, or
// "Mon, 01 Aug 2017 07:07:23" in UTC, bare or followed by a zone name or a numeric offset. The day name is not checked
// against the date: the documented example itself is wrong there.
func parseSince(header string) (time.Time, bool) {
	header = strings.TrimSpace(header)
	if sec, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Unix(sec, 0), true
	}
	if _, rest, ok := strings.Cut(header, ", "); ok {
		header = rest
	}
	const layout = "02 Jan 2006 15:04:05"
	if len(header) < len(layout) {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, header[:len(layout)])
	if err != nil {
		return time.Time{}, false
	}
	zone := strings.TrimSpace(header[len(layout):])
	if offset, err := time.Parse("-0700", zone); err == nil {
		_, seconds := offset.Zone()
		t = t.Add(-time.Duration(seconds) * time.Second)
	}
	return t, true
}
