// Package postgres keeps the store in a PostgreSQL database, version 14 or newer,
// for any number of processes.
//
// Nothing depends on the state of a session, so that PgBouncer may hand out
// another one for every transaction: no prepared statements, no advisory locks
// beyond a transaction, no listening, time-outs set in each transaction. Every
// time is one of the database's clock.
package postgres
