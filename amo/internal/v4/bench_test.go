package v4

import (
	"testing"

	"github.com/amogate/amogate/internal/cputime"
	"github.com/amogate/amogate/internal/samplepage"
)

// BenchmarkDecode decodes a full page of customers, in turns with encoding/json,
// which only fills structs. The bar is 20 µs of processor time a row of 1.6 kB,
// where encoding/json takes 21; rows of API v4 are longer.
func BenchmarkDecode(b *testing.B) {
	const rows = 250
	env, err := DecodeAccount(samplepage.V4Account())
	if err != nil {
		b.Fatal(err)
	}
	escaped := samplepage.V4Customers(1, 1, rows, true)
	for name, body := range map[string][]byte{"escaped": escaped, "plain": samplepage.Plain(escaped)} {
		b.Run(name, func(b *testing.B) {
			cputime.Against(b, rows, func() {
				page, err := decodeCustomers(env, body)
				if err != nil || len(page.Rows) != rows || !page.Next {
					b.Fatalf("%d rows, next %v, error %v", len(page.Rows), page.Next, err)
				}
			}, func() {
				if n, err := samplepage.StockV4(body); err != nil || n != rows {
					b.Fatalf("encoding/json: %d rows, error %v", n, err)
				}
			})
			b.ReportMetric(float64(len(body)/rows), "bytes/row")
		})
	}
}
