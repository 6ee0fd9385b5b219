// node --require ./preload.cjs measure.js PEER MILLISECONDS
//
// Lets a peer list customers page by page for so long, and then create them one
// by one, as many beside each other as are due; prints what it reached a second.
// Neither is asked more often than the limit of the account allows.
import amocrm from "amocrm-js";
import { Amo } from "@shevernitskiy/amo";

const PAGE_SIZE = 250;
const DUE = 1_900_000_000;
// SPACING_MS is the pause between requests that @shevernitskiy/amo makes by default.
const SPACING_MS = 150;

const [, , name, span] = process.argv;
const spanMS = Number(span);
const token = process.env.EMULATOR_TOKEN;

// peers have page(n), which answers with rows of the page n, asked for in order,
// and create(name), which answers with the id.
const peers = {
  "amocrm-js": () => {
    const client = new amocrm.Client({ domain: "example", auth: { bearer: token } });
    const { customers: Customers } = client.getFactoryConstructors();
    const customers = new Customers(client);
    let pages;
    return {
      async page() {
        if (!pages) pages = await customers.get({ limit: PAGE_SIZE });
        else if (!(await pages.next())) throw new Error("the list is too short");
        return pages.getData().length;
      },
      async create(name) {
        const made = customers.from({ name, next_price: 100 });
        made.next_date = DUE; // its model loses it
        await made.save();
        return made.id;
      },
    };
  },
  "@shevernitskiy/amo": () => {
    const amo = new Amo("example.amocrm.ru", {
      token_type: "Bearer",
      access_token: token,
      refresh_token: "none is needed",
      expires_in: 86_400,
      expires_at: Date.now() + 86_400_000,
    }, { request_delay: 0 }); // the pause is made here, for both
    return {
      async page(n) {
        const answer = await amo.customer.getCustomers({ limit: PAGE_SIZE, page: n });
        return answer._embedded.customers.length;
      },
      async create(name) {
        const answer = await amo.customer.addCustomers([{ name, next_date: DUE, next_price: 100 }]);
        return answer._embedded.customers[0].id;
      },
    };
  },
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// perSecond is the rate from the first of the times to the last.
const perSecond = (times) => ((times.length - 1) * 1000) / (Math.max(...times) - Math.min(...times));

const peer = peers[name]();

const answered = [];
for (let n = 1, begun = performance.now(); performance.now() - begun < spanMS; n++) {
  const spaced = sleep(SPACING_MS);
  const count = await peer.page(n);
  if (count !== PAGE_SIZE) throw new Error(`page ${n}: ${count} rows, not ${PAGE_SIZE}`);
  answered.push(performance.now());
  await spaced;
}

// What the lists did with the limit's second is over.
await sleep(1000);
const created = [];
const calls = [];
for (let n = 0, begun = performance.now(); performance.now() - begun < spanMS; n++) {
  calls.push(peer.create(`customer ${n}`).then((id) => {
    if (!id) throw new Error(`customer ${n}: the answer has no id`);
    created.push(performance.now());
  }));
  await sleep(SPACING_MS);
}
await Promise.all(calls);

console.log(JSON.stringify({
  rows_per_second: perSecond(answered) * PAGE_SIZE,
  creates_per_second: perSecond(created),
}));
