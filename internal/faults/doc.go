// Command faults runs the fault table: what happens to callers when they, the
// process or its surroundings misbehave, each row with the bound that has to
// hold.
//
//	go run ./internal/faults            # every row
//	go run ./internal/faults P03 C02    # some
//
// It prints a line for each row,
//
//	P01 PASS exit 0 within 2s of SIGTERM | 1.01s
//
// that is id, verdict, bound, and behind the bar what was measured or why the
// row failed. It exits with 1 when a row failed and with 64 when there is no
// such row.
//
// Rows P are about the process, rows C about callers, rows U about upstream, rows
// T about tokens and rows S about the store. Rows that need a process run the real
// binary, built once, or this program as a replica that kills or stops itself at a
// point of a refresh, both with durations that are divided and say so; the others
// run the same parts in this process, those without sockets with a clock of their
// own. Rows that need a PostgreSQL fail where there is none. Another row is one
// line in table.go and one function.
package main
