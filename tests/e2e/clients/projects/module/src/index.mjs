import { greet } from "./greet.mjs";
import page from "./page.txt";
import table from "./table.bin";
import add from "./add.wasm";

export default {
  async fetch(request, env) {
    const { exports } = await WebAssembly.instantiate(add);
    return new Response(greet(env.WORDS) + page + table.byteLength + exports.add(1, 2));
  },
  async scheduled() {},
};
