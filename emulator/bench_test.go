package emulator

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// play sends a request and reads its answer.
func play(b *testing.B, e *Emulator, method, target, body string, header ...string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, base+target, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+DefaultToken)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := e.Transport().RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		b.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	_ = resp.Body.Close()
	b.SetBytes(n)
}

// million returns an account of a million customers of which so many were changed.
func million(b *testing.B, config Config, changed int) *Emulator {
	b.Helper()
	config.Customers, config.Window = 1_000_000, -1
	e, err := New(config)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range changed {
		id, _ := e.RandomCustomer(random)
		e.TouchCustomer(id)
	}
	return e
}

// BenchmarkPage lists 500 rows of v2 in the middle of a million.
func BenchmarkPage(b *testing.B) {
	e := million(b, Config{}, 0)
	for _, query := range []string{"", "&filter[date][type]=modify&filter[date][from]=01.06.2023", "&filter[main_user][]=7204833", "&query=nobody+is+called+so"} {
		b.Run("query"+query, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				play(b, e, http.MethodGet, fmt.Sprintf("/api/v2/customers?limit_rows=500&limit_offset=%d%s", 100_000+i, query), "")
			}
		})
	}
}

// BenchmarkPageV4 lists 250 rows of a million of which 60,000 were changed: in the middle, and in windows of updated_at
// that hold about as many.
func BenchmarkPageV4(b *testing.B) {
	e := million(b, Config{SeedSpread: SeedRandom}, 60_000)
	begin := e.config.SeedEnd.Unix() - seedSpan/2
	window := fmt.Sprintf("&filter[updated_at][from]=%d&filter[updated_at][to]=%d", begin, begin+250*seedSpan/1_000_000)
	for name, query := range map[string]string{
		"id":            "&page=2000&order[id]=asc",
		"updated_at":    "&page=2000&order[updated_at]=desc",
		"window":        window,
		"window_by":     window + "&order[updated_at]=desc",
		"window_filter": window + "&filter[created_by]=7204833",
		"gzip":          "&page=2000",
	} {
		b.Run(name, func(b *testing.B) {
			var header []string
			if name == "gzip" {
				header = []string{"Accept-Encoding", "gzip"}
			}
			b.ReportAllocs()
			for range b.N {
				play(b, e, http.MethodGet, v4CustomersPath+"?limit=250"+query, "", header...)
			}
		})
	}
}

// BenchmarkEvents lists the last page of as many events as are kept.
func BenchmarkEvents(b *testing.B) {
	e := million(b, Config{}, 100_000)
	for b.Loop() {
		play(b, e, http.MethodGet, v4EventsPath+"?limit=100&page=1000&filter[type]=name_field_changed", "")
	}
}

// BenchmarkCreate adds customers to a million, one by one and in batches.
func BenchmarkCreate(b *testing.B) {
	const row = `{"name":"A","next_date":5}`
	for _, size := range []int{1, 250} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			e := million(b, Config{}, 0)
			body := "[" + strings.Repeat(row+",", size-1) + row + "]"
			b.ReportAllocs()
			for b.Loop() {
				play(b, e, http.MethodPost, v4CustomersPath, body)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/row")
		})
	}
}

// BenchmarkTouch changes customers of a million, ever more of them.
func BenchmarkTouch(b *testing.B) {
	e := million(b, Config{}, 60_000)
	random := rand.New(rand.NewPCG(3, 4))
	b.ReportAllocs()
	for b.Loop() {
		id, _ := e.RandomCustomer(random)
		e.TouchCustomer(id)
	}
}
