// Package storetest holds what every engine of the store must do. Run it over an
// engine, with the race detector.
package storetest
