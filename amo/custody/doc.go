// Package custody keeps the credentials of accounts: sealed at rest, renewed by
// one replica at a time, never lost while a disk or a database takes them.
//
// A refresh token works once. Whoever uses it twice, or loses the answer, needs a
// person to authorize the account again. So a refresh goes through these steps:
//
//  1. A lease row with an epoch is committed: it proves that the store can be
//     written, keeps other replicas away, and leaves a trace if we die.
//  2. The token endpoint is called, with a deadline before the lease ends.
//  3. The new pair, sealed, is on disk in the spill journal of this process.
//  4. The store takes it as the next generation, in place of the one that the
//     lease was for. Only then is it used.
//
// It starts at half of the access token's life, so that whatever goes wrong is a
// warning with hours of notice: the old access token goes on serving. A pause of
// the process between the check of the deadline and the write to the socket
// cannot be fenced at a third party; what follows from it is StateLost, which the
// paused process repairs when it goes on.
package custody
