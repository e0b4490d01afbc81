// Money in whole numbers. The arithmetic is WebAssembly, because a price times a rate outgrows 32
// bits before it is divided again; wasm/money.wasm was assembled from this text:
//
//   (module
//     (func (export "add") (param i32 i32) (result i32)
//       local.get 0  local.get 1  i32.add)
//     (func (export "times") (param i32 i32) (result i32)
//       local.get 0  local.get 1  i32.mul)
//     ;; amount * rate / divisor, rounded to the nearest
//     (func (export "convert") (param $amount i32) (param $rate i32) (param $divisor i32)
//       (result i32)
//       local.get $amount  i64.extend_i32_u  local.get $rate  i64.extend_i32_u  i64.mul
//       local.get $divisor  i32.const 1  i32.shr_u  i64.extend_i32_u  i64.add
//       local.get $divisor  i64.extend_i32_u  i64.div_u  i32.wrap_i64))
//
// data/rates.bin starts with eight bytes that a careless copy would damage, then has eight for each
// currency: three letters, the number of its decimals, millionths of it for one euro (32 bits,
// little endian).
import wasm from "../wasm/money.wasm";
import bytes from "../data/rates.bin";

const SIGNATURE = "\x89RAT\r\n\x1a\n";
const MILLION = 1_000_000;

const { add, times, convert: scale } = new WebAssembly.Instance(wasm).exports;
const ascii = (from, length) => String.fromCharCode(...new Uint8Array(bytes, from, length));
const rates = readRates();

function readRates() {
  if (ascii(0, SIGNATURE.length) !== SIGNATURE) throw new Error("data/rates.bin is damaged");
  const view = new DataView(bytes);
  const table = new Map();
  for (let at = SIGNATURE.length; at < bytes.byteLength; at += 8) {
    const row = { decimals: view.getUint8(at + 3), rate: view.getUint32(at + 4, true) };
    table.set(ascii(at, 3), row);
  }
  return table;
}

export { times };
export const sum = (amounts) => amounts.reduce((left, right) => add(left, right), 0);
export const currencies = () => [...rates.keys()];

// Euro cents in the smallest unit of another currency; undefined when its rate is not known.
export function convert(cents, currency) {
  const found = rates.get(currency);
  return found && scale(cents, found.rate, MILLION * 10 ** (2 - found.decimals));
}

export function format(amount, currency) {
  const { decimals } = rates.get(currency);
  return `${(amount / 10 ** decimals).toFixed(decimals)} ${currency}`;
}
