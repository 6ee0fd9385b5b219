// Loaded with `node --require` before a peer. The peers hard-code https and the
// domain of amoCRM; what they send to https://SUBDOMAIN.amocrm.ru goes to the
// emulator at EMULATOR_ADDR instead, with the Host they meant. Loopback stays
// reachable, every other host is refused: a peer must not leave the machine.
"use strict";

const http = require("node:http");
const https = require("node:https");
const { urlToHttpOptions } = require("node:url");

const address = process.env.EMULATOR_ADDR;
if (!address) throw new Error("EMULATOR_ADDR is not set; give HOST:PORT of the emulator");
const emulator = new URL(`http://${address}`);
let redirected = 0;

// redirects says whether a request to host goes to the emulator.
function redirects(host) {
  if (/^[a-z0-9-]+\.amocrm\.ru$/.test(host)) {
    redirected++;
    return true;
  }
  if (host === "127.0.0.1" || host === "[::1]" || host === "localhost") return false;
  throw new Error(`a request to ${host}; only *.amocrm.ru and loopback are expected`);
}

const { request } = https;
https.request = (...args) => {
  const callback = typeof args.at(-1) === "function" ? args.pop() : undefined;
  const given = args[0] instanceof URL || typeof args[0] === "string" ? urlToHttpOptions(new URL(args[0])) : args[0];
  const options = { ...given, ...args[1] };
  const host = options.hostname ?? options.host;
  if (!redirects(host)) return request(options, callback);
  return http.request({
    ...options,
    agent: undefined, // https agents refuse http
    protocol: emulator.protocol,
    host: emulator.hostname,
    hostname: emulator.hostname,
    port: emulator.port,
    headers: { ...options.headers, host },
  }, callback);
};
https.get = (...args) => https.request(...args).end();

const { fetch } = globalThis;
globalThis.fetch = (input, init) => {
  if (input instanceof Request) throw new Error("fetch of a Request is not redirected; give it an address");
  const url = new URL(input);
  if (!redirects(url.hostname)) return fetch(input, init);
  const headers = new Headers(init?.headers);
  headers.set("host", url.host);
  return fetch(new URL(url.pathname + url.search, emulator), { ...init, headers });
};

process.on("exit", (code) => {
  if (code === 0 && redirected === 0) {
    console.error("peers: no request was redirected; the peer did not meet the emulator");
    process.exitCode = 1;
  }
});
