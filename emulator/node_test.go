package emulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shape prints a node so that nodes can be compared.
func (n *node) shape() string {
	switch n.kind {
	case nodeNull:
		return "null"
	case nodeBool, nodeNumber:
		return n.text
	case nodeText:
		return fmt.Sprintf("%q", n.text)
	case nodeArray:
	}
	parts := make([]string, 0, len(n.keys))
	for _, k := range n.keys {
		parts = append(parts, k+":"+n.members[k].shape())
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func TestParseForm(t *testing.T) {
	for raw, want := range map[string]string{
		"":                      `{}`,
		"a=1":                   `{a:"1"}`,
		"a":                     `{a:""}`,
		"a=1&&b=2&":             `{a:"1" b:"2"}`,
		"a=1&a=2":               `{a:"2"}`,
		"a=%2B7+9&b=%zz":        `{a:"+7 9" b:"%zz"}`,
		"a[]=1&a[]=2":           `{a:{0:"1" 1:"2"}}`,
		"a[5]=1&a[]=2":          `{a:{5:"1" 6:"2"}}`,
		"a[x]=1&a[]=2":          `{a:{x:"1" 0:"2"}}`,
		"a[b][c][]=1&a[b][d]=2": `{a:{b:{c:{0:"1"} d:"2"}}}`,
		"a%5Bb%5D%5B%5D=1":      `{a:{b:{0:"1"}}}`,
		"a[][n]=1&a[][n]=2":     `{a:{0:{n:"1"} 1:{n:"2"}}}`,
		"a=1&a[b]=2":            `{a:{b:"2"}}`,
		"a[b]=1&a=2":            `{a:"2"}`,
		"a[b=1":                 `{a[b:"1"}`,
		"a[b]c=1":               `{a:{b:"1"}}`,
		"a[b][c=1":              `{a:{b:"1"}}`,
		"[a]=1&=2":              `{}`,
		"a[01]=1&a[]=2":         `{a:{01:"1" 0:"2"}}`,
		"a" + strings.Repeat("[b]", maxDepth) + "=1&c=2": `{c:"2"}`,
		"a[-3]=1&a[]=2": `{a:{-3:"1" 0:"2"}}`,
	} {
		if got := parseForm(raw).shape(); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"a[b][]=1&a[c][0][d]=2", "filter%5Bdate%5D%5Bfrom%5D=10.10.2017", "a[[b]]=1", "a[9223372036854775807]=1&a[]=2", "=&[&]&a[=",
		strings.Repeat("a[]", 100) + "=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		n := parseForm(raw)
		if n.kind != nodeArray || len(n.keys) != len(n.members) {
			t.Fatalf("%q: %s", raw, n.shape())
		}
		// Written out again with explicit keys, the tree reads the same, unless a key cannot be written so.
		pairs, ok := writeForm(n, "")
		if !ok {
			return
		}
		if again := parseForm(strings.Join(pairs, "&")); again.shape() != n.shape() {
			t.Fatalf("%q: %s, again %s", raw, n.shape(), again.shape())
		}
	})
}

func writeForm(n *node, prefix string) (pairs []string, ok bool) {
	for _, k := range n.keys {
		name := prefix + "[" + k + "]"
		if prefix == "" {
			name = k
		}
		if strings.ContainsAny(k, "[]") || k == "" {
			return nil, false
		}
		m := n.members[k]
		if m.kind != nodeArray {
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(m.text))
			continue
		}
		inner, ok := writeForm(m, name)
		if !ok {
			return nil, false
		}
		pairs = append(pairs, inner...)
	}
	return pairs, true
}

func TestParseJSON(t *testing.T) {
	for text, want := range map[string]string{
		`null`:                               `null`,
		`{"a":1,"b":"1","c":true,"d":false}`: `{a:1 b:"1" c:1 d:}`,
		`{"a":1.50,"b":1e3}`:                 `{a:1.50 b:1e3}`,
		`[1,[2],{"x":[]}]`:                   `{0:1 1:{0:2} 2:{x:{}}}`,
		`{"a":1,"b":2,"a":3}`:                `{a:3 b:2}`,
		"\n{\"a\":null}\n":                   `{a:null}`,
	} {
		n, err := parseJSON([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := n.shape(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		``, `{`, `{"a"}`, `{"a":1,}`, `[1,]`, `{} {}`, `nul`, `'a'`, `{"a":01}`, "\"\xff\"", strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if n, err := parseJSON([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %s", text, n.shape())
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"add":[{"name":"A","next_date":"5"}]}`, `{"add":{"250":{}}}`, `[[[]]]`, `{"a":"\ud83d\udc4d\/"}`, `{"a":{}}x`, "\"\x00\"", `-0.0e+1`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := parseJSON(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is read as %s", text, n.shape())
		}
	})
}

// FuzzCustomerWrite sends any body to the write method: it answers 200 or a legacy error, and what it stores can be
// listed.
func FuzzCustomerWrite(f *testing.F) {
	for _, w := range refused {
		f.Add(w.body, false)
	}
	f.Add("add[0][name]=A&add[0][next_date]=5&add[0][tags]=a,b", true)
	f.Fuzz(func(t *testing.T, body string, asForm bool) {
		e := open(t, Config{Customers: 2})
		header := []string{"Content-Type", "application/json"}
		if asForm {
			header[1] = form
		}
		a := ask(t, e, "POST", "/api/v2/customers", body, header...)
		switch {
		case a.status == 200 && json.Valid([]byte(a.body)):
		case a.status == 400 && errorCode(a) != "":
		default:
			t.Fatalf("status %d: %s", a.status, a.body)
		}
		if e.CountCustomers() > 0 {
			if l := ask(t, e, "GET", "/api/v2/customers", ""); !json.Valid([]byte(l.body)) {
				t.Fatalf("the list is not JSON: %s", l.body)
			}
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{
		"10.10.2017", "2017-10-10 12:30:00", "2017-10-10T12:30", "12/31/2017", "2017/12/31", "1508101200", "31.02.2020", "99999999999999999999", "10.10.2017 25:00",
	} {
		f.Add(seed)
	}
	zone := time.FixedZone("", 3*3600)
	f.Fuzz(func(t *testing.T, text string) {
		at, wholeDay, ok := parseDate(text, zone)
		if !ok {
			return
		}
		if at.Unix() > maxUnix || at.In(zone).Year() < 0 {
			t.Fatalf("%q is %s", text, at)
		}
		if h, m, s := at.In(zone).Clock(); wholeDay && h+m+s != 0 {
			t.Fatalf("%q is a whole day at %s", text, at)
		}
		again, _, ok := parseDate(at.In(zone).Format("2006-01-02 15:04:05"), zone)
		if !ok || !again.Equal(at.Truncate(time.Second)) {
			t.Fatalf("%q is %s, written out and read %s", text, at, again)
		}
	})
}

func FuzzJSONString(f *testing.F) {
	for _, seed := range []string{"", "a/b\"\\", "Чай 👍", "\x00\x1f\x7f\u2028", "\xff\xed\xa0\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := appendJSONString(nil, s)
		var got string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q: %v in %s", s, err, text)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); got != want && len(s) == len(strings.ToValidUTF8(s, "")) {
			t.Fatalf("%q is read as %q", s, got)
		}
		for _, b := range text {
			if b >= 0x80 || b < ' ' {
				t.Fatalf("%q is written as %q", s, text)
			}
		}
	})
}

func TestParseSinceRefusesOtherText(t *testing.T) {
	for _, text := range []string{"", "x", "Tue, 01 Août 2017 07:07:23", "Tue, 01 Aug 2017"} {
		if got, ok := parseSince(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestListSpellings(t *testing.T) {
	for query, want := range map[string][]string{
		"a=1,2": {"1", "2"}, "a[]=1&a[]=2": {"1", "2"}, "a[0]=1,3&a[7]=2": {"1", "3", "2"}, "a= 1 , ,2": {"1", "2"}, "b=1": nil, "a=": nil,
	} {
		if diff := cmp.Diff(want, parseForm(query).get("a").list()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
