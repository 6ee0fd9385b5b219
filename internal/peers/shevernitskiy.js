// @shevernitskiy/amo against the emulator, and amogate beside it. The peer
// speaks API v4 over fetch. It knows customers, transactions and notes; it
// cannot delete customers, change transactions or pin notes. Its errors lose
// their class on the way out, so they are told apart by what they carry.
import { Amo } from "@shevernitskiy/amo";
import { byID, holds, refused, same } from "./check.js";
import * as gateway from "./gateway.js";

const PAGE_SIZE = 10; // several pages of customers
const TEXT_FIELD = 1250001; // a text field of the emulated account
const DUE = 1_900_000_000;
const UNKNOWN = 999_999_999;

const isEmpty = (error) => error.message.startsWith("204 ");
const isNotFound = (error) => error.response?.status === 404;
const isInvalid = (error) => error.response?.status === 400;

const amo = new Amo("example.amocrm.ru", {
  token_type: "Bearer",
  access_token: process.env.EMULATOR_TOKEN,
  refresh_token: "none is needed",
  expires_in: 86_400,
  expires_at: Date.now() + 86_400_000,
}, { request_delay: 0 });

// pages reads until a page links to no next one, or until the peer throws what
// ended knows: a full page, and every page of transactions, links to a next one
// that may have no rows.
async function pages(read, key, ended) {
  const rows = [];
  for (let page = 1; ; page++) {
    let answer;
    try {
      answer = await read({ limit: PAGE_SIZE, page });
    } catch (error) {
      if (page > 1 && ended(error)) return rows;
      throw error;
    }
    rows.push(...answer._embedded[key]);
    if (!answer._links.next) return rows;
  }
}

console.log("customers");
const seeded = await pages((params) => amo.customer.getCustomers(params), "customers", isEmpty);
same("the peer lists what amogate lists", byID(seeded), byID(await gateway.list("/customers", "customers")));

const added = await amo.customer.addCustomers([
  {
    name: "Пекарня «Ё»",
    next_date: DUE,
    next_price: 4200,
    periodicity: 30,
    custom_fields_values: [{ field_id: TEXT_FIELD, values: [{ value: "через проходную" }] }],
    _embedded: { tags: [{ name: "peer" }] },
    request_id: "first",
  },
  { name: "Second <peer> & co", next_date: DUE + 60, request_id: "second" },
]);
const rows = added._embedded.customers;
same("request ids of the answer", rows.map((row) => row.request_id), ["first", "second"]);
const [first, second] = rows.map((row) => row.id);

const customer = await gateway.get(`/customers/${first}`);
holds("the peer's customer", customer, {
  id: String(first),
  name: "Пекарня «Ё»",
  next_purchase_time: gateway.time(DUE),
  next_price: gateway.rubles(4200),
  periodicity: 30,
});
same("its tags", customer.tags.map((tag) => tag.name), ["peer"]);
same("its text field", customer.custom_fields.map((field) => [field.field_id, field.text]), [[String(TEXT_FIELD), "через проходную"]]);
holds("the peer's second customer", await gateway.get(`/customers/${second}`), { name: "Second <peer> & co", periodicity: 0 });

await amo.customer.updateCustomers([{ id: first, name: "Renamed by the peer" }, { id: second, next_price: 77 }]);
holds("after a batch of updates", await gateway.get(`/customers/${first}`), { name: "Renamed by the peer", next_price: gateway.rubles(4200) });
holds("after a batch of updates", await gateway.get(`/customers/${second}`), { name: "Second <peer> & co", next_price: gateway.rubles(77) });
await amo.customer.updateCustomerById(second, { name: "Renamed alone", next_date: DUE + 120 });
holds("after one update", await gateway.get(`/customers/${second}`), { name: "Renamed alone", next_purchase_time: gateway.time(DUE + 120) });

const ours = await gateway.post("/customers", { name: "Made by amogate", next_purchase_time: gateway.time(DUE), next_price: { units: "99" }, tags: [{ name: "ours" }] });
const seen = await amo.customer.getCustomerById(Number(ours.id));
holds("our customer", seen, { name: "Made by amogate", next_date: DUE, next_price: 99 });
same("its tags", seen._embedded.tags.map((tag) => tag.name), ["ours"]);
await gateway.patch(`/customers/${ours.id}`, { name: "Changed by amogate" });
const found = await amo.customer.getCustomers({ filter: (filter) => filter.multi("id", [Number(ours.id), first]) });
same("two customers by id", found._embedded.customers.map((row) => [row.id, row.name]).sort(),
  [[first, "Renamed by the peer"], [Number(ours.id), "Changed by amogate"]].sort());
await refused("an unknown customer", () => amo.customer.getCustomerById(UNKNOWN), isEmpty);
await refused("a customer without a name", () => amo.customer.addCustomers([{ next_date: DUE }]), isInvalid);

console.log("transactions");
const bought = await amo.customer.addTransactionsToCustomer(first, [
  { price: 1500, comment: "наличные", completed_at: DUE - 86_400, request_id: "bought" },
  { price: 250, comment: "to be deleted", completed_at: DUE - 86_401, request_id: "deleted" },
]);
const [kept, dropped] = bought._embedded.transactions.map((row) => row.id);
holds("the peer's transaction", await gateway.get(`/transactions/${kept}`), {
  customer_id: String(first),
  price: gateway.rubles(1500),
  comment: "наличные",
  complete_time: gateway.time(DUE - 86_400),
});
await amo.customer.deleteTransactionsById(dropped);
await gateway.missing("a deleted transaction", `/transactions/${dropped}`);
const paid = await gateway.post(`/customers/${first}/transactions`, { price: { units: "320" }, comment: "paid to amogate", complete_time: gateway.time(DUE) });
const purchases = await amo.customer.getTransactionsByCustomerId(first, { limit: PAGE_SIZE });
same("the customer's transactions", purchases._embedded.transactions.map((row) => [row.id, row.price, row.comment, row.completed_at]).sort(),
  [[kept, 1500, "наличные", DUE - 86_400], [Number(paid.id), 320, "paid to amogate", DUE]].sort());
same("their sum", (await amo.customer.getCustomerById(first)).ltv, 1820);
// The end of transactions is 404.
const all = await pages((params) => amo.customer.getTransactions(params), "transactions", isNotFound);
same("the peer lists what amogate lists", byID(all), byID(await gateway.list("/transactions", "transactions")));

console.log("notes");
const noted = await amo.note.addNotes("customers", [
  { entity_id: first, note_type: "common", params: { text: "Звонить после обеда" }, request_id: "common" },
  { entity_id: first, note_type: "call_in", params: { uniq: "u-1", duration: 61, source: "peer", link: "https://example.com/r.mp3", phone: "+74951234567" }, request_id: "call" },
]);
const [note, call] = noted._embedded.notes.map((row) => row.id);
holds("the peer's note", await gateway.get(`/customers/${first}/notes/${note}`), { type: "NOTE_TYPE_COMMON", text: "Звонить после обеда", customer_id: String(first) });
const heard = await gateway.get(`/customers/${first}/notes/${call}`);
same("the type of the peer's call", heard.type, "NOTE_TYPE_CALL_IN");
holds("the peer's call", heard.call, { unique_id: "u-1", duration: "61s", source: "peer", link: "https://example.com/r.mp3", phone: "+74951234567" });
await amo.note.updateNotes("customers", [{ id: note, entity_id: first, note_type: "common", params: { text: "in a batch" } }]);
holds("after a batch of updates", await gateway.get(`/customers/${first}/notes/${note}`), { text: "in a batch" });
await amo.note.updateNoteById(note, "customers", { entity_id: first, note_type: "common", params: { text: "alone" } });
holds("after one update", await gateway.get(`/customers/${first}/notes/${note}`), { text: "alone" });
const written = await gateway.post(`/customers/${first}/notes`, { text: "Заметка amogate" });
const read = await amo.note.getNotesById(Number(written.id), "customers");
holds("our note", read, { entity_id: first, note_type: "common", params: { text: "Заметка amogate" } });
const beside = await amo.note.getNotesByEntityId(first, "customers", { limit: PAGE_SIZE });
same("the peer lists what amogate lists", byID(beside._embedded.notes), byID(await gateway.list(`/customers/${first}/notes`, "notes")));
