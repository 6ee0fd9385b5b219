// Package samplepage makes pages of customers as upstream sends them, for
// benchmarks: rows of 1.7 to 1.9 kB of UTF-8 with six or seven custom fields, tags
// and links, written as PHP's json_encode writes them, with \uXXXX for every letter
// beyond ASCII and \/ for every slash, which makes them a third longer; Plain undoes
// that. The same arguments make the same bytes.
package samplepage
