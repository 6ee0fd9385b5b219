// Package process runs amogate and its emulator as processes of their own and
// measures them from outside: memory, CPU, and what upstream saw. It needs the
// /proc of Linux.
package process
