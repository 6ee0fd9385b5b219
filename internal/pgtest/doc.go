// Package pgtest gives tests and programs a PostgreSQL to work with: databases of
// their own on a server that is there, clusters that may be stopped and started,
// PgBouncer, and connections that break.
package pgtest
