// Command amogate is one service between programs and amoCRM: gRPC and REST
// over a normalized model.
//
//	amogate serve --sandbox    # everything at once, over an emulated account
//	amogate serve --account-url=https://shop.amocrm.ru --account-token-file=token
//	amogate emulator           # the emulated account alone
//	amogate healthcheck        # for container images
//	amogate version
//
// Every flag has a twin in the environment: --rest-addr is AMOGATE_REST_ADDR. A
// flag goes before its variable. Secrets are read from files, never from flags.
//
// Exit codes: 0 done, 1 failed while running, 64 wrong usage, 69 could not
// start because an address is not free, 78 wrong configuration; 128 and the
// signal's number when a second signal ended it at once.
package main
