// Package idempotency sees to it that a call with a request id is carried out
// once, however often and wherever it is repeated.
//
// Before anything of a call is sent its intent is durable, and what became of its
// items is before the answer. A call that finds the outcome answers by it. One
// that finds an intent whose owner is dead takes it over and has to look at what
// became of it, for it may have been sent. One that finds an intent whose owner
// lives waits.
//
// What is stored is a hash of the request, statuses with their texts, ids and
// times: no value of a field.
package idempotency
