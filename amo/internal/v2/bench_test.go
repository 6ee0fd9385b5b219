package v2_test

import (
	"testing"

	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/internal/cputime"
	"github.com/amogate/amogate/internal/samplepage"
)

// BenchmarkDecode decodes a full page of customers, in turns with encoding/json,
// which only fills structs. The bar is 20 µs of processor time a row of 1.6 kB,
// where encoding/json takes 21.
func BenchmarkDecode(b *testing.B) {
	const rows = 500
	env, err := v2.DecodeAccount(samplepage.V2Account())
	if err != nil {
		b.Fatal(err)
	}
	escaped := samplepage.V2Customers(1, rows)
	for name, body := range map[string][]byte{"escaped": escaped, "plain": samplepage.Plain(escaped)} {
		b.Run(name, func(b *testing.B) {
			cputime.Against(b, rows, func() {
				page, err := customers.DecodeList(env, body)
				if err != nil || len(page.Rows) != rows || len(page.UnknownFields) != 0 {
					b.Fatalf("%d rows, unknown fields %v, error %v", len(page.Rows), page.UnknownFields, err)
				}
			}, func() {
				if n, err := samplepage.StockV2(body); err != nil || n != rows {
					b.Fatalf("encoding/json: %d rows, error %v", n, err)
				}
			})
			b.ReportMetric(float64(len(body)/rows), "bytes/row")
		})
	}
}
