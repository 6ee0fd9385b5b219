package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// pagedRows is a number of rows that no page size of the test divides.
const pagedRows = 23

// pagings are the generations and upstream page sizes of the tests of paging.
var pagings = []struct {
	generation   amo.Generation
	upstreamSize int
}{
	{amo.V2, 1},
	{amo.V2, 7},
	{amo.V2, 500},
	{amo.V4, 2},
	{amo.V4, 7},
	{amo.V4, 500},
}

// streamed are the rows of a list and the tokens behind them.
type streamed struct {
	ids    []int64
	tokens []string
}

// stream reads a list over gRPC to its end.
func (s *stack) stream(t *testing.T, token string) streamed {
	t.Helper()
	stream, err := s.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{PageToken: token})
	if err != nil {
		t.Fatal(err)
	}
	var got streamed
	ended := false
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			t.Fatalf("a message after the end: %v", msg)
		}
		if end := msg.GetEnd(); end != nil {
			ended = true
			if end.GetRows() != int64(len(got.ids)) || msg.GetResumeToken() != "" {
				t.Errorf("end %v behind %d rows", msg, len(got.ids))
			}
			continue
		}
		got.ids = append(got.ids, msg.GetCustomer().GetId())
		got.tokens = append(got.tokens, msg.GetResumeToken())
	}
	if !ended {
		t.Fatal(errNoEnd)
	}
	return got
}

// streamREST is stream over REST.
func (s *stack) streamREST(t *testing.T, token string) streamed {
	t.Helper()
	r := s.do(t, http.MethodGet, "/v1/customers:stream?page_token="+url.QueryEscape(token), "")
	lines := strings.Split(strings.TrimSuffix(r.body, "\n"), "\n")
	var got streamed
	for i, line := range lines {
		var row struct {
			Customer *struct {
				ID string `json:"id"`
			} `json:"customer"`
			End         *struct{} `json:"end"`
			ResumeToken string    `json:"resume_token"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if last := i == len(lines)-1; (row.End != nil) != last || (row.Customer == nil) != last {
			t.Fatalf("line %d of %d is %s", i+1, len(lines), line)
		}
		if row.Customer != nil {
			id, err := strconv.ParseInt(row.Customer.ID, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			got.ids = append(got.ids, id)
			got.tokens = append(got.tokens, row.ResumeToken)
		}
	}
	return got
}

// pages reads a list page by page to its end; tokens are those of the pages.
func (s *stack) pages(t *testing.T, size int32, token string) streamed {
	t.Helper()
	var got streamed
	for calls := 0; ; calls++ {
		if calls > 2*pagedRows {
			t.Fatal("the pages do not end")
		}
		page, err := s.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: size, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.GetCustomers()); n > int(size) {
			t.Fatalf("a page of %d rows, want at most %d", n, size)
		}
		for _, c := range page.GetCustomers() {
			got.ids = append(got.ids, c.GetId())
		}
		token = page.GetNextPageToken()
		got.tokens = append(got.tokens, token)
		if token == "" {
			return got
		}
	}
}

func TestPaging_givesTheSameRowsInTheSameOrderWhateverThePageSizes(t *testing.T) {
	t.Parallel()
	for _, c := range pagings {
		t.Run(fmt.Sprintf("%s, upstream %d", c.generation, c.upstreamSize), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, setup{
					emulator: emulator.Config{Customers: pagedRows, FiltersOff: true},
					client:   amo.Config{PageSize: c.upstreamSize, Generation: c.generation},
				})
				want := s.wantOrder(t, c.generation)
				if got := s.stream(t, ""); !slices.Equal(got.ids, want) {
					t.Errorf("stream = %v, want %v", got.ids, want)
				}
				if got := s.streamREST(t, ""); !slices.Equal(got.ids, want) {
					t.Errorf("stream over REST = %v, want %v", got.ids, want)
				}
				for _, size := range []int32{1, 5, 16, 500} {
					if got := s.pages(t, size, ""); !slices.Equal(got.ids, want) {
						t.Errorf("pages of %d = %v, want %v", size, got.ids, want)
					}
				}
				s.checkLimit(t)
			})
		})
	}
}

func TestPaging_resumesExactlyBehindEveryToken(t *testing.T) {
	t.Parallel()
	for _, c := range pagings {
		t.Run(fmt.Sprintf("%s, upstream %d", c.generation, c.upstreamSize), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, setup{
					emulator: emulator.Config{Customers: pagedRows, FiltersOff: true},
					client:   amo.Config{PageSize: c.upstreamSize, Generation: c.generation},
				})
				want := s.wantOrder(t, c.generation)
				check := func(what, token string, got streamed, tail []int64) {
					t.Helper()
					if !slices.Equal(got.ids, tail) {
						t.Errorf("%s from token %q = %v, want %v", what, token, got.ids, tail)
					}
				}
				for i, token := range s.stream(t, "").tokens {
					check("stream", token, s.stream(t, token), want[i+1:])
					check("pages", token, s.pages(t, 16, token), want[i+1:])
					if i%10 == 0 {
						check("stream over REST", token, s.streamREST(t, token), want[i+1:])
					}
				}
				// Tokens of pages, of sizes that do and do not fit upstream's.
				for _, size := range []int32{1, 5, 16} {
					at, token := 0, ""
					for {
						page, err := s.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: size, PageToken: token})
						if err != nil {
							t.Fatal(err)
						}
						at += len(page.GetCustomers())
						if token = page.GetNextPageToken(); token == "" {
							break
						}
						check("stream", token, s.stream(t, token), want[at:])
					}
					if at != pagedRows {
						t.Errorf("pages of %d have %d rows, want %d", size, at, pagedRows)
					}
				}
				s.checkLimit(t)
			})
		})
	}
}

// By windows rows come in the order of their times of change, which is that of v2.
func TestPaging_resumesBehindEveryTokenByWindows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, setup{
			emulator: emulator.Config{Customers: pagedRows},
			client:   amo.Config{PageSize: 7, Generation: amo.V4},
		})
		want := s.wantOrder(t, amo.V2)
		got := s.stream(t, "")
		if !slices.Equal(got.ids, want) {
			t.Errorf("stream = %v, want %v", got.ids, want)
		}
		for i, token := range got.tokens {
			if i%5 > 0 {
				continue
			}
			if rest := s.streamREST(t, token); !slices.Equal(rest.ids, want[i+1:]) {
				t.Errorf("stream over REST from row %d = %v, want %v", i, rest.ids, want[i+1:])
			}
			if rest := s.pages(t, 16, token); !slices.Equal(rest.ids, want[i+1:]) {
				t.Errorf("pages from row %d = %v, want %v", i, rest.ids, want[i+1:])
			}
		}
		s.checkLimit(t)
	})
}

// wantOrder is the order in which a generation lists the customers: API v2 as
// upstream itself holds them, v4 by id.
func (s *stack) wantOrder(t *testing.T, generation amo.Generation) []int64 {
	t.Helper()
	var ids []int64
	for c := range s.emulator.Customers() {
		ids = append(ids, c.ID)
	}
	if len(ids) != pagedRows {
		t.Fatalf("%d customers upstream, want %d", len(ids), pagedRows)
	}
	if generation == amo.V4 {
		slices.Sort(ids)
	}
	return ids
}

// checkLimit fails when upstream saw more requests than it allows.
func (s *stack) checkLimit(t *testing.T) {
	t.Helper()
	if got := s.emulator.Stats(); got.FullestWindow > 7 || got.TooMany > 0 {
		t.Errorf("upstream saw %d requests in a second and answered %d times 429", got.FullestWindow, got.TooMany)
	}
}
