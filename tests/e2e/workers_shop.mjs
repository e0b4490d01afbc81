// Loads the shop as workerd would (text, data and WebAssembly modules) and asks it for its pages.
import assert from "node:assert/strict";
import { register } from "node:module";

const hooks = `
import { readFile } from "node:fs/promises";
const bytes = "Uint8Array.from(atob('BASE64'), (c) => c.charCodeAt(0))";
const kinds = {
  ".txt": "export default new TextDecoder().decode(" + bytes + ");",
  ".bin": "export default " + bytes + ".buffer;",
  ".wasm": "export default new WebAssembly.Module(" + bytes + ");",
};
export async function load(url, context, next) {
  const kind = kinds[/\\.\\w+$/.exec(url)?.[0]];
  if (!kind) return next(url, context);
  const base64 = (await readFile(new URL(url))).toString("base64");
  return { format: "module", shortCircuit: true, source: kind.replace("BASE64", base64) };
}`;
register("data:text/javascript," + encodeURIComponent(hooks));

const { default: shop } = await import("../../examples/workers/shop/index.mjs");
const env = { TENANT: "acme <&>" };
const ask = (target, init, bindings = env) =>
  shop.fetch(new Request("https://shop.example" + target, init), bindings);

const home = await ask("/?currency=JPY");
const html = await home.text();
assert.equal(home.status, 200);
assert.match(home.headers.get("content-type"), /^text\/html/);
assert.match(html, /<h1>acme &lt;&amp;&gt;<\/h1>/);
assert.match(html, /785 JPY/);
assert.doesNotMatch(html, /\{\{/);

const quote = await (await ask("/quote?tea=1000&cup=1&currency=SEK")).json();
assert.equal(quote.shop, "acme <&>");
assert.deepEqual(quote.total, { amount: 5479994, currency: "SEK", text: "54799.94 SEK" });
assert.deepEqual(quote.lines.map(({ cents }) => cents), [480000, 1250]);

const tea = await (await ask("/products/tea", {}, { CURRENCY: "USD" })).json();
assert.equal(tea.price.text, "5.21 USD");

const refusals = { "/products/x": 404, "/no": 404, "/quote?tea=0": 400, "/?currency=AAA": 400 };
for (const [target, status] of Object.entries(refusals)) {
  const answer = await ask(target);
  assert.equal(answer.status, status, target);
  assert.equal(typeof (await answer.json()).error, "string");
}
assert.equal((await ask("/", { method: "POST" })).status, 405);
