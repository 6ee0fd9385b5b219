// Package admin is the administration of accounts over gRPC: AdminService over an
// account.Registry. It is for the admin address, which other hosts must not
// reach.
//
// No answer and no error holds a token, a key or a secret.
package admin
