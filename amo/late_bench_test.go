package amo

import (
	"testing"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// BenchmarkPage_open is what lies between the last byte of a full page and its
// first row: 500 rows of v2, 250 of v4.
func BenchmarkPage_open(b *testing.B) {
	for _, generation := range []Generation{V2, V4} {
		b.Run(generation.String(), func(b *testing.B) {
			bench := newBench(b, emulator.Config{Customers: 500}, Config{Generation: generation})
			c := bench.client.Customers()
			d := c.drivers[generation]
			p := &pageFetch[*amogatev1.Customer, *amogatev1.CustomerFilter]{
				collection: c, driver: d, filter: &amogatev1.CustomerFilter{}, want: wanted{limit: d.MaxPage}, limit: d.MaxPage,
			}
			if err := p.ask(b.Context(), true); err != nil {
				b.Fatal(err)
			}
			received := p.unread.sending.kept
			rows := 0
			for b.Loop() {
				p.unread.sending.kept = received
				page, err := p.read(b.Context())
				if err == nil {
					_, err = page.rows[0].read(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
				rows = len(page.rows)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/page")
			b.ReportMetric(float64(rows), "rows")
		})
	}
}

// BenchmarkPage_unpack is what a page of a window costs more when it had to wait.
func BenchmarkPage_unpack(b *testing.B) {
	bench := newBench(b, emulator.Config{Customers: 250}, Config{Generation: V4})
	c := bench.client.Customers()
	p := &pageFetch[*amogatev1.Customer, *amogatev1.CustomerFilter]{
		collection: c, driver: c.drivers[V4], filter: &amogatev1.CustomerFilter{}, want: wanted{limit: 250}, limit: 250,
	}
	if err := p.ask(b.Context(), false); err != nil {
		b.Fatal(err)
	}
	page := p.unread
	for b.Loop() {
		page.pack()
		if page.body != nil {
			b.Fatal("the page is not packed")
		}
		if err := page.unpack(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/page")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(page.scanned.Heads)), "µs/row")
}
