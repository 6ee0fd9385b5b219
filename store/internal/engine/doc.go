// Package engine is what the engines of the store have in common: options, errors,
// versions of the schema, and what a change does to a record of credentials.
package engine
