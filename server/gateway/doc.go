// Package gateway is the REST side of amogate: it turns HTTP with JSON into
// calls of the gRPC services and their answers back.
//
// It speaks to the services through an ordinary gRPC connection, so that every
// interceptor of the server (account, validation, request log) works for REST
// callers too, and it decides nothing that is not about HTTP or JSON.
//
// What it guarantees beyond plain transcoding:
//
//   - What it does not know it refuses: query parameters, JSON fields, text
//     behind the body. A misspelt filter must not list everything.
//   - Every failure has one shape, {"error":{code,status,message,reason,
//     details}}: of a call, of a route, of a panic, and as the last line of a
//     list that broke off.
//   - A list is application/x-ndjson, one object a line. Its HTTP headers leave
//     as soon as the server has accepted the request (see acceptedKey), not when
//     the first row is there; what the server refuses before that still has its
//     own HTTP status.
//   - Only the headers that header.go names cross in either direction.
//
// The checks work on the descriptors of the services; another entity needs no
// code here but its line in register.
package gateway
