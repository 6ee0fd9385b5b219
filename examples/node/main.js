// A caller of amogate in Node. It reads a page, reads the whole collection,
// stops in the middle and goes on from there, changes a customer and reads it
// back, enters a purchase and writes a note about it:
//
//	go run ./cmd/amogate serve --sandbox
//	npm ci && node main.js 127.0.0.1:9090
//
// It changes one customer: try it on the sandbox.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const PAGE_SIZE = 5;
const STOP_BEHIND = 100;
const TIMEOUT_MS = 60_000;

// The descriptors of the released API: no code has to be generated.
const image = readFileSync(new URL("../../proto/released.binpb", import.meta.url));
const definition = loader.loadFileDescriptorSetFromBuffer(image, {
  keepCase: true, // names as in the proto files and over REST
  longs: String, // ids are larger than numbers hold
  enums: String,
  oneofs: true,
});
const { CustomerService, TransactionService, NoteService } = grpc.loadPackageDefinition(definition).amogate.v1;

const address = process.argv[2] ?? "127.0.0.1:9090";
const credentials = grpc.credentials.createInsecure();
const client = new CustomerService(address, credentials);
const transactions = new TransactionService(address, credentials);
const notes = new NoteService(address, credentials);

// call makes a unary call with a deadline.
function call(method, request, service = client) {
  const options = { deadline: Date.now() + TIMEOUT_MS };
  return promisify(service[method]).call(service, request, new grpc.Metadata(), options);
}

// read goes on with a list from its token until the end, or until limit
// customers are read. What it needs to go on after a stop, or in another process,
// is the token alone.
async function read(list, limit = Infinity) {
  const stream = client.ListCustomers({ page_token: list.token });
  try {
    for await (const message of stream) {
      switch (message.item) {
        case "customer":
          list.ids.push(message.customer.id);
          break;
        case "deleted":
          list.ids = list.ids.filter((id) => id !== message.deleted.id);
          break;
        case "end":
          list.ended = true;
          continue;
      }
      list.token = message.resume_token;
      if (list.ids.length >= limit) return;
    }
  } finally {
    // Tells the server, so that it leaves upstream alone.
    stream.on("error", () => {});
    stream.cancel();
  }
  assert(list.ended, "the list was cut: its end is missing");
}

async function pages() {
  const one = await call("ListCustomersPage", { page_size: PAGE_SIZE });
  // An empty token is the only sign of the end; a page may be short.
  assert(one.customers.length > 0 && one.next_page_token, "too few customers for this example");
  const two = await call("ListCustomersPage", { page_size: PAGE_SIZE, page_token: one.next_page_token });
  const seen = new Set(one.customers.map((customer) => customer.id));
  for (const { id } of two.customers) assert(!seen.has(id), `customer ${id} is on both pages`);
  const [first] = one.customers;
  console.log(`page: ${one.customers.length} customers and ${two.customers.length} more; the first is ${first.id}, ${first.name}`);
  return first;
}

async function streams() {
  const whole = { ids: [], token: "", ended: false };
  await read(whole);
  console.log(`stream: ${whole.ids.length} customers`);

  const parted = { ids: [], token: "", ended: false };
  await read(parted, STOP_BEHIND);
  assert.equal(parted.ids.length, STOP_BEHIND, "stopped in time");
  assert(!parted.ended, "stopped before the end");
  console.log(`stopped: behind ${STOP_BEHIND} customers`);
  await read(parted);
  assert.deepEqual(parted.ids, whole.ids, "a resumed list is the whole list");
  console.log(`resumed: the same ${parted.ids.length} customers in the same order`);
}

async function update(customer) {
  const name = `${customer.name} (Node)`;
  // What is not in the mask stays as it is.
  await call("UpdateCustomer", { id: customer.id, customer: { name }, update_mask: { paths: ["name"] } });
  const got = await call("GetCustomer", { id: customer.id });
  assert.equal(got.name, name, "the new name is read back");
  assert.deepEqual(got.next_price, customer.next_price, "the price stays");
  console.log(`updated: ${got.id} is now ${got.name}`);
}

async function buy(customer) {
  const bought = await call(
    "CreateTransaction",
    { customer_id: customer.id, transaction: { price: { units: "900" }, comment: "by the example in Node" } },
    transactions,
  );
  const found = [];
  let ended = false;
  for await (const message of transactions.ListTransactions({ customer_id: customer.id })) {
    if (message.item === "transaction") found.push(message.transaction);
    if (message.item === "end") ended = true;
  }
  assert(ended, "the list of purchases was cut");
  assert.equal(found.find(({ id }) => id === bought.id)?.price.units, "900", "the purchase is in the list");
  console.log(`bought: transaction ${bought.id} of customer ${customer.id}`);
  return bought;
}

async function remark({ id, customer_id }) {
  const text = `Transaction ${id} came from the example in Node.`;
  const note = await call("CreateNote", { customer_id, note: { text } }, notes);
  const got = await call("GetNote", { customer_id, id: note.id }, notes);
  assert.equal(got.text, text, "the note is read back");
  assert.equal(got.type, "NOTE_TYPE_COMMON");
  console.log(`noted: ${got.id}, ${got.text}`);
}

try {
  const first = await pages();
  await streams();
  await update(first);
  await remark(await buy(first));
} catch (error) {
  console.error("example:", error.message);
  process.exitCode = 1;
} finally {
  for (const service of [client, transactions, notes]) service.close();
}
