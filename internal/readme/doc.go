// Package readme runs the commands of the documentation and compares what they
// print with what the documentation says.
//
// A fenced block of sh holds commands behind "$ ", each followed by what it
// prints. In an expected line … stands for any text; a line that is only …
// stands for any number of lines. The layout of JSON does not count. A command goes
// on in the next line behind a backslash, has to succeed, and runs in the
// directory of the module against one sandbox for each file, in order, so that
// later commands see what earlier ones changed.
package readme
