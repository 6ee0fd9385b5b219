// Command bench measures amogate against what upstream allows, and against other
// ways to the same data, in one run on one machine:
//
//	go run ./bench                     # everything; writes bench/results.md
//	go run ./bench lists creates       # parts of it
//	go run ./bench --short lists       # for work on the command
//
// Upstream is `amogate emulator` and the service `amogate serve`, each a process
// of its own; the callers are in this one. The command prints a table of what was
// reached, as a share of what one account allows and as a multiple of what other
// clients of amoCRM reach at the same latency. It exits with 1 when a figure is
// out of its bound, and with 64 when there is no such part. Only a whole run
// writes the results. It needs Go, the /proc of Linux and, for the other clients,
// Node and npm; without these two the table says so.
//
// peers: the clients from npm of internal/peers read a list and create customers,
// for some seconds at each latency.
//
// plain: net/http alone reads the pages that a list reads, one after the other
// and with as many in flight as needed, and throws them away.
//
// lists: customers are read over gRPC in the order of ids over API v2 and v4, and
// by windows of the time of change.
//
// creates: 2,000 and 64 callers create a customer with every call.
//
// idle: one caller creates a customer now and then, and so does a plain request.
//
// first: the time from the last byte of a list's first page to its first row.
//
// memory: a million rows are read as fast as they come.
//
// stalled: a list beside one whose reader has stopped.
//
// code: benchmarks of single steps, each in a process of its own.
package main
