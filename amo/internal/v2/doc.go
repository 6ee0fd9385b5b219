// Package v2 is the codec of amoCRM's API v2: it describes requests and decodes
// answers, without I/O, clock or state. Customers and transactions are
// driver.Resource values, periods a driver.Periods.
//
// What upstream spells in several ways is read in every spelling that is
// documented or was recorded, and written in one. docs/quirks.md lists them.
package v2
