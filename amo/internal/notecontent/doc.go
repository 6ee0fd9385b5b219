// Package notecontent reads the content of notes. Both generations of the
// upstream API hold it in an object of parameters, whose keys differ in case and
// in few names; all spellings are read in both.
//
// It never fails for a value that is odd: what does not fit its field is kept
// beside it.
package notecontent
