// Package sqlite keeps the store in one file, for one process.
//
// Every change is made by one goroutine, which takes whatever waits into one
// transaction, so that many changes share one write to the disk. Readers have
// connections of their own and never wait for it. A lock file keeps other
// processes out; so the slots of limiters can be in memory.
//
// The clock of the store starts with the wall clock and then counts monotonically:
// setting the clock of the machine moves no lease and no slot.
package sqlite
