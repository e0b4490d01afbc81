// The loop of fleet_uploads.lua with the official SDK, in the way its 7.x needs:
//
//   node sdk_uploads.mjs PACKAGE COUNT
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , packageFolder, count] = process.argv;
const require = createRequire(pathToFileURL(packageFolder + "/"));
const Cloudflare = require(packageFolder);
const { toFile } = Cloudflare;

const account_id = process.env.CLOUDFLARE_ACCOUNT_ID;
const client = new Cloudflare({ apiToken: process.env.CLOUDFLARE_API_TOKEN });
const { scripts } = client.workersForPlatforms.dispatch.namespaces;
const source = `export default { fetch() { return new Response() } }\n// ${"x".repeat(1990)}`;

async function upload(i) {
  const metadata = {
    main_module: "worker.mjs", compatibility_date: "2026-10-01", tags: [`customer:${i}`],
    bindings: [{ type: "plain_text", name: "CUSTOMER", text: `customer-${i}` }],
  };
  const worker = await toFile(Buffer.from(source), "worker.mjs", { type: "application/javascript+module" });
  await scripts.update(`script-${String(i).padStart(5, "0")}`,
    { account_id, dispatch_namespace: "bench", metadata: JSON.stringify(metadata), "worker.mjs": worker },
    { headers: { "Content-Type": null } });
}

let next = 1;
const work = async () => { while (next <= count) await upload(next++); };
await Promise.all(Array.from({ length: 16 }, work));
