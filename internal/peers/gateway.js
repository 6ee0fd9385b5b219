// The API of amogate over REST, at REST_ADDR: what our own client sees.
import { same } from "./check.js";

const TIMEOUT_MS = 30_000;
const PAGE_SIZE = 100;

const base = `http://${process.env.REST_ADDR}/v1`;

// call answers with the body, and throws when the status is another than want.
async function call(method, path, body, want = 200) {
  const answer = await fetch(base + path, {
    method,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await answer.text();
  if (answer.status !== want) throw new Error(`amogate: ${method} ${path}: ${answer.status}, not ${want}: ${text}`);
  return JSON.parse(text);
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);

// missing checks that what path names is not found.
export async function missing(what, path) {
  const { error } = await call("GET", path, undefined, 404);
  same(what, error.reason, "UPSTREAM_NOT_FOUND");
}

// list reads all pages of a collection; key names its rows.
export async function list(path, key) {
  const rows = [];
  let token = "";
  do {
    const page = await get(`${path}?page_size=${PAGE_SIZE}&page_token=${encodeURIComponent(token)}`);
    rows.push(...page[key]);
    token = page.next_page_token;
  } while (token);
  return rows;
}

// rubles is an amount of the emulated account, as amogate writes it.
export const rubles = (units) => ({ currency_code: "RUB", units: String(units), nanos: 0 });

// time is a time as amogate writes it; seconds are since 1970.
export const time = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
