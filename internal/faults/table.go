package main

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
)

// table is the fault table. Rows with processes take theirs from x.
func table(x *executable) []Row {
	return []Row{
		{"P01", "exit 0 within 2s of SIGTERM (drain delay 1s + 1s), with idle callers connected", x.stopIdle},
		{"P02", "a unary call in flight at SIGTERM ends OK within 25s, then exit 0", x.stopInCall},
		{"P03", "streams end with UNAVAILABLE/SERVER_DRAINING within 2s of SIGTERM (drain delay 1s + 1s); the next process resumes to the exact tail", x.stopInStream},
		{"P04", "SIGTERM in mid-batch: exit within 4s (drain delay 1s); the request on the wire ends, the rest is ABORTED/NOT_ATTEMPTED, and the call repeated at the next process sends just the rest", func(ctx context.Context) (string, error) {
			return x.onPostgres(ctx, farmConfig{}, func(f *farm) (string, error) { return x.stoppedInBatch(ctx, f, 4*time.Second) })
		}},
		{"P05", "killed in mid-batch, the call repeated with its request id at the next process: what was made is OK, the rest UNKNOWN/WRITE_OUTCOME_UNKNOWN, nothing sent again, 0 duplicates", func(ctx context.Context) (string, error) {
			return x.killedInBatch(ctx, 0)
		}},
		{"P09", "a panic in or behind a handler is INTERNAL/PANIC, logged with its stack and without the payload; the next call is OK", panicInHandler},
		{"P12", "wrong configuration: exit 78, every error at once, no secret shown", func(ctx context.Context) (string, error) {
			return x.badConfig(ctx, badConfigurations)
		}},
		{"C01", "a reader stalls: at most 2 pages wait for it, beside one on the way, and another list is as fast within 5%; after 60s it is told DEADLINE_EXCEEDED/STREAM_STALLED, or its connection cut over REST, and its last token goes on", func(ctx context.Context) (string, error) {
			return stalled(ctx, 3, time.Minute)
		}},
		{"C02", "upstream is left within 100ms of a cancel in mid-stream; cancelled calls keep no slot", func(ctx context.Context) (string, error) {
			return cancelInStream(ctx, 100*time.Millisecond)
		}},
		{"C03", "a deadline before the limiter's slot, of reads and creates: RESOURCE_EXHAUSTED/ACCOUNT_QUEUE_FULL with RetryInfo within 5ms, 429 over REST; nothing is sent", func(ctx context.Context) (string, error) {
			return impatient(ctx, 30, 5*time.Millisecond)
		}},
		{"C04", "a unary call without a deadline ends with DEADLINE_EXCEEDED after the default of 60s (run with 300ms)", func(ctx context.Context) (string, error) {
			return noDeadline(ctx, 60*time.Second)
		}},
		{"C05", "a deadline in the middle of a batch: it stops before what one call takes; the rest is ABORTED/NOT_ATTEMPTED, and nothing of that is upstream", func(ctx context.Context) (string, error) {
			return cutBatch(ctx, 1000, 3*time.Second)
		}},
		{"C10", "every violation is listed: INVALID_ARGUMENT/VALIDATION; nothing is sent upstream", func(ctx context.Context) (string, error) {
			return manyViolations(ctx, violatedFields)
		}},
		{"C11", "malformed JSON is 400 with its position, an unknown field 400 with its path", func(ctx context.Context) (string, error) {
			return badJSON(ctx, badBodies)
		}},
		{"C17", "no header becomes metadata under another name: Grpc-Metadata-… is dropped", func(ctx context.Context) (string, error) {
			return foreignHeaders(ctx, foreignKeys)
		}},
		{"C18", "CR, LF and non-ASCII never reach upstream's headers: INVALID_ARGUMENT", func(ctx context.Context) (string, error) {
			return hostileValues(ctx, hostileAccounts)
		}},
		{"C20", "a call 16 times at once with one request id, at one and at two replicas: 1 write, 16 equal answers", func(ctx context.Context) (string, error) {
			return x.repeatedTogether(ctx, 1)
		}},
		{"C21", "another request with a request id that was used, at any replica: INVALID_ARGUMENT/REQUEST_ID_REUSED, nothing sent", func(ctx context.Context) (string, error) {
			return x.otherBody(ctx, codes.InvalidArgument, "REQUEST_ID_REUSED")
		}},
		{"U01", "429 with Retry-After, in seconds or a date: nothing leaves any of 3 replicas before it is over, then half the rate for 60s; callers are OK, or RESOURCE_EXHAUSTED/UPSTREAM_RATE_LIMITED with RetryInfo within 5ms where the deadline is short", func(ctx context.Context) (string, error) {
			return limitedFor(ctx, namedPauses, time.Minute)
		}},
		{"U02", "429 six times in a row, without a header, as a page or with nothing: pauses of 1s to 30s that double, one request of 3 replicas after each", func(ctx context.Context) (string, error) {
			return limitedAgain(ctx, 6, 2*time.Second, 30*time.Second)
		}},
		{"U03", "others leave 2, 4, then 7 requests a second to exports and people of 3 replicas: no two 429s in a row, no ban; every page of people is OK within 15s; the rate never falls below 0.5 a second", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return limitedByOthers(ctx, storm, 15*time.Second)
			}, func(ctx context.Context) (string, error) { return floor(ctx, 2*time.Second) })
		}},
		{"U04", "403 in JSON, a right that is missing: PERMISSION_DENIED/UPSTREAM_FORBIDDEN, a request a call, everything else goes on", func(ctx context.Context) (string, error) {
			return noRights(ctx, codes.PermissionDenied, "UPSTREAM_FORBIDDEN")
		}},
		{"U05", "403 as a page, or after 429s: FAILED_PRECONDITION/ACCOUNT_BLOCKED with RetryInfo; nothing leaves 3 replicas and one that starts in between, but one request each 15m; after the ban all is OK", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return banned(ctx, 15*time.Minute)
			}, bannedAfterLimits)
		}},
		{"U06", "403 as a page to 2 accounts within 60s: FAILED_PRECONDITION/EGRESS_BLOCKED for all accounts of all replicas, nothing sent for 15m; 2 minutes apart it is two bans", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return bannedAddress(ctx, 30*time.Second, 15*time.Minute, true)
			}, func(ctx context.Context) (string, error) {
				return bannedAddress(ctx, 2*time.Minute, 15*time.Minute, false)
			})
		}},
		{"U07", "401 to a token that should be good, under load of 3 replicas: one refresh, one replay, writes too; every call OK, every write once", func(ctx context.Context) (string, error) {
			return expiredAccess(ctx, 1)
		}},
		{"U08", "401 to fresh tokens, too: FAILED_PRECONDITION/ACCOUNT_REAUTH_REQUIRED, at most two refreshes; then no request of 3 replicas in 24h", func(ctx context.Context) (string, error) {
			return refusedCredentials(ctx, 2)
		}},
		{"U09", "401 to replicas whose token another one has renewed: they take the new one, 0 refreshes, OK", func(ctx context.Context) (string, error) {
			return staleReplica(ctx, 0)
		}},
		{"U10", "402 to writes: FAILED_PRECONDITION/ACCOUNT_PAYMENT_REQUIRED while reads go on; 402 to reads; one request of 3 replicas each hour, open again after it passes", func(ctx context.Context) (string, error) {
			return unpaidFor(ctx, time.Hour)
		}},
		{"U11", "404 or 204 to one record: NOT_FOUND/UPSTREAM_NOT_FOUND, one request", func(ctx context.Context) (string, error) {
			return missing(ctx, missingAnswers)
		}},
		{"U12", "204 to a list is its end: none of 0 rows, none behind 100", func(ctx context.Context) (string, error) {
			return listWhole(ctx, nothingFound)
		}},
		{"U13", "400 and 422 with validation-errors name fields of the request, item by item; over v2 errors beside the items do", func(ctx context.Context) (string, error) {
			return refusedFields(ctx, refusedField)
		}},
		{"U14", "500, 502, 503 to a read: at most 3 requests, then UNAVAILABLE/UPSTREAM_UNAVAILABLE; in an outage of 60s at most 1.1 requests a call after 10s", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return outageOnRead(ctx, outageStatuses, outageTries)
			}, func(ctx context.Context) (string, error) { return outageStorm(ctx, 1.1) })
		}},
		{"U15", "500, 502, 503 to a create: sent once, looked for in at most 2 reads; OK where it is found, else UNKNOWN/WRITE_OUTCOME_UNKNOWN, 409 over REST", func(ctx context.Context) (string, error) {
			return lostCreates(ctx, failedCreates())
		}},
		{"U16", "504 to a page: smaller ones, at most one request a size; the list comes whole; UNAVAILABLE/UPSTREAM_UNAVAILABLE where not even one row passes", func(ctx context.Context) (string, error) {
			return heavyPage(ctx, 25)
		}},
		{"U17", "upstream answers after 25s, the deadline is 5s: DEADLINE_EXCEEDED and the request ended within 5.05s; over sockets (÷ 20) the connection is closed within 100ms of the deadline", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return slowAnswer(ctx, 5050*time.Millisecond)
			}, func(ctx context.Context) (string, error) { return slowConnection(ctx, 100*time.Millisecond) })
		}},
		{"U18", "an answer of a byte a second ends after 30s, a read is asked 3 times at most: UNAVAILABLE/UPSTREAM_BAD_RESPONSE, or DEADLINE_EXCEEDED at the deadline", func(ctx context.Context) (string, error) {
			return dripping(ctx, 30*time.Second)
		}},
		{"U19", "a kept connection half-closed before a request is written: reads and creates are OK, sent once; closed behind it: a read is asked again, a create is OK where it is found, else UNKNOWN/WRITE_OUTCOME_UNKNOWN", func(ctx context.Context) (string, error) {
			return halfClosed(ctx, 4, "WRITE_OUTCOME_UNKNOWN")
		}},
		{"U20", "a connection reset in the middle of an answer: a read is asked again, 3 times at most, then UNAVAILABLE/UPSTREAM_BAD_RESPONSE", func(ctx context.Context) (string, error) {
			return resetInBody(ctx, outageTries)
		}},
		{"U21", "half a document with 200: a read is asked again, 3 times at most, then UNAVAILABLE/UPSTREAM_BAD_RESPONSE", func(ctx context.Context) (string, error) {
			return truncated(ctx, outageTries)
		}},
		{"U22", "a create whose 200 is cut, noise, a page or empty: sent once, looked for in at most 2 reads; OK where it is found, else UNKNOWN/WRITE_APPLIED_RESPONSE_LOST, 409 over REST", func(ctx context.Context) (string, error) {
			return lostCreates(ctx, cutCreates())
		}},
		{"U23", "invalid UTF-8 and halves of characters become U+FFFD in every text; gRPC and REST carry the row", func(ctx context.Context) (string, error) {
			return badTexts(ctx, badText)
		}},
		{"U24", "a page with 200 is never data: a read is asked again, 3 times at most, then UNAVAILABLE/UPSTREAM_BAD_RESPONSE", func(ctx context.Context) (string, error) {
			return pageForData(ctx, outageTries)
		}},
		{"U25", "documents under another type, or without one: read as what they are", func(ctx context.Context) (string, error) {
			return mislabelled(ctx, labels, 60)
		}},
		{"U26", "a body that unpacks to 1 GiB: read up to 32 MiB, memory grows by at most 64 MiB; a list goes on with smaller pages; INTERNAL/UPSTREAM_RESPONSE_TOO_LARGE where every page is one", func(ctx context.Context) (string, error) {
			return x.gzipBomb(ctx, 64<<20)
		}},
		{"U27", "10,000 levels are INTERNAL/UPSTREAM_RESPONSE_TOO_LARGE, a million keys one row, 1e999999 stays text; each within 5s", func(ctx context.Context) (string, error) {
			return jsonBombsRead(ctx, jsonBombs, 5*time.Second)
		}},
		{"U28", "spellings of a value give one row; digits beyond 64 bits stay digits, an unknown shape becomes raw; an id beyond them is UNAVAILABLE/UPSTREAM_BAD_RESPONSE", func(ctx context.Context) (string, error) {
			return oddSpellings(ctx, spellings)
		}},
		{"U29", "a redirect to another host is not followed and gives it nothing: FAILED_PRECONDITION/ACCOUNT_MOVED with the host, one request a call", func(ctx context.Context) (string, error) {
			return redirectElsewhere(ctx, redirectStatuses, codes.FailedPrecondition, "ACCOUNT_MOVED")
		}},
		{"U30", "a redirect to itself, to plain http or to nowhere is not followed: UNAVAILABLE/UPSTREAM_BAD_RESPONSE, one request a call", func(ctx context.Context) (string, error) {
			return redirectNowhere(ctx, nowhereTo)
		}},
		{"U31", "name servers fail: the last address serves for 5m (run with 2s), then UNAVAILABLE/UPSTREAM_DNS after at most 3 tries, nothing sent", func(ctx context.Context) (string, error) {
			return nameLost(ctx, []error{errServerFailure, errNoAnswer}, 5*time.Minute, 2*time.Second)
		}},
		{"U32", "the name does not exist, asked three times or more over 5m: FAILED_PRECONDITION/ACCOUNT_HOST_GONE, asked once a call; before that UNAVAILABLE/UPSTREAM_DNS", func(ctx context.Context) (string, error) {
			return nameGone(ctx, 5*time.Minute)
		}},
		{"U33", "the name leads to an address that is not public: FAILED_PRECONDITION/ACCOUNT_HOST_GONE, no connection, counted", func(ctx context.Context) (string, error) {
			return namesInside(ctx, insideAddresses, "ACCOUNT_HOST_GONE")
		}},
		{"U34", "a certificate that is unknown, expired, not valid yet or another host's: UNAVAILABLE/UPSTREAM_TLS, pushback -1, one handshake a call, nothing sent", func(ctx context.Context) (string, error) {
			return untrusted(ctx, badCertificates)
		}},
		{"U35", "our clock an hour off upstream's, the store's or both: 3 replicas OK for 27h with a refresh for each half of a token's life, no 401, no 429; pauses are exact, changes are stamped by upstream's clock", func(ctx context.Context) (string, error) {
			return wrongClock(ctx, 2)
		}},
		{"U36", "upstream's clock jumps back by 10m in the middle of a list, and between a list that breaks off and its rest: 0 rows missing, none again that did not change, but all behind the break by windows; by windows all changes", func(ctx context.Context) (string, error) {
			return clockBack(ctx, 10*time.Minute, changeSome)
		}},
		{"U37", "rows that come twice on a page, and again on the next: each is sent once", func(ctx context.Context) (string, error) {
			return duplicates(ctx, 0)
		}},
		{"U38", "rows are deleted while a list pages: the end says WINDOWED, ID_ORDER_REPAIRED or, over v2, BEST_EFFORT, and counts what came; where one of the first two, 0 missing that were there all the time and every deletion told", func(ctx context.Context) (string, error) {
			return deletions(ctx, 7, promised)
		}},
		{"U39", "pages change their size in the middle of a list, or upstream ignores the limit: 0 rows missing", func(ctx context.Context) (string, error) {
			return inTurn(ctx,
				func(ctx context.Context) (string, error) { return listWholeBy(ctx, 125, otherSizes(50)) },
				func(ctx context.Context) (string, error) { return listWhole(ctx, otherSizes(250)) })
		}},
		{"U40", "no page announces the next one: 0 rows missing", func(ctx context.Context) (string, error) {
			return listWhole(ctx, nothingAnnounced)
		}},
		{"U41", "upstream announces pages without end and sends the first one again, or each the one before: ABORTED/PAGINATION_LOOP after at most 2 pages more; the token resumes to the end", func(ctx context.Context) (string, error) {
			return inTurn(ctx,
				func(ctx context.Context) (string, error) {
					return loop(ctx, listWays, 2, emulator.Action{Endless: true})
				},
				func(ctx context.Context) (string, error) {
					return loop(ctx, listWays[:2], 2, emulator.Action{Shift: -pageRows})
				})
		}},
		{"U42", "5,000 rows changed in one second, and some leave it while a list runs by windows: 0 missing", func(ctx context.Context) (string, error) {
			return crowdedSecond(ctx, 40, 0)
		}},
		{"U43", "a batch of 250 with 3 bad items, refused whole: 247 written once, 3 item errors; at most 2·log₂ 250 more calls for each, one more where upstream names them", func(ctx context.Context) (string, error) {
			return batchRefused(ctx, badItems)
		}},
		{"U44", "an answer with fewer items than were sent: those it leaves out are found, or UNKNOWN/WRITE_APPLIED_RESPONSE_LOST", func(ctx context.Context) (string, error) {
			return fewerItems(ctx, answeredItems)
		}},
		{"U45", "keys, types of fields and types of notes that nobody knows fail no row; values come raw", func(ctx context.Context) (string, error) {
			return unknownAdditions(ctx, unknownRow)
		}},
		{"U46", "200 with an error object inside is that error", func(ctx context.Context) (string, error) {
			return errorsInside(ctx, innerErrors)
		}},
		{"U47", "a 204 in the middle of a list, once and twice in a row: 0 rows missing", func(ctx context.Context) (string, error) {
			return inTurn(ctx,
				func(ctx context.Context) (string, error) { return listWhole(ctx, emptyOnce) },
				func(ctx context.Context) (string, error) { return listWhole(ctx, emptyTwice) })
		}},
		{"U48", "the last page announces another one: the 204 behind it is the end", func(ctx context.Context) (string, error) {
			return listWhole(ctx, alwaysAnnounced)
		}},
		{"U49", "504 to a full write in the middle of a batch, after upstream made its items: they are looked for in at most 2 reads and OK where lists show them, else UNKNOWN/WRITE_OUTCOME_UNKNOWN; the next write has half as many; the others are OK, and nothing is made twice", func(ctx context.Context) (string, error) {
			return timedOutBatch(ctx, listWays, 2)
		}},
		{"U50", "characters of four bytes arrive whole; cut ones fail no row", func(ctx context.Context) (string, error) {
			return longCharacters(ctx, flower)
		}},
		{"T01", "an access token near its end: no call lasts longer than 1s while a token endpoint of 10s refreshes early, each refresh token is sent once", func(ctx context.Context) (string, error) {
			return expiring(ctx, time.Second)
		}},
		{"T02", "the refresh token is revoked: OK until the access token ends, then FAILED_PRECONDITION/ACCOUNT_REAUTH_REQUIRED; one token call of 2 replicas in 24h; a consent mends it", func(ctx context.Context) (string, error) {
			return revoked(ctx, 1)
		}},
		{"T03", "an access token ends under 2 and under 16 replicas (processes over PostgreSQL): one token call a round, OK everywhere", func(ctx context.Context) (string, error) {
			return x.expireTogether(ctx, false, 2, 16)
		}},
		{"T04", "killed with the lease, before the token call: another replica calls within 45s (÷ 20, and 1s for the machine); OK meanwhile", func(ctx context.Context) (string, error) {
			return x.crashLeased(ctx, false, scaled().Lease+time.Second)
		}},
		{"T05", "killed with the answer, before it is written down (÷ 20), or the answer lost on its way: known when the lease ends; OK until the access token ends, then FAILED_PRECONDITION/TOKEN_LOST; no further token call", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return x.crashAnswered(ctx, false, 5*time.Second)
			}, func(ctx context.Context) (string, error) { return answerLost(ctx, 2) })
		}},
		{"T06", "killed with the pair in the journal, before it is stored: stored when the process serves again; OK, one token call", func(ctx context.Context) (string, error) {
			return x.crashJournalled(ctx, false)
		}},
		{"T07", "PostgreSQL is stopped before the refresh: OK while the access token lives, then UNAVAILABLE/STORE_UNAVAILABLE, no token call; OK within 5s of its start", x.storeDownBefore},
		{"T08", "PostgreSQL is stopped after the answer (÷ 20): OK, the pair is in the journal, stored within 5s of its start or by the next process; without a journal either no end before the store has it", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return x.storeDownAfter(ctx, false)
			}, func(ctx context.Context) (string, error) { return lateStore(ctx, 30*time.Second) })
		}},
		{"T09", "the holder of the lease is stopped for 90s (÷ 20): before its call it sends nothing; after it the loss that the others see is mended by its pair; OK", func(ctx context.Context) (string, error) {
			return x.holderPaused(ctx, false, 90*time.Second/scale)
		}},
		{"T10", "the token endpoint answers 429, 500, 503 or not at all: at most 12 calls of 2 replicas in any hour, the second after 5s; OK on the old token", func(ctx context.Context) (string, error) {
			return tokenOutage(ctx, 12)
		}},
		{"T11", "the integration's secret is wrong: one token call an account, OK until the access token ends, then FAILED_PRECONDITION/INTEGRATION_MISCONFIGURED; the right secret mends it", func(ctx context.Context) (string, error) {
			return wrongSecret(ctx, 1)
		}},
		{"T12", "keys that open nothing, or no keys: exit 78 and nothing served; keys that do not open one row: that account is FAILED_PRECONDITION/CREDENTIAL_UNDECRYPTABLE, the others OK", func(ctx context.Context) (string, error) {
			return x.wrongKeys(ctx, exitConfig)
		}},
		{"T13", "the sealed tokens of two accounts are exchanged by SQL: FAILED_PRECONDITION/CREDENTIAL_UNDECRYPTABLE for both, nothing is sent; others OK", func(ctx context.Context) (string, error) {
			return x.swapped(ctx, swapSealed)
		}},
		{"T14", "keys are rotated and pruned while callers go on, 4 times more while tokens are refreshed: 0 failed calls, all sealed with the last key", func(ctx context.Context) (string, error) {
			return x.rotated(ctx, 4)
		}},
		{"T15", "403 with a page from the token endpoint: nothing is sent for 15m, then one token call; FAILED_PRECONDITION/ACCOUNT_BLOCKED, with two accounts EGRESS_BLOCKED for all; tokens untouched", func(ctx context.Context) (string, error) {
			return tokenBlocked(ctx, 15*time.Minute)
		}},
		{"T16", "with a grace of the issuer, and without: no pair is used before the store has it, though that takes 10s; T03 to T06, T08 and T09 hold with a grace too", func(ctx context.Context) (string, error) {
			return inTurn(ctx,
				func(ctx context.Context) (string, error) { return pairUse(ctx, false, func(*tokenWatch) {}) },
				func(ctx context.Context) (string, error) { return pairUse(ctx, true, func(*tokenWatch) {}) },
				x.withGrace)
		}},
		{"T17", "the account has another name and its old host answers 401 or 404: one look-up, the host is checked and stored, OK; a host that is none of upstream's gets nothing: FAILED_PRECONDITION/ACCOUNT_MOVED", func(ctx context.Context) (string, error) {
			return moved(ctx, 1)
		}},
		{"P06", "SIGKILL in the middle of a list, while others change customers: another process goes on with the last token, and both parts applied in order are the source, and at most a page of rows comes again unchanged", func(ctx context.Context) (string, error) {
			return x.killedInList(ctx, 4000, 250)
		}},
		{"P07", "the disk of a SQLite file is full (durations ÷ 20): OK while the access token lives, then RESOURCE_EXHAUSTED/STORE_FULL, no token call; OK within 5s of there being room, without a restart", x.diskFull},
		{"P10", "a second process on the same SQLite file: exit 75 within 1s, naming the process that has it", func(ctx context.Context) (string, error) {
			return x.secondOwner(ctx, time.Second)
		}},
		{"S01", "PostgreSQL crashes under the load of 2 replicas and is back after 10s (their durations ÷ 20): OK on a token that lives, at most 7 requests a second; else UNAVAILABLE/STORE_UNAVAILABLE within 2s (and 1s for the machine), no token call; OK again by itself", func(ctx context.Context) (string, error) {
			return x.storeCrash(ctx, 10*time.Second, 7, scaled().AcquireTimeout+slack)
		}},
		{"S02", "a server that takes over without the last commits: OK on the tokens that it lost; a replica that lives, and the journal of one that starts, give them back; no refresh token sent twice", func(ctx context.Context) (string, error) {
			return x.lostCommits(ctx, 10*time.Second)
		}},
		{"S03", "a row locked by a stranger for 10s: UNAVAILABLE/STORE_BUSY after 3 tries of 2s (and 1s for the machine), no token call; other accounts OK", func(ctx context.Context) (string, error) {
			return x.lockedRow(ctx, 10*time.Second, 3*scaled().LockTimeout+slack)
		}},
		{"S04", "every connection of the pool in use: OK on a token that lives, else UNAVAILABLE/STORE_BUSY within 2s, a call that the limiter holds up too within twice that (and 1s each for the machine), no token call", func(ctx context.Context) (string, error) {
			return x.poolExhausted(ctx, scaled().AcquireTimeout+slack)
		}},
		{"S05", "connections to the database that were dropped without a word: a call that needs the store is OK within 5s", func(ctx context.Context) (string, error) {
			return x.halfOpen(ctx, 5*time.Second)
		}},
		{"S06", "a SQLite file locked by another handle: OK on a token that lives, else UNAVAILABLE/STORE_BUSY within 5s (and 1s for the machine), no token call; 64 writers of its own meet no lock", func(ctx context.Context) (string, error) {
			return inTurn(ctx, func(ctx context.Context) (string, error) {
				return lockedFile(ctx, scaled().BusyTimeout, scaled().BusyTimeout+slack)
			}, func(ctx context.Context) (string, error) { return ownWriters(ctx, 64) })
		}},
		{"S07", "PgBouncer in transaction mode: migration, consents, refreshes of 2 replicas, rotation of keys work; an account that one adds the other knows within 250ms (5s ÷ 20, and 1s for the machine)", func(ctx context.Context) (string, error) {
			return x.throughBouncer(ctx, scaled().AccountScan+slack)
		}},
		{"S08", "a schema older or newer than the binary: exit 78 before listening, with the exact command that helps", func(ctx context.Context) (string, error) {
			return x.otherSchema(ctx, exitConfig)
		}},
	}
}
