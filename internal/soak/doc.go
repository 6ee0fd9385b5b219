// Command soak runs what takes too long for every change: the same promises as
// elsewhere, at full length and against real processes.
//
//	go run ./internal/soak            # everything
//	go run ./internal/soak creates    # one program
//
// Each program prints a line for each figure, its bound and what was measured. The
// command exits with 1 when a figure is out of its bound and with 64 when there is
// no such program. Another program is one line in programs and one function.
//
// creates: 10,000 customers, transactions and notes are made one by one and in
// batches through two processes on one account, while upstream cuts connections
// and fails before and after it wrote, and the processes are killed and started
// again. The emulator's limit of requests is off, each process sends 7 a second.
package main
