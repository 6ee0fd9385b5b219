// Package v4 is the codec of amoCRM's API v4: it describes requests and decodes
// answers, without I/O, clock or state. Collections are driver.Resource values,
// what has no collection is a driver.Exchange.
//
// What upstream spells in several ways is read in every spelling that is
// documented or was recorded, and written in one. docs/quirks.md lists them.
//
// A comment "//amogate:operation" above a function names an operation of
// upstream that it describes and the RPCs that use it; coverage is counted from
// these lines.
package v4
