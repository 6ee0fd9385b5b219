package v4

import (
	"net/url"
	"strconv"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// addRange asks for the whole seconds of a half-open range: upstream's ends are
// both inside. A lower end always goes along, since none of the documents sends
// the upper one alone.
func addRange(query url.Values, key string, r *amogatev1.TimeRange) {
	if r == nil {
		return
	}
	from := int64(1)
	if start := r.GetStartTime(); start != nil {
		from = max(from, start.GetSeconds())
		if start.GetNanos() > 0 && start.GetSeconds() >= from {
			from++
		}
	}
	query.Set(key+"[from]", strconv.FormatInt(from, 10))
	if end := r.GetEndTime(); end != nil {
		to := end.GetSeconds() - 1
		if end.GetNanos() > 0 {
			to++
		}
		query.Set(key+"[to]", strconv.FormatInt(max(to, 1), 10))
	}
}
