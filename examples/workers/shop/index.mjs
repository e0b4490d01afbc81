// A small shop, one for each tenant. The deployer binds TENANT (the shop's name) and, if it likes,
// CURRENCY (three letters); everything else is in the modules beside this one.
import { list, product, quote } from "./lib/catalogue.mjs";
import { currencies } from "./lib/money.mjs";
import { router } from "./lib/router.mjs";
import page from "./templates/page.txt";

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text) => text.replace(/[&<>"]/g, (character) => escapes[character]);

const tenant = ({ env }) => env.TENANT ?? "nobody";
const currency = ({ env, url }) => url.searchParams.get("currency") ?? env.CURRENCY ?? "EUR";

function home(context) {
  const rows = list(currency(context)).map(({ sku, title, price }) =>
    `<tr><td>${sku}<td>${escape(title)}<td>${price.text}`);
  const values = {
    shop: escape(tenant(context)),
    rows: rows.join("\n"),
    currencies: currencies().join(" "),
  };
  const html = page.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]);
  return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
}

function basket(context) {
  const items = [...context.url.searchParams].filter(([key]) => key !== "currency");
  return Response.json({ shop: tenant(context), ...quote(items, currency(context)) });
}

const route = router({
  "GET /": home,
  "GET /products/:sku": (context) => Response.json(product(context.params.sku, currency(context))),
  "GET /quote": basket,
});

export default {
  async fetch(request, env) {
    return route(request, env);
  },
};
