package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// badText is a text that is none: invalid UTF-8, halves of characters in both
// spellings, and one that is right. In a document of JSON it stands for the text
// of goodText.
const (
	badText  = "a\xffb\\ud800c\\udfffd\xe2e\\ud83c\\udf39"
	goodText = "a\ufffdb\ufffdc\ufffdd\ufffde🌹"
)

// badTexts has upstream write texts that no protobuf can hold.
func badTexts(ctx context.Context, text string) (string, error) {
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		row := `{"id":77,"name":"` + text + `","` + text + `":1,"tags":[{"id":1,"name":"` + text + `"}],` +
			`"_embedded":{"tags":[{"id":1,"name":"` + text + `"}]},` + api.fields(
			[3]string{strconv.Itoa(textField), "text", `[{"value":"` + text + `"}]`},
			[3]string{strconv.Itoa(strangeField), "hologram", `[{"value":{"` + text + `":"` + text + `"}}]`},
		) + `}`
		if err := s.answerList(api, row); err != nil {
			return "", err
		}
		rows, err := s.firstPage(ctx)
		if err != nil {
			return "", err
		}
		if len(rows) != 1 {
			return "", fmt.Errorf("%d rows", len(rows))
		}
		c := rows[0]
		for name, got := range map[string]string{
			"name": c.GetName(), "tag": c.GetTags()[0].GetName(), "field": fieldOf(c, textField).GetText(),
		} {
			if got != goodText {
				return "", fmt.Errorf("%s is %q, want %q", name, got, goodText)
			}
		}
		spelled, err := protojson.Marshal(c)
		_, again := proto.Marshal(c)
		if err := errors.Join(err, again); err != nil {
			return "", fmt.Errorf("encode the row: %w", err)
		}
		overREST, err := s.getREST(ctx, "/v1/customers")
		if err != nil {
			return "", err
		}
		if !utf8.Valid(spelled) || !utf8.Valid(overREST) || !json.Valid(overREST) || !strings.Contains(string(overREST), goodText) {
			return "", fmt.Errorf("REST answered %q", overREST)
		}
		return fmt.Sprintf("%d signs for what was none", strings.Count(string(overREST), "\ufffd")), nil
	})
}

// getREST reads a document over REST.
func (s *bubbleStack) getREST(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, restRoot+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := s.replicas[0].http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("REST: status %d: %s", resp.StatusCode, body)
	}
	return body, nil
}

// relabel is a transport that calls the bodies of answers something else.
type relabel struct {
	next http.RoundTripper
	// label replaces the type; empty = there is none.
	label string
}

// RoundTrip implements http.RoundTripper.
func (r *relabel) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Header.Del("Content-Type")
	if r.label != "" {
		resp.Header.Set("Content-Type", r.label)
	}
	return resp, nil
}

// labels are wrong types of documents; the empty one is none at all.
var labels = []string{"text/html; charset=utf-8", "", "application/octet-stream", "text/html; charset=windows-1251", ";;"}

// mislabelled has upstream call its documents something else: reads and writes
// go on as if it did not.
func mislabelled(ctx context.Context, labels []string, want int) (string, error) {
	var wrong *relabel
	config := bubbleConfig{stackConfig: stackConfig{
		emulated:  func(c *emulator.Config) { c.Customers = 60 },
		transport: func(next http.RoundTripper) http.RoundTripper { wrong = &relabel{next: next}; return wrong },
	}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, _ upstreamAPI) (string, error) {
		for i, label := range labels {
			wrong.label = label
			got, err := list(ctx, s.conn, "", nil)
			if err != nil {
				return "", err
			}
			if !got.ended || len(got.ids) != want+i {
				return "", fmt.Errorf("type %q: %d rows came, not %d, then %s", label, len(got.ids), want+i, got.failed)
			}
			one, err := s.customers.CreateCustomer(ctx, newCustomers(1)[0])
			if err != nil {
				return "", fmt.Errorf("type %q: create: %w", label, err)
			}
			if _, ok := s.emulator.Customer(one.GetId()); !ok {
				return "", fmt.Errorf("type %q: the new customer has the id %d, which is none", label, one.GetId())
			}
		}
		return fmt.Sprintf("%d types", len(labels)), nil
	})
}

// jsonBomb is a document that costs more than it is worth.
type jsonBomb struct {
	name string
	body func(upstreamAPI) string
	// refused says that it is too much; else it is one row.
	refused bool
	// number is what that row has to have as text; empty = nothing.
	number string
}

// many is a number of levels, and of keys, that no document has.
const (
	manyLevels = 10_000
	manyKeys   = 1_000_000
	hugeNumber = "1e999999"
)

var jsonBombs = []jsonBomb{
	{"levels of lists", func(api upstreamAPI) string {
		return api.answer(`{"id":77,"deep":` + strings.Repeat("[", manyLevels) + strings.Repeat("]", manyLevels) + `}`)
	}, true, ""},
	{"levels of objects", func(api upstreamAPI) string {
		return api.answer(`{"id":77,"deep":` + strings.Repeat(`{"a":`, manyLevels) + "1" + strings.Repeat("}", manyLevels) + `}`)
	}, true, ""},
	{"levels without an end", func(api upstreamAPI) string {
		return `{"_embedded":{"` + api.key + strings.Repeat(`":[{"a`, manyLevels)
	}, true, ""},
	{"keys", func(api upstreamAPI) string {
		var b strings.Builder
		b.WriteString(`{"id":77`)
		for i := range manyKeys {
			b.WriteString(`,"k` + strconv.Itoa(i) + `":1`)
		}
		return api.answer(b.String() + "}")
	}, false, ""},
	{"a number", func(api upstreamAPI) string {
		return api.answer(`{"id":77,` + api.fields([3]string{strconv.Itoa(numberField), "numeric", `[{"value":` + hugeNumber + `}]`}) + `}`)
	}, false, hugeNumber},
}

// jsonBombsRead has upstream answer documents that cost more than they are
// worth; none may take longer than bound of the real time.
func jsonBombsRead(ctx context.Context, bombs []jsonBomb, bound time.Duration) (string, error) {
	return onBoth(ctx, stackConfig{}, func(s *stack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		var slowest time.Duration
		for _, bomb := range bombs {
			// Where a page is too much, smaller ones are asked for: one row is enough.
			if err := s.answerOnePage(api, api.list, bomb.body(api)); err != nil {
				return "", err
			}
			begun := time.Now()
			page, err := s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 1})
			took := time.Since(begun)
			slowest = max(slowest, took)
			switch {
			case bomb.refused:
				if err := failureOf(err).want(codes.Internal, "UPSTREAM_RESPONSE_TOO_LARGE"); err != nil {
					return "", fmt.Errorf("%s: %w", bomb.name, err)
				}
			case err != nil:
				return "", fmt.Errorf("%s: %w", bomb.name, err)
			case len(page.GetCustomers()) != 1 || page.GetCustomers()[0].GetId() != 77:
				return "", fmt.Errorf("%s: got %d rows", bomb.name, len(page.GetCustomers()))
			}
			if took > bound {
				return "", fmt.Errorf("%s: took %s", bomb.name, round(took))
			}
			if bomb.number == "" {
				continue
			}
			if field := fieldOf(page.GetCustomers()[0], numberField); !strings.Contains(field.String(), `"`+bomb.number+`"`) {
				return "", fmt.Errorf("%s: the number became %v", bomb.name, field)
			}
		}
		return fmt.Sprintf("the slowest of %d in %s", len(bombs), round(slowest)), nil
	})
}
