// Package amo is the client of amoCRM (Kommo abroad) behind the services of
// amogate. It owns everything that talks to an account: credentials, the
// request limit, paging, retries, batches and the typed errors.
//
// A Client serves one account; a Collection, one resource of it in proto terms:
//
//	client, err := amo.New(amo.Config{Account: "shop", BaseURL: u, Auth: amo.BearerToken(token)})
//	…
//	list := client.Customers().List(&amogatev1.CustomerFilter{}, amo.ListOptions{})
//	for row, err := range list.Rows(ctx) {
//		if err != nil {
//			return err // *amo.Error; list again from the last row's Cursor
//		}
//		use(row.Value)
//	}
//
// Guarantees: no request leaves without a slot of the limiter, retries, logins
// and replays included; a write that may have happened is never sent again
// unless sending it again is harmless; a row that upstream sent is either
// yielded or the list fails; every error is an *Error.
//
// The package does not cache records, does not decide status codes and does not
// know who calls.
package amo
