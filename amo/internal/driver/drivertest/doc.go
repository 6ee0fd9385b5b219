// Package drivertest holds every codec to one set of expectations: its tests
// run the operations of each API generation against the emulated account and
// judge them in terms of the proto messages alone. What a generation says it
// supports has to work, what it says it does not has to be refused by name, and
// what one writes the other has to show.
//
// It holds tests only. This is the one place where codecs and emulator meet
// without package amo between them, so that a disagreement is one of theirs.
package drivertest
