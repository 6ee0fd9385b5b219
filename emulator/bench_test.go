package emulator

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// BenchmarkPage lists 500 rows in the middle of a million.
func BenchmarkPage(b *testing.B) {
	e, err := New(Config{Customers: 1_000_000, Window: -1})
	if err != nil {
		b.Fatal(err)
	}
	for _, query := range []string{"", "&filter[date][type]=modify&filter[date][from]=01.06.2023", "&filter[main_user][]=7204833", "&query=nobody+is+called+so"} {
		b.Run("query"+query, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodGet,
					fmt.Sprintf("%s/api/v2/customers?limit_rows=500&limit_offset=%d%s", base, 100_000+i, query), nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+DefaultToken)
				resp, err := e.Transport().RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				if err != nil {
					b.Fatal(err)
				}
				_ = resp.Body.Close()
				b.SetBytes(n)
			}
		})
	}
}
