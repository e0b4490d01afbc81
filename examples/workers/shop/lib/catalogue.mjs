// What is for sale, in euro cents, and what a basket costs.
import { convert, format, sum, times } from "./money.mjs";

const products = new Map([
  ["tea", { title: "Tea, black & strong", cents: 480 }],
  ["cup", { title: "Cup, blue", cents: 1250 }],
  ["pot", { title: "Pot for 1 litre", cents: 3900 }],
]);

const refuse = (status, message) => Object.assign(new Error(message), { status });

function price(cents, currency) {
  const amount = convert(cents, currency);
  if (amount === undefined) throw refuse(400, `no rate for '${currency}'`);
  return { amount, currency, text: format(amount, currency) };
}

export function product(sku, currency) {
  const found = products.get(sku);
  if (!found) throw refuse(404, `no product '${sku}'`);
  return { sku, title: found.title, price: price(found.cents, currency) };
}

export const list = (currency) => [...products.keys()].map((sku) => product(sku, currency));

// basket: pairs of a product and how many of it.
export function quote(basket, currency) {
  const lines = basket.map(([sku, text]) => {
    const { title } = product(sku, currency);
    const quantity = Number(text);
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > 1000) {
      throw refuse(400, `${sku}: a whole number from 1 to 1000, not '${text}'`);
    }
    return { sku, title, quantity, cents: times(products.get(sku).cents, quantity) };
  });
  return { lines, total: price(sum(lines.map(({ cents }) => cents)), currency) };
}
