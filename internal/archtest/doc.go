// Package archtest holds the import direction of docs/architecture.md in a
// test over the compiled import graph.
package archtest
