// Package server holds the gRPC services of amogate over the upstream client
// of package amo.
//
// A call passes, in this order: the request id; its deadline or, for streams,
// the drain; the access log, which also turns the error into a status; recovery;
// the account; validation; and a handler of about ten lines. Handlers return errors
// as they find them. Only status.go chooses status codes.
//
// What callers may rely on: every error of this package carries a
// google.rpc.ErrorInfo of the domain "amogate" and a google.rpc.RequestInfo (the
// gRPC library itself refuses unary requests that are larger than 4 MiB or no
// protobuf, before they get here, with a bare status); the causes of errors are logged and never sent; payloads are never logged; a list
// sends the token that resumes behind a row with that row.
//
// The package keeps no data and talks to nobody but package amo.
package server
