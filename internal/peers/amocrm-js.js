// amocrm-js against the emulator, and amogate beside it. The peer speaks over
// node:https. It has a model of API v4 for customers, which is in its list of
// factories and missing from its client. It knows no transactions and no notes:
// these, and API v2, go by hand through its requests.
//
// Three things of its model are as they are: what it is given and what it reads
// loses next_date, saving a customer that exists leaves its id out, and behind
// the last page it keeps the rows of the page before.
import amocrm from "amocrm-js";
import { byID, holds, refused, same } from "./check.js";
import * as gateway from "./gateway.js";

const PAGE_SIZE = 10; // several pages of customers
const CUSTOMER = 12; // element_type of v2
const COMMON = 4; // note_type of v2
const DUE = 1_900_000_000;

const client = new amocrm.Client({
  domain: "example", // without a dot: below amocrm.ru
  auth: { bearer: process.env.EMULATOR_TOKEN },
});
const { customers: Customers } = client.getFactoryConstructors();
const customers = new Customers(client);

// get, post and patch answer with the body, {} for none. The status is checked
// because the peer looks for errors in the body only.
const by = (method) => async (path, data) => {
  const { data: body, response } = await client.request[method](path, data);
  if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode}: ${JSON.stringify(body)}`);
  return body;
};
const [get, post, patch] = ["get", "post", "patch"].map(by);

console.log("customers, by the peer's model");
const listed = new Map();
const pages = await customers.get({ limit: PAGE_SIZE });
let count = 0;
for (let more = true; more; more = await pages.next()) {
  for (const row of pages.getData()) listed.set(row.id, row);
  count++;
}
same("more than one page", count > 1, true);
same("the peer lists what amogate lists", byID([...listed.values()]), byID(await gateway.list("/customers", "customers")));

const made = customers.from({ name: "Лавка «Юг»", next_price: 3100, periodicity: 14 });
made.next_date = DUE;
await made.save();
holds("the peer's customer", await gateway.get(`/customers/${made.id}`), {
  name: "Лавка «Юг»",
  next_price: gateway.rubles(3100),
  next_purchase_time: gateway.time(DUE),
  periodicity: 14,
});
await customers.update([{ id: made.id, name: "Лавка «Север»", next_date: DUE + 60 }]);
holds("after its update", await gateway.get(`/customers/${made.id}`), { name: "Лавка «Север»", next_price: gateway.rubles(3100), next_purchase_time: gateway.time(DUE + 60) });
made.name = "never stored";
await refused("an update without id", () => made.save(), (error) => error.data?.status === 400);
const ours = await gateway.post("/customers", { name: "Made by amogate", next_purchase_time: gateway.time(DUE), next_price: { units: "99" } });
holds("our customer", await customers.getById(ours.id), { id: Number(ours.id), name: "Made by amogate", next_price: 99 });
await gateway.patch(`/customers/${ours.id}`, { name: "Changed by amogate" });
holds("after our update", await customers.getById(ours.id), { name: "Changed by amogate" });
holds("what no update changed", await get(`/api/v4/customers/${made.id}`), { name: "Лавка «Север»", next_date: DUE + 60 });

console.log("customers of v2");
const added = await post("/api/v2/customers", { add: [{ name: "Second <peer> & co", next_date: DUE, next_price: 500, tags: "peer,v2" }] });
const second = added._embedded.items[0].id;
const customer = await gateway.get(`/customers/${second}`);
holds("the peer's customer", customer, { name: "Second <peer> & co", next_price: gateway.rubles(500), next_purchase_time: gateway.time(DUE) });
same("its tags", customer.tags.map((tag) => tag.name).sort(), ["peer", "v2"]);
// The lock of v2: updated_at has to be later than the stored one.
const later = Date.parse(customer.update_time) / 1000 + 1;
const updated = await post("/api/v2/customers", { update: [{ id: second, updated_at: later, name: "Renamed over v2" }] });
same("the id of the answer", updated._embedded.items[0].id, second);
holds("after its update", await gateway.get(`/customers/${second}`), { name: "Renamed over v2", next_price: gateway.rubles(500), update_time: gateway.time(later) });
const both = await get("/api/v2/customers", { id: [second, Number(ours.id)] });
same("two customers by id", both._embedded.items.map((row) => [row.id, row.name]).sort(), [[second, "Renamed over v2"], [Number(ours.id), "Changed by amogate"]].sort());

console.log("transactions of v2 and v4");
const bought = await post("/api/v2/transactions", { add: [{ customer_id: made.id, date: DUE - 60, price: 700, comment: "наличные" }] });
const kept = bought._embedded.items[0].id;
holds("the peer's transaction", await gateway.get(`/transactions/${kept}`), {
  customer_id: String(made.id),
  price: gateway.rubles(700),
  comment: "наличные",
  complete_time: gateway.time(DUE - 60),
});
await post("/api/v2/transactions", { update: [{ transaction_id: kept, comment: "картой" }] });
holds("after its update", await gateway.get(`/transactions/${kept}`), { comment: "картой", price: gateway.rubles(700) });
const fourth = await post(`/api/v4/customers/${made.id}/transactions`, [{ price: 80, comment: "over v4", completed_at: DUE - 30 }]);
const fourthID = fourth._embedded.transactions[0].id;
const paid = await gateway.post(`/customers/${made.id}/transactions`, { price: { units: "9" }, comment: "paid to amogate", complete_time: gateway.time(DUE) });
const purchases = [[kept, 700, "картой"], [fourthID, 80, "over v4"], [Number(paid.id), 9, "paid to amogate"]].sort();
const over2 = await get("/api/v2/transactions", { customer_id: made.id });
same("the customer's transactions over v2", over2._embedded.items.map((row) => [row.id, row.price, row.comment]).sort(), purchases);
const over4 = await get(`/api/v4/customers/${made.id}/transactions`, { limit: PAGE_SIZE });
same("the customer's transactions over v4", over4._embedded.transactions.map((row) => [row.id, row.price, row.comment]).sort(), purchases);
const mine = await gateway.list(`/customers/${made.id}/transactions`, "transactions");
same("and over amogate", mine.map((row) => [Number(row.id), Number(row.price.units), row.comment]).sort(), purchases);
await post("/api/v2/transactions", { delete: [kept] });
await gateway.missing("a deleted transaction", `/transactions/${kept}`);

console.log("notes of v2 and v4");
const noted = await post("/api/v2/notes", { add: [{ element_id: made.id, element_type: CUSTOMER, note_type: COMMON, text: "Звонить после обеда" }] });
const note = noted._embedded.items[0].id;
const stored = await gateway.get(`/customers/${made.id}/notes/${note}`);
holds("the peer's note", stored, { type: "NOTE_TYPE_COMMON", text: "Звонить после обеда", customer_id: String(made.id) });
await post("/api/v2/notes", {
  update: [{ id: note, element_id: made.id, element_type: CUSTOMER, note_type: COMMON, text: "Звонить утром", updated_at: Date.parse(stored.update_time) / 1000 + 1 }],
});
holds("after an update over v2", await gateway.get(`/customers/${made.id}/notes/${note}`), { text: "Звонить утром" });
const sms = await post(`/api/v4/customers/${made.id}/notes`, [{ note_type: "sms_out", params: { text: "Ваш заказ готов", phone: "+74951234567" } }]);
const smsID = sms._embedded.notes[0].id;
const sent = await gateway.get(`/customers/${made.id}/notes/${smsID}`);
same("the type of the peer's message", sent.type, "NOTE_TYPE_SMS_OUT");
holds("the peer's message", sent.sms, { text: "Ваш заказ готов", phone: "+74951234567" });
await patch(`/api/v4/customers/${made.id}/notes/${note}`, { note_type: "common", params: { text: "Не звонить" } });
holds("after an update over v4", await gateway.get(`/customers/${made.id}/notes/${note}`), { text: "Не звонить" });
const written = await gateway.post(`/customers/${made.id}/notes`, { text: "Заметка amogate" });
const read = await get("/api/v2/notes", { type: "customer", element_id: made.id });
same("the customer's notes over v2", byID(read._embedded.items), byID([{ id: note }, { id: smsID }, written]));
holds("our note over v2", read._embedded.items.find((row) => Number(row.id) === Number(written.id)), { element_id: made.id, note_type: COMMON, text: "Заметка amogate" });
holds("our note over v4", await get(`/api/v4/customers/notes/${written.id}`), { entity_id: made.id, note_type: "common", params: { text: "Заметка amogate" } });
