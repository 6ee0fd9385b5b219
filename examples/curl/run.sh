#!/usr/bin/env bash
# A caller of amogate with curl and the tools every Unix has. It reads a page,
# reads the whole collection, stops in the middle and goes on from there, changes a
# customer and reads it back, enters a purchase and writes a note about it:
#
#	go run ./cmd/amogate serve --sandbox
#	examples/curl/run.sh
#
# It changes one customer: try it on the sandbox. REST_ADDR is the
# address of amogate, by default 127.0.0.1:8080.
set -euo pipefail

url="http://${REST_ADDR:-127.0.0.1:8080}/v1/customers"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
  echo "example: $*" >&2
  exit 1
}

# rest ARGUMENT… calls and shows the error body when the call fails.
rest() { curl --silent --show-error --fail-with-body --max-time 60 "$@"; }

# value KEY prints the last string of that name on each line of JSON; numbers of
# 64 bits are strings too. It is enough here; programs should parse.
value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# first_value is value for the first of several on a line.
first_value() { grep -o "\"$1\": *\"[^\"]*\"" | head -n 1 | sed 's/.*: *"\(.*\)"/\1/'; }

# ids prints the ids of the customers in a stream.
ids() { sed -n 's/^{"customer": *{"id": *"\([0-9]*\)".*/\1/p' "$1"; }

# page
rest "$url?page_size=5" >"$dir/page" || fail "page: $(cat "$dir/page")"
id=$(first_value id <"$dir/page")
name=$(first_value name <"$dir/page")
token=$(value next_page_token <"$dir/page")
# An empty token is the only sign of the end; a page may be short.
[ -n "$id" ] && [ -n "$token" ] || fail "page: too few customers for this example"
rest "$url?page_size=5&page_token=$token" >"$dir/second" || fail "second page: $(cat "$dir/second")"
second=$(first_value id <"$dir/second")
[ -n "$second" ] && [ "$second" != "$id" ] || fail "second page: starts with $second"
echo "page: the first customer is $id, $name; the next page starts with $second"

# stream: the last line is {"end":…}, or {"error":…} when the list was cut.
rest --no-buffer "$url:stream" >"$dir/whole" || fail "stream: $(tail -n 1 "$dir/whole")"
tail -n 1 "$dir/whole" | grep -q '^{"end":' || fail "stream: it was cut: $(tail -n 1 "$dir/whole")"
ids "$dir/whole" >"$dir/whole.ids"
rows=$(tail -n 1 "$dir/whole" | value rows)
[ "$(wc -l <"$dir/whole.ids")" -eq "$rows" ] || fail "stream: $(wc -l <"$dir/whole.ids") customers, but its end says $rows"
echo "stream: $rows customers"

# stop: closing the connection tells the server, so that it leaves upstream
# alone. curl then says that nobody reads what it writes.
rest --no-buffer "$url:stream" 2>/dev/null | head -n 100 >"$dir/parts" || true
token=$(tail -n 1 "$dir/parts" | value resume_token)
[ "$(wc -l <"$dir/parts")" -eq 100 ] && [ -n "$token" ] || fail "stop: $(wc -l <"$dir/parts") lines and the token '$token'"
echo "stopped: behind 100 customers"

# resume
rest --no-buffer "$url:stream?page_token=$token" >>"$dir/parts" || fail "resume: $(tail -n 1 "$dir/parts")"
tail -n 1 "$dir/parts" | grep -q '^{"end":' || fail "resume: it was cut: $(tail -n 1 "$dir/parts")"
ids "$dir/parts" >"$dir/parts.ids"
cmp -s "$dir/whole.ids" "$dir/parts.ids" || fail "resume: $(wc -l <"$dir/parts.ids") customers are not the $rows of the whole list"
echo "resumed: the same $rows customers in the same order"

# update: the body names what changes.
rest --request PATCH "$url/$id" --data '{"name":"curl example"}' >"$dir/updated" || fail "update: $(cat "$dir/updated")"
rest "$url/$id" >"$dir/got" || fail "read back: $(cat "$dir/got")"
[ "$(first_value name <"$dir/got")" = "curl example" ] || fail "read back: $(cat "$dir/got")"
echo "updated: $id is now $(first_value name <"$dir/got")"

# purchase: the path names the customer
rest "$url/$id/transactions" --data '{"price":{"units":"900"},"comment":"by the example with curl"}' >"$dir/bought" || fail "purchase: $(cat "$dir/bought")"
bought=$(first_value id <"$dir/bought")
rest --no-buffer "$url/$id/transactions:stream" >"$dir/purchases" || fail "purchases: $(tail -n 1 "$dir/purchases")"
tail -n 1 "$dir/purchases" | grep -q '^{"end":' || fail "purchases: the list was cut: $(tail -n 1 "$dir/purchases")"
grep -q "^{\"transaction\": *{\"id\": *\"$bought\"" "$dir/purchases" || fail "purchases: $bought is not among them"
echo "bought: transaction $bought of customer $id"

# note
text="Transaction $bought came from the example with curl."
rest "$url/$id/notes" --data "{\"text\":\"$text\"}" >"$dir/note" || fail "note: $(cat "$dir/note")"
note=$(first_value id <"$dir/note")
rest "$url/$id/notes/$note" >"$dir/note" || fail "read the note back: $(cat "$dir/note")"
[ "$(first_value text <"$dir/note")" = "$text" ] || fail "read the note back: $(cat "$dir/note")"
echo "noted: $note, $text"
