// Package e2e holds the tests of the whole stack: an emulated account, the
// client of it, the gRPC server and the gateway, wired as the command wires
// them, but without sockets, so that every test can run in a testing/synctest
// bubble, where waiting for the limiter costs no time.
//
//   - parity: testdata/parity holds cases that run over gRPC and over REST; both
//     must answer the same, and what the case says.
//   - paging: the same rows come whatever the sizes of pages, and every token
//     resumes.
//   - trace and secret: what telemetry, logs and errors tell, and what they
//     must not.
//   - coverage: testdata/coverage.yaml makes every operation of upstream happen
//     that docs/coverage.md lists, by every RPC.
//   - descriptor: every method and every field is served, described and tested.
//   - rate: the rate upstream sees in a long list.
package e2e
