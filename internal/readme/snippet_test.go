package readme

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// snippet is one command of a document and what it should print.
type snippet struct {
	// line is where the command stands, from 1.
	line    int
	command string
	want    []string
}

// parse returns the commands in the fenced blocks of sh of a document.
func parse(document string) ([]snippet, error) {
	var found []snippet
	inside, fence, opened := false, "", 0
	lines := strings.Split(document, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\r")
		trimmed := strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(trimmed, "```"):
			info := strings.TrimLeft(trimmed, "`")
			fence, inside, opened = trimmed[:len(trimmed)-len(info)], strings.TrimSpace(info) == "sh", len(found)
		case fence != "" && trimmed == fence:
			fence, inside = "", false
		case !inside:
		case strings.HasPrefix(line, "$ "):
			s := snippet{line: i + 1, command: line[2:]}
			for strings.HasSuffix(s.command, `\`) && i+1 < len(lines) {
				i++
				s.command += "\n" + lines[i]
			}
			found = append(found, s)
		case len(found) == opened:
			return nil, fmt.Errorf("line %d: a block of sh begins with output; commands begin with %q", i+1, "$ ")
		default:
			last := &found[len(found)-1]
			last.want = append(last.want, line)
		}
	}
	if fence != "" {
		return nil, fmt.Errorf("a block of %q is not closed", fence)
	}
	return found, nil
}

// anyText is what stands for any text.
const anyText = "…"

// matches says whether got is what want describes.
func matches(want []string, got string) bool {
	return matchLines(layout(want), layout(strings.Split(strings.TrimRight(got, "\n"), "\n")))
}

// layout takes the layout out of JSON: a document becomes one line, and the
// lines of a stream lose the space between their tokens.
func layout(lines []string) []string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.TrimSpace(l) == "" })
	whole := strings.Join(lines, "\n")
	if isObject(whole) && (json.Valid([]byte(whole)) || len(lines) > 1 && !isObject(lines[0])) {
		return []string{squeeze(whole)}
	}
	for i, l := range lines {
		if isObject(l) {
			lines[i] = squeeze(l)
		}
	}
	return lines
}

// isObject says whether text looks like one JSON object or array, perhaps with
// parts left out.
func isObject(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") ||
		strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]")
}

// squeeze removes the white space outside of strings.
func squeeze(text string) string {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) == nil {
		return compact.String()
	}
	var out strings.Builder
	quoted, escaped := false, false
	for _, r := range text {
		if !quoted && strings.ContainsRune(" \t\r\n", r) {
			continue
		}
		out.WriteRune(r)
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		}
	}
	return out.String()
}

func matchLines(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case strings.TrimSpace(want[0]) == anyText:
		for skip := range len(got) + 1 {
			if matchLines(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	case len(got) == 0:
		return false
	}
	return matchLine(want[0], got[0]) && matchLines(want[1:], got[1:])
}

func matchLine(want, got string) bool {
	parts := strings.Split(want, anyText)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`^(?s:` + strings.Join(parts, ".*") + `)$`).MatchString(got)
}
