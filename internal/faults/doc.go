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
// Rows P are about the process, rows C about callers and rows U about upstream.
// Rows that need a process run the real binary, built once; the others run the
// same parts in this process, those without sockets with a clock of their own.
// Another row is one line in table.go and one function.
package main
