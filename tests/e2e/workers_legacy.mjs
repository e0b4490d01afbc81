// Runs the service worker in a fresh global, as workerd would, and asks it for its addresses.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import vm from "node:vm";

const file = new URL("../../examples/workers/legacy/worker.js", import.meta.url);
const source = readFileSync(file, "utf8");
let listener;
const context = vm.createContext({
  TENANT: "acme",
  URL, Response,
  addEventListener: (type, f) => { assert.equal(type, "fetch"); listener = f; },
});
vm.runInContext(source, context);

async function ask(target, init) {
  let answer;
  listener({
    request: new Request("https://old.example" + target, init),
    respondWith: (response) => { answer = response; },
  });
  return answer;
}

const moved = await ask("/shop.html?id=7");
assert.equal(moved.status, 301);
assert.equal(moved.headers.get("location"), "https://old.example/products?id=7");

const gone = await ask("/else");
assert.equal(gone.status, 410);
assert.equal(await gone.text(), "acme has moved. Nothing is left at /else.\n");

assert.equal((await ask("/robots.txt")).status, 200);
assert.equal((await ask("/", { method: "POST" })).headers.get("allow"), "GET, HEAD");
