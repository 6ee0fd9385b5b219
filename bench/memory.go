package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amogate/amogate/amo/limit"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/process"
)

// mostGrowth is how much memory may be taken while the rows pass, in bytes.
const mostGrowth = 32 << 20

// streams are what is read as fast as it comes.
var streams = []struct {
	name       string
	generation string
	read       reader
}{
	{"gRPC, id order, v2", "v2", readGRPC},
	{"gRPC, windows, v4", "v4", readGRPC},
	{"REST, id order, v2", "v2", readREST},
}

// measureMemory lets a million rows pass in each of the streams, and measures
// memory and CPU of serve.
func measureMemory(ctx context.Context, b *bench, out *report) error {
	for _, stream := range streams {
		measured, err := b.measureStream(ctx, stream.generation, stream.read)
		if err != nil {
			return fmt.Errorf("%s: %w", stream.name, err)
		}
		for _, f := range judgeStream(stream.name, b.plan.rows, measured) {
			out.add(f)
		}
	}
	return nil
}

// stream is what was measured while rows passed.
type stream struct {
	listed listed
	// before and peak are the memory of serve, in bytes.
	before, peak int64
	cpu, took    time.Duration
}

func (b *bench) measureStream(ctx context.Context, generation string, read reader) (m stream, err error) {
	p, err := b.startPair(ctx, upstream{customers: b.plan.rows, unlimited: true, byID: generation == "v2"}, "--upstream-api="+generation, rateFlag(limit.MaxEmulatedRate))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := touch(ctx, p.server); err != nil {
		return m, err
	}
	if err := p.server.ResetPeak(); err != nil {
		return m, err
	}
	var cpu time.Duration
	m.before, err = p.server.Memory()
	if err == nil {
		cpu, err = p.server.CPU()
	}
	if err != nil {
		return m, err
	}
	begun := time.Now()
	if m.listed, err = read(ctx, p.server, everyRow); err != nil {
		return m, err
	}
	m.took = time.Since(begun)
	m.peak, err = p.server.PeakMemory()
	if err == nil {
		m.cpu, err = p.server.CPU()
		m.cpu -= cpu
	}
	return m, err
}

// touch makes a server connect and read the account.
func touch(ctx context.Context, s *process.Server) error {
	conn, err := dial(s.GRPC)
	if err != nil {
		return err
	}
	_, err = amogatev1.NewCustomerServiceClient(conn).ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 1})
	return errors.Join(err, conn.Close())
}

// judgeStream compares the memory with its bound; nothing bounds the CPU.
func judgeStream(name string, rows int, m stream) []figure {
	isWhole := m.listed.ended && m.listed.rows == int64(rows) && m.listed.told == m.listed.rows
	growth := m.peak - m.before
	memory := figure{
		name:    fmt.Sprintf("memory of %s rows, %s", thousands(rows), name),
		bound:   fmt.Sprintf("≤ %d MB more", mostGrowth>>20),
		reached: fmt.Sprintf("%.1f MB more than %.1f MB, %s", megabytes(growth), megabytes(m.before), m.listed.completeness),
		verdict: within(isWhole && growth <= mostGrowth),
	}
	if !isWhole {
		memory.reached += fmt.Sprintf("; %d rows, end %v of %d", m.listed.rows, m.listed.ended, m.listed.told)
	}
	perRow := m.cpu / time.Duration(max(m.listed.rows, 1))
	return []figure{memory, cpuFigure("CPU of serve, "+name, perRow, fmt.Sprintf(", %.0f rows/s reached", float64(m.listed.rows)/m.took.Seconds()))}
}

// cpuFigure is the CPU of a row, told for a million.
func cpuFigure(name string, perRow time.Duration, more string) figure {
	return figure{
		name: name,
		reached: fmt.Sprintf("%.1f s per million rows, %s rows/s a core%s", (perRow * 1_000_000).Seconds(),
			thousands(int64(time.Second/max(perRow, 1))), more),
	}
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
