// Package wire holds the JSON types of an upstream that spells one thing in
// several ways: numbers in quotes, {} for an empty list, false for nothing.
// Each type accepts all spellings that are documented or were recorded and
// keeps one.
//
// A scalar that is neither a known spelling nor an empty container is an error:
// a wrong value must not pass for an absent one. Every decoder of package wire
// is meant to run under Unmarshal, which sets the options that they need.
package wire
