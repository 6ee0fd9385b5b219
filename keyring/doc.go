// Package keyring seals what must not be readable at rest, with AES-256-GCM and
// a ring of keys that can be rotated while everything runs.
//
// A ring is text with one key a line: an id, a colon, and 32 random bytes in
// base64. The last key seals, unless a line begins with an asterisk; every key
// opens. Empty lines and what follows a # are comments:
//
//	# before the rotation of March
//	k1:nPyLI6mcsSAGcTVyIZ+0GeVsPO3mDNcJZr7ZSdtdYwU=
//	*k2:9H2pXVbKt1xnGjFQ3Xh9rYtF8vQY1m0m9m1b3x0aZ4E=
//
// A ring that was loaded from a file follows it: it reads the file again when it
// has changed, and when a key is missing. A ring of an environment variable is
// fixed; commas may stand for its line breaks.
//
// No error, log line or print of a ring shows a key.
package keyring
