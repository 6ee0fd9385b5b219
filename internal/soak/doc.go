// Command soak runs what takes too long for every change: the same promises as
// elsewhere, at full length and against real processes.
//
//	go run ./internal/soak                   # everything
//	go run ./internal/soak creates tokens    # two programs
//	go run ./internal/soak --short pace      # for work on the program
//
// Each program prints a line for each figure, its bound and what was measured. The
// command exits with 1 when a figure is out of its bound and with 64 when there is
// no such program. Another program is one line in programs and one function.
// Upstream is the emulator in this process, behind a socket; PostgreSQL is a
// throw-away cluster of the installed initdb.
//
// creates: 10,000 customers, transactions and notes are made one by one and in
// batches through two processes on one account, while upstream cuts connections
// and fails before and after it wrote, and the processes are killed and started
// again. The emulator's limit of requests is off, each process sends 7 a second.
//
// tokens: the access token of an account dies 1,000 times for 2, 4, 8 and 16
// replicas at once, whose refresh tokens work once.
//
// kills: 100 refreshes are killed by SIGKILL at six points, and another process
// goes on, with an issuer that exchanges a token again until its pair is used, and
// with one that does not.
//
// pace: 1, 4 and 16 replicas send as fast as they may while requests arrive late
// by chance.
//
// exports: three replicas export while somebody gets a customer now and then.
//
// equal: ten equal callers share a process.
//
// restart: tokens expire under waiting callers, processes are killed in the middle
// of a second and during a ban, on both engines.
//
// outage: the database of four busy replicas crashes and comes back.
package main
