package v4

import "strings"

// pathMap maps upstream's paths to ours. In both, # stands for an index:
// "custom_fields_values.#.field_id" → "custom_fields[#].field_id". A path that
// is not in the map is the one of its longest beginning that is.
type pathMap map[string]string

// field returns our name of a path; "" = none.
func (m pathMap) field(upstream string) string {
	words := strings.Split(strings.ReplaceAll(strings.ReplaceAll(upstream, "[", "."), "]", ""), ".")
	var indexes []string
	for i, word := range words {
		if isIndex(word) {
			indexes = append(indexes, word)
			words[i] = "#"
		}
	}
	for end := len(words); end > 0; end-- {
		ours, ok := m[strings.Join(words[:end], ".")]
		if !ok {
			continue
		}
		for _, index := range indexes {
			ours = strings.Replace(ours, "#", index, 1)
		}
		if strings.Contains(ours, "#") {
			// An index that upstream does not tell.
			continue
		}
		return ours
	}
	return ""
}

func isIndex(word string) bool {
	const maxIndex = 6 // digits, far more than a request has rows
	if word == "" || len(word) > maxIndex {
		return false
	}
	for i := range len(word) {
		if word[i] < '0' || word[i] > '9' {
			return false
		}
	}
	return true
}

// withCustomFields adds the paths of custom fields to those of a resource.
func withCustomFields(m pathMap) pathMap {
	m["custom_fields_values"] = "custom_fields"
	m["custom_fields_values.#"] = "custom_fields[#]"
	m["custom_fields_values.#.field_id"] = "custom_fields[#].field_id"
	return m
}
