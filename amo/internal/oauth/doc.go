// Package oauth is the codec of upstream's token endpoint and of the look-up of an
// account's host. Like the codecs of the API generations it has no I/O and keeps
// nothing. Errors are told by status and hint alone: titles and details are in the
// language of the account.
package oauth
