// Package account keeps the accounts of an installation: which there are, what
// they are read and written with, and a client of each.
//
//	registry, err := account.New(ctx, account.Config{Store: store, Limits: store, Ring: ring, …})
//	client, err := registry.Client(ctx, "shop")
//
// Guarantees: credentials are tried against upstream before they are stored, and
// nothing is stored when they are refused; an account is stored with its
// credentials or not at all; an account's host is one of upstream's; credentials
// of one account never replace those of another. What other processes add, change
// or remove is seen within Settings.AccountScan. No error, page or log line shows
// a token, a key or a secret.
//
// The package does not decide status codes and does not know who calls; package
// admin offers it to operators.
package account
