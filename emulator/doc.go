// Package emulator is a stateful amoCRM account on HTTP: what a client of the service can be tested against, and what
// the sandbox serves.
//
//	e, err := emulator.New(emulator.Config{Customers: 1200})
//	client := &http.Client{Transport: e.Transport()} // no sockets, usable in a testing/synctest bubble
//	server := httptest.NewServer(e)                  // or with sockets
//
// It accepts the token DefaultToken, the login DefaultLogin and the key DefaultAPIKey unless its Config names others. A
// test arranges the account with AddCustomer, AddTransaction, SetPeriods and AddField, changes it behind the client's
// back with CreateCustomer, TouchCustomer, UpdateCustomer and DeleteCustomer or lets Mutate do it all the time, lets requests fail with Script, and asks afterwards what is stored
// (Customer, Transaction, Periods) and what was sent (Stats). Config.LoginState and Config.CustomersState make an account
// that refuses logins or has no customers.
//
// It serves generation v2 of the API: /private/api/auth.php, GET /api/v2/account, and GET and POST of
// /api/v2/customers, /api/v2/transactions (POST /api/v2/transactions/comment too), /api/v2/customers_periods and
// /api/v2/notes. Beside it, over the same state, it serves of generation v4 GET /api/v4/account, /api/v4/customers with
// their links, subscriptions, custom fields, transactions, statuses, segments, bonus points and mode, the notes of
// leads, contacts, companies and customers, and events. POST /oauth2/access_token exchanges codes and refresh tokens of the integration
// of Config.OAuth, GET /oauth is its consent page, GET /oauth2/account/current/subdomain and its older form
// /oauth2/account/subdomain tell where the account lives now. Access tokens open whatever Config.Token does.
//
// Paths below /__emulator/ take no limiter slot and need no credentials; they are for processes that cannot call
// methods. Parameters are in the query, answers are JSON, a parameter that cannot be read is 400 with a text.
//
//	GET, DELETE stats        what it saw (Stats), and back to zero
//	POST oauth/code          {"code"} as the consent page brings it
//	POST oauth/pair          {"access_token","refresh_token","expires_in"}
//	POST oauth/long-lived    ?life=8760h: {"access_token"}
//	GET  oauth/live          {"pairs"}, the refresh tokens that could be exchanged now
//	POST oauth/expire        every access token ends
//	POST oauth/revoke        every refresh token ends
//	POST oauth/disconnect    both
//	POST oauth/secret        ?secret=…: another client secret, which ends both
//	POST rename              ?host=…: the account lives there
//	POST clock               ?offset=-10m: of the account's clock
//	POST window              ?limit=2: requests allowed in any second, 0 for any number
//	POST ban, unban          ?for=15m: every call is answered 403
//	POST sessions/expire     every session ends
//	POST mutator             ?updates=20&inserts=2&deletes=1&seed=7: customers others change a second, from now on
//	DELETE mutator           until now: {"updates","inserts","deletes"}
//	POST, DELETE faults      the rules of a fault file, the body, are added; no rule is left
//	GET  customers           one JSON object a line: id, name, created_at, updated_at
//	GET  transactions        one JSON object a line: id, customer_id, price, date, comment
//
// # Guarantees
//
//   - It shares no code with the client of this module, so that both cannot misread the service in the same way.
//   - What the service refuses it refuses, what the service ignores it ignores. With Config.Strict it refuses what
//     would be ignored too: unknown query parameters and body keys, dates it cannot read, `to` without `from`,
//     limit_offset without limit_rows, limit_rows above 500, filters beside id, If-Modified-Since where nobody reads it.
//     Tests of clients want that.
//   - The seeded rows depend on Config.Seed, Config.Customers, Config.SeedEnd and Config.UserID and on nothing else.
//     Those of notes depend on Config.Notes, Config.Parents and Config.NoteIDsRepeat too.
//     They are made when they are asked for: a million customers with their million and a half transactions cost
//     neither time at the start nor memory.
//   - The seeded updated_at lie in nearly equal distances over the three years before SeedEnd, nearly in the order of the
//     ids, one in eight at the second of the one before. With SeedRandom each lies at a random second of SeedSpan, so that
//     both orders have nothing in common and the density is that of chance; with SeedBurst a quarter of the customers
//     share their second with the rest of their group, as if they had been imported. That takes 12 bytes a customer.
//   - Mutate carries what is due out as of the time it was due, when somebody asks.
//   - A request takes effect when it arrives. Latency and the delay of a fault pass before the first byte of the
//     answer, so a caller that gives up meanwhile has written all the same.
//   - It starts no goroutine, opens no file and no connection, and holds no lock while it waits. All methods are safe
//     for concurrent use.
//
// # Departures from the real service
//
// The consent page asks nobody. It and the domain's look-ups answer at every host, the page without a place in the window.
// Tokens are kept in memory: another emulator knows none of them. A refresh token that is too old is refused as one that
// was used. An exchange at a host that is not the account's is refused with "Invalid account", at one it has left as any
// call there. A grant_type, redirect_uri, code or refresh_token that is missing has a hint in the style of the recorded
// ones. Signatures of access tokens are noise.
//
// Users are not stored, and contacts and companies only as far as notes need them: a customer accepts any id of theirs,
// and any period_id.
// The name of a company that is neither seeded nor added by AddCompany is null. Rights do not filter rows. Passwords
// and hosts do not change by themselves. Text of errors other than the lock's is ours. A session's second cookie
// has a name of ours. Requests that were refused with 429 take a place in the window as well. While a ban lasts every
// request, logins too, is answered 403, in v2 with code 403. A new customer without responsible_user_id or created_by has the
// account's user there. Own links of lists lack the parameter entity, which recordings of other lists have.
//
// Malformed values refuse the whole call with 400: a number that is none, a time beyond the year 9999 (which is how
// milliseconds look), an unknown custom field or option, several values where one fits, a country that is not two
// letters. An item that is well-formed but cannot be applied (a stale updated_at, no name, no next_date, an unknown
// id, a transaction without customer_id or price) is told inside a 200, and the other items are applied.
//
// contacts_id adds links, unlink removes them; company_id replaces the company; values of a listed custom field are
// replaced whole, so parts of an address that are not sent are erased; a field with no values, an empty list or an
// empty value is cleared, and so is an unset checkbox; a quantity of 0 unlinks a catalogue element.
//
// A transaction without a date is one of now. Its next_date and next_price are written to its customer, whose
// updated_at then becomes now, or a second after the stored one if that is later; a next_date of 0 is as good as none.
// The comment is all that can be changed, and leaves every updated_at alone. Deleting a customer deletes its
// transactions. In lists of transactions id wins over customer_id, which takes one id.
//
// Periods are replaced whole or not at all: anything wrong with one refuses the call with 400. There are ten at most;
// those after the purchase are the system's, can be changed, and can be neither made nor left out. A listed period
// keeps what is not sent of it, a new one needs period, color and sort. Customers of a period that goes move on to the
// next one in the direction of time that stays, or where none follows to the last one before it, and their updated_at
// stays. before_buy and after_buy are the sum of a period and those of its kind nearer to the purchase.
//
// In generation v4 the periods are statuses on a board, beside four places of the system: recent purchases, the periods
// before the purchase from the farthest on, the expected purchase, what did not buy, and what is closed. The first and
// the last period after the purchase, if there are such ones, take the two last places. Ids are the same in both
// generations, and so are customers, who may stand on a place v2 does not list. A status is sorted by its place on the
// board, whatever number was sent; one made through v4 has no length and no conditions until v2 gives it one. A customer
// is in the segments and statuses of its account all the time, but only the mode's own are served.
//
// Totals of a customer are the sums of its transactions. A purchase through v4 changes its customer's updated_at, one
// through v2 only with a plan; a delete changes it in neither. accrue_bonus is false when absent, a deleted transaction
// takes the points it brought back. Sums of money and quantities are kept to thousandths, must not be negative and not
// be above 2^53; v2 cuts the fraction off. Elements of catalogues are not stored: any id is accepted.
//
// # Customers of generation v4
//
// A bearer token is the only credential; the account's own links begin with https:// and Config.Host or its subdomain
// at amocrm.ru. A ban is a page of the web server. A body is JSON whatever its type says. Of a write every row is
// checked and all that is wrong with it told, types strictly; one wrong row keeps all from being stored. Unknown keys of
// a row are ignored but with Config.Strict, those of nested objects always refused. A malformed filter, order or page is
// left aside but with Config.Strict; a page below 1 is the first, a limit that is none or above 250 is 50.
//
// A PATCH names what changes; what it does not name stays. Without updated_at a change sets it to now, or to a second
// after the stored one if that is later; there is no lock. A PATCH of a customer that is not there is 404, inside a batch
// EntityNotFound at id. A new customer that is put nowhere stands at the expected purchase where there are periods. An
// amount or a date of null is 0. Segments, statuses, tags by id and options must exist; users need not, but must not be
// among Config.DeactivatedUsers. A text of a field has 256 characters at most. A checkbox of false is cleared, an
// organisation can only be read, and values of more than one where a type has one are refused with TooMany.
//
// A date of a field is the day its moment falls on in the account's zone and reads as that day's midnight. Fields of
// types without a number are not in v2 at all, though any of them may be given to customers by AddField. Definitions
// can only be read. Links go to any contact, company and element; a second company replaces the first, the link of a
// metadata without quantity has one, and an unlink of what is not linked does nothing. The only subscriber of a customer
// is its responsible user.
//
// # Notes
//
// Notes hang on contacts, leads, companies, tasks and customers. Of the first four as much is stored as that takes, an
// id and a name (Parent): Config.Parents of each, the contacts and companies that seeded customers are tied to, and
// what AddParent adds. A customer may be linked with any other id all the same. The notes of a customer go with it.
//
// Both generations show one state: a type is a number to v2 and a word to v4, a text or the params of v2 are params of
// v4. Types without a number are not in lists of v2, notes of tasks not in v4. What v4 writes of the keys of an older
// call or a change of status nobody recorded: FROM and text of calls are left out, STATUS_NEW and its like stay. An
// update that names neither element_type nor element_id changes the first note with its id: of a contact, a lead, a
// company, a task, a customer. Type 13 is for tasks, which take no other. A v2 update changes common notes only, and
// neither a note's type nor what it hangs on; a v4 change of params replaces them whole, is refused at note_type for
// another type than the note has, and sets updated_at to now, but never back.
//
// # Events
//
// What happens to customers and notes from the start on is told by GET /api/v4/events: customer_added,
// customer_deleted, name_field_changed, entity_responsible_changed, customer_status_changed, entity_tag_added,
// entity_tag_deleted, custom_field_value_changed (one for every field), contact_linked, company_linked and their
// opposites, transaction_added, a word of its own for the more common types of notes, and common_note_deleted. Seeded rows
// and those of AddCustomer, AddTransaction and AddNote have no events. Nothing tells of the transactions and notes that go
// with their customer, of a deleted transaction, of changes of other keys, of customers whom a status that goes
// moves on, and of leads, contacts, companies and tasks. The note that customer_added names is to be seen only with
// Config.SystemNotes.
//
// The newest Config.Events are kept. They are listed in the order in which they happened, the newest first, and cannot be
// filtered by value_before and value_after. A moment in filter[created_at] is before all that is shown. An event that is
// not there is 404; more ids, users or entities than the documents allow are refused with 400, and so is entity_id without
// exactly one entity. Numbers of types from 1001 on are ours.
//
// # Switches
//
// Where the sources contradict each other or are silent the default is the recorded behaviour, or the stricter one:
//
//	open question                                         default             switch
//	does a request prolong its session                    no                  SessionSlides
//	ids in a login's answer                               text                LoginIDsAsNumbers
//	is an update with the stored updated_at refused       yes                 LockAllowsEqual
//	an update without updated_at                          that item refused   LockMissingRefusesCall (400)
//	updated_at after an update                            as sent             UpdatedAtIsClock
//	is main_contact_id obeyed                             unknown key         MainContactWritable
//	is next_date required in an add                       yes                 AddNeedsOnlyName
//	more than 500 items in a call                         400                 BigBatchTimesOut (504)
//	request_id when none was sent                         left out            RequestIDAlways
//	updated_at in milliseconds in an update's answer      no                  UpdatedAtEchoMillis
//	keys of errors.add and errors.update                  see ItemErrors      ItemErrors
//	errors of a write without any                         no key              NoErrorsAsList
//	unknown ids of a delete                               left out            DeleteTellsUnknown (errors.delete)
//	HTTP status of codes 288, 425, 426                    403                 CustomersStatus
//	shape of error bodies                                 legacy              ErrorStyle
//	body of a 429                                         HTML                LimitBody
//	Retry-After with a 429                                none                RetryAfter
//	empty lists and links                                 {}                  Empty ([], no key)
//	enum of a value                                       number              EnumAsText
//	subtype of an address part                            name                SubtypeDigits
//	type_id of a custom field                             absent              FieldTypeID
//	order of a list                                       updated_at, id      ListByID
//	filter `to` without a time of day                     that day's end      ToIsMidnight
//	bounds of a date filter                               included            BoundsExcluded
//	unix seconds in a date filter                         read                NoUnixDates
//	a date nobody can read, limit_rows above 500          no filter, 500      Strict (400)
//	If-Modified-Since on customers                        ignored             HonourIfModifiedSince
//	customer_id beside id of transactions                 ignored             CustomerNarrowsIDs
//	order of a list of transactions                       newest first        TransactionsOldestFirst
//	comments for comment of a transaction                 unknown key         CommentsAlias
//	next_date, next_price of a transaction                to its customer     PurchaseLeavesPlan
//	items after a delete of transactions                  {"deleted":[…]}     TransactionsDeleted (map, flat list)
//	may the user see periods and set up customers         yes                 NotAdmin (288; 403)
//	do the ten periods include those after the purchase   yes                 TenPeriodsBefore
//	where customers of the account live                   periods             Segments
//	minor units of money in v4                            shown               NoMinorUnits (refused)
//	the service's own notes of customers and purchases    none                SystemNotes
//	ids of notes of two kinds of parents                  differ              NoteIDsRepeat
//	may the user write notes                              yes                 NotesReadOnly (244; 403)
//	several types in note_type of v2                      ignored             NoteTypesList
//	id of the first row of v2 notes                       number              NoteIDText
//	keys of params of v2 notes                            UNIQ, call_status   NoteParams
//	params of a change of status in v2                    params              StatusChangeAsText (JSON in text)
//	duration of a call in v4                              number              NoteDurationAsText
//	is_editable of v4 notes                               absent              NoteEditableKey
//	one v4 note that does not exist                       404                 NoteMissingEmpty (204)
//	entity_id in a batch of changes of v4 notes           not needed          NotePatchNeedsEntity
//	lists and objects in the account                      as recorded         DocumentedAccount
//	has the account paid for filters (v4)                 yes                 FiltersOff (ignored)
//	segments of a PATCH (v4)                              set                 SegmentsIgnoredOnPatch
//	answer to a POST of customers (v4)                    as recorded         ShortAnswers
//	key of the answer to a PATCH of customers (v4)        customers           PatchSaysLeads (leads)
//	a link that is there already (v4)                     200                 RelinkFails (500)
//	characters of four bytes in names and fields (v4)     kept                EmojiCut
//	is_computed of a custom field (v4)                    false               NoComputedKey
//	next link of a page (v4)                              full pages, some all NextLinks
//	request ids of digits (v4)                            text                RequestIDAsNumber
//	order of a list of transactions (v4)                  oldest first        NewestTransactionsFirst
//	a page of transactions without rows (v4)              404                 NoTransactions204
//	unknown transaction, status, segment or event (v4)    404                 Missing204
//	transactions of an unknown customer (v4)              404                 UnknownCustomer400
//	answer to new transactions (v4)                       as recorded         DocumentedTransactions
//	does a purchase move its customer to another status   no                  PurchaseMovesStatus
//	bonus points a purchase earns (v4)                    5 percent           BonusPercent
//	are there loyalty cards (v4)                          yes                 NoLoyalty (400)
//	when customers of a deleted status move on (v4)       at once             StatusMoveDelay
//	spread of the seeded updated_at                       even                SeedSpread, SeedSpan, SeedBurst
//	how far lists of customers are behind writes          not                 ListDelay
//	order of a list of customers (v4)                     as asked, by id     OrderIgnored (by id)
//	end of filter[updated_at][to] of customers (v4)       included            UpdatedToExcluded
//	pages of a list (v4)                                  any number          MaxPages (204 behind them)
//	may the user see events (v4)                          yes                 EventsState (402, 403)
//	events of a page (v4)                                 100                 EventLimit250
//	when an event is to be seen (v4)                      at once             EventDelay
//	language of errors (v4)                               English             RussianErrors
//	how customers are kept at the start                   periodicity         CustomersMode
//	requests per second, length of a ban                  7, 15 minutes       Window, BanAfter, BanSpan, BanFor
//	ban of v2                                             code 403            BanHTML (a page)
//	hosts a renamed account has left                      401                 MovedNotFound (404)
//	lives of codes, access and refresh tokens             20 min, 24 h, 90 d  OAuth.CodeLife, AccessLife, RefreshLife
//	a used refresh token whose new pair is unused         refused             OAuth.Grace (exchanged again)
//	the access token of a pair that was refreshed         lives on            OAuth.RefreshEndsAccess
//	a wrong client secret, a wrong redirect URI           401, 400            OAuth.ClientErrors
//	a used or revoked token                               401                 OAuth.RevokedStatus
//	a token that was never issued                         400                 OAuth.InvalidStatus
//	language of refused exchanges                         Russian             OAuth.EnglishErrors
//	server_time beside a pair                             absent              OAuth.ServerTime
//	has the account paid, as far as exchanges go          yes                 OAuth.Unpaid (401)
//	does the user agree                                   yes                 OAuth.ConsentDenied
//	do exchanges take a place in the window               yes                 OAuth.Uncounted
//	failed logins until a captcha is needed               10                  CaptchaAfter
//
// # Fault files
//
// LoadFaults reads a JSON object with a list of rules and tells the line and the key of what is wrong with it. The first
// rule that applies to a request acts on it. A request a rule acts on counts in the limiter and in the statistics like
// any other, and one the limiter refuses meets no rule.
//
//	{"rules": [
//	  {"match": {"operation": "customers.list", "query": "limit_offset=500", "nth": 1}, "action": {"empty": true}},
//	  {"match": {"kind": "write", "probability": 0.05, "seed": 7}, "action": {"cut": 20, "reset": true}},
//	  {"match": {"operation": "oauth.token", "nth": 1}, "action": {"drop": true, "apply": true}},
//	  {"match": {"method": "POST", "every": 10}, "action": {"status": 504, "html": true, "apply": true}},
//	  {"match": {"path": "/api/v2/customers", "from": 3, "to": 5}, "action": {"delay": "2s", "cut": 1000}}
//	]}
//
// All conditions of a match that are set must hold: method, path (without the base path), operation ("auth",
// "account", "customers.list", "customers.write", "customers.transactions.list", "customers.transactions.write",
// "customers.periods.list", "customers.periods.write", "notes.list", "notes.write", "oauth.token", "oauth.consent",
// "oauth.subdomain", "unknown", and the constants that begin with OpV4), kind ("read", "write", "token", "login"), query
// and body (text contained in the decoded query, in the body), and of the requests that meet these, counted from 1 for
// every rule, nth, from, to and every. With a probability a rule acts on so many of the requests that are left, by
// chance; equal seeds choose alike.
//
// Answers in the place of the real one, which is not asked unless "apply" is true: status (with the service's error
// body), html (a page of the web server), body, empty (204), drop (no answer), expire_session (401, and every session
// is over), bomb_bytes (gzip that unpacks to so many zeros), depth (so many lists in each other), keys (an object with so
// many). A redirect is a status with the header Location.
//
// Changes to the real or the given answer: header (an object), delay ("2s"), delay_per_item ("1ms", for every item of a
// write that was read), cut (bytes of the body until the connection breaks, as sent), drip ({"bytes": 1, "every":
// "10ms"}), garbled, bad_text (names that are no UTF-8), gzip, reset (drop and cut break the connection by a reset), and
// for lists duplicate (first rows sent twice), shift (rows by which the list moved), endless (the first page for every
// offset, with a next link), rows (of a page, whatever limit was asked for), no_next (no next link), for writes
// updated_at_millis. Unknown keys and keys that stand twice are errors.
package emulator
