// The official TypeScript SDK over all operations: node sdk.mjs PACKAGE MAJOR. Prints "ok" or "FAIL" and
// what was tried, a line each. The five operations that the SDK has no method for are made with its raw
// verbs; the bodies that 7.x encodes wrongly are first seen to be refused, then sent the way round.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const [, , packageFolder, major] = process.argv;
const require = createRequire(pathToFileURL(packageFolder + "/"));
const Cloudflare = require(packageFolder);
const { toFile } = Cloudflare;

const account_id = process.env.CLOUDFLARE_ACCOUNT_ID;
const client = new Cloudflare({ apiToken: process.env.CLOUDFLARE_API_TOKEN, maxRetries: 0 });
const namespaces = client.workersForPlatforms.dispatch.namespaces;
const { scripts } = namespaces;
const isNew = major === "7";
const NS = "shop", SCRIPT = "acme";
const root = `/accounts/${account_id}/workers/dispatch/namespaces`;

// The arguments that name a script (and something of it), as each major version wants them.
const of = (params = {}, item) =>
  isNew
    ? [item ?? SCRIPT, { account_id, dispatch_namespace: NS, ...(item && { script_name: SCRIPT }), ...params }]
    : [NS, SCRIPT, ...(item ? [item] : []), { account_id, ...params }];

const collect = async (pages) => {
  const list = [];
  for await (const item of pages) list.push(item);
  return list;
};

let failed = 0;
async function check(what, f) {
  try {
    await f();
    console.log("ok  ", what);
  } catch (error) {
    failed++;
    console.log("FAIL", what);
    console.log(error);
  }
}

// The failure of a call: its status and the first code.
async function refused(promise, status, code) {
  const error = await promise.then(() => assert.fail("nothing was refused"), (e) => e);
  assert.equal(error.status, status, error.stack);
  assert.equal(error.errors[0].code, code, error.message);
}

const source = "export default { fetch() { return new Response('hello') } };\n";
const helper = "export const name = 'ü';\n";
const ESM = { type: "application/javascript+module" };
const metadata = {
  main_module: "src/worker.mjs",
  compatibility_date: "2026-10-01",
  compatibility_flags: [],
  tags: ["plan:pro", "customer:acme"],
  bindings: [
    { type: "plain_text", name: "MODE", text: "live" },
    { type: "json", name: "LIMITS", json: { users: [1, 2], deep: { on: true } } },
    { type: "secret_text", name: "API_KEY", text: "a-secret-of-the-tests" },
  ],
  observability: { enabled: true, head_sampling_rate: 0.5 },
};

// ---- namespaces ----------------------------------------------------------------------------------

await check("create a namespace", async () => {
  const result = await namespaces.create({ account_id, name: NS });
  assert.equal(result.namespace_name, NS);
});
await check("a taken name is a conflict", () =>
  refused(namespaces.create({ account_id, name: NS }), 409, 100120));
await check("no name is refused", () => refused(namespaces.create({ account_id }), 400, 10021));
await check("list namespaces", async () => {
  const list = await collect(namespaces.list({ account_id }));
  assert.deepEqual(list.map((item) => item.namespace_name), [NS]);
});
await check("get a namespace", async () => {
  const result = await namespaces.get(NS, { account_id });
  assert.equal(result.script_count, 0);
});
await check("a missing one", () => refused(namespaces.get("none", { account_id }), 404, 100119));
await check("trust by PATCH", async () => {
  const { result } = await client.patch(`${root}/${NS}`, { body: { trusted_workers: true } });
  assert.equal(result.trusted_workers, true);
});
await check("rename by PUT, and back", async () => {
  const put = (from, to) =>
    client.put(`${root}/${from}`, { body: { name: to, trusted_workers: true } });
  const { result } = await put(NS, "other");
  assert.equal(result.namespace_name, "other");
  await put("other", NS);
});

// ---- uploads -------------------------------------------------------------------------------------

const files = async () => [
  await toFile(Buffer.from(source), "src/worker.mjs", ESM),
  await toFile(Buffer.from(helper), "src/lib/name.mjs", ESM),
];

// What 7.x needs: metadata as text, each file a field of its own name.
const wayRound = async (fields) => {
  const [worker, name] = await files();
  return { ...fields, "src/worker.mjs": worker, "src/lib/name.mjs": name };
};

await check("a script that is not there", () => refused(scripts.get(...of()), 404, 10092));
if (isNew) {
  await check("the documented upload of 7.x is refused", async () =>
    refused(scripts.update(...of({ metadata, files: await files() })), 400, 10021));
  await check("the upload of 7.x without files is refused", () =>
    refused(scripts.update(...of({ metadata })), 400, 10021));
}
const upload = async (fields = metadata) =>
  isNew
    ? scripts.update(...of(await wayRound({ metadata: JSON.stringify(fields) })),
        { headers: { "Content-Type": null } })
    : scripts.update(...of({ metadata: fields, files: await files() }));
await check("upload", async () => {
  const result = await upload();
  assert.equal(result.id, SCRIPT);
  assert.equal(typeof result.startup_time_ms, "number");
  assert.deepEqual(result.handlers, ["fetch"]);
});
await check("strict inherit", async () => {
  const bindings = [{ type: "inherit", name: "API_KEY" }, { type: "inherit", name: "NONE" }];
  const [name, ...rest] = isNew
    ? of(await wayRound({ metadata: JSON.stringify({ ...metadata, bindings }), bindings_inherit: "strict" }))
    : of({ metadata: { ...metadata, bindings }, files: await files(), bindings_inherit: "strict" });
  const options = isNew ? [{ headers: { "Content-Type": null } }] : [];
  await refused(scripts.update(name, ...rest, ...options), 400, 10057);
});
await check("details", async () => {
  const result = await scripts.get(...of());
  assert.equal(result.script.id, SCRIPT);
  assert.equal(result.dispatch_namespace, NS);
});

// The modules of a content: 6.x answers with a Response of its own, which knows no forms.
const formOf = async (response) =>
  new Response(await response.arrayBuffer(), {
    headers: { "content-type": response.headers.get("content-type") },
  }).formData();

// ---- content -------------------------------------------------------------------------------------

await check("get content", async () => {
  const response = await scripts.content.get(...of());
  assert.equal(response.headers.get("cf-entrypoint"), "src/worker.mjs");
  const form = await formOf(response);
  assert.equal(await form.get("src/worker.mjs").text(), source);
  assert.equal(await form.get("src/lib/name.mjs").text(), helper);
});
const replacement = source.replace("hello", "bye");
await check("put content", async () => {
  if (isNew) {
    const form = new FormData();
    form.set("metadata", JSON.stringify({ main_module: "worker.mjs" }));
    form.set("worker.mjs", new File([replacement], "worker.mjs", ESM));
    await client.put(`${root}/${NS}/scripts/${SCRIPT}/content`, { body: form });
  } else {
    await scripts.content.update(...of({
      metadata: { main_module: "worker.mjs" },
      files: [await toFile(Buffer.from(replacement), "worker.mjs", ESM)],
    }));
  }
  const form = await formOf(await scripts.content.get(...of()));
  assert.equal(await form.get("worker.mjs").text(), replacement);
});
if (isNew) {
  await check("the documented content of 7.x is refused", async () =>
    refused(scripts.content.update(...of({
      metadata: { main_module: "worker.mjs" },
      files: [await toFile(Buffer.from(source), "worker.mjs", ESM)],
    })), 400, 10021));
}

// ---- bindings, secrets ---------------------------------------------------------------------------

await check("bindings", async () => {
  const list = await collect(scripts.bindings.get(...of()));
  const byName = Object.fromEntries(list.map((item) => [item.name, item]));
  assert.deepEqual(byName.LIMITS.json, metadata.bindings[1].json);
  assert.equal(byName.API_KEY.text, undefined);
});
await check("put a secret", async () => {
  const result = await scripts.secrets.update(...of({ name: "TOKEN", text: "a-secret-of-the-tests", type: "secret_text" }));
  assert.equal(result.name, "TOKEN");
  assert.equal(result.text, undefined);
});
await check("put a key", async () => {
  const result = await scripts.secrets.update(...of({
    name: "SIGNING", type: "secret_key", algorithm: { name: "HMAC", hash: "SHA-256" }, format: "raw",
    usages: ["sign", "verify"], key_base64: "YS1zZWNyZXQtb2YtdGhlLXRlc3Rz",
  }));
  assert.deepEqual(result.usages, ["sign", "verify"]);
  assert.equal(result.key_base64, undefined);
});
await check("put secrets in bulk", async () => {
  const result = await scripts.secrets.bulkUpdate(...of({
    secrets: {
      ONE: { name: "ONE", text: "a-secret-of-the-tests", type: "secret_text" },
      TWO: { name: "TWO", text: "a-secret-of-the-tests", type: "secret_text" },
      SIGNING: null,
    },
  }));
  assert.ok(result);
});
await check("list secrets", async () => {
  const list = await collect(scripts.secrets.list(...of()));
  assert.deepEqual(list.map((item) => item.name), ["API_KEY", "ONE", "TOKEN", "TWO"]);
});
await check("get a secret", async () => {
  const result = await scripts.secrets.get(...of({ url_encoded: true }, "TOKEN"));
  assert.equal(result.type, "secret_text");
});
await check("delete a secret", () => scripts.secrets.delete(...of({}, "TOKEN")));
await check("a missing secret", () => refused(scripts.secrets.get(...of({}, "TOKEN")), 404, 10056));
await check("a name that is taken", () =>
  refused(scripts.secrets.update(...of({ name: "MODE", text: "x", type: "secret_text" })), 400, 10053));

// ---- settings, tags ------------------------------------------------------------------------------

await check("settings", async () => {
  const result = await scripts.settings.get(...of());
  assert.equal(result.observability.head_sampling_rate, 0.5);
  assert.equal(result.bindings.length, 5);
});
const settings = { logpush: true, tags: ["plan:free"], observability: { enabled: false } };
if (isNew) {
  await check("the documented settings of 7.x are refused", () =>
    refused(scripts.settings.edit(...of({ settings })), 400, 10021));
}
await check("edit settings", async () => {
  let result;
  if (isNew) {
    const form = new FormData();
    form.set("settings", JSON.stringify(settings));
    ({ result } = await client.patch(`${root}/${NS}/scripts/${SCRIPT}/settings`, { body: form }));
  } else {
    result = await scripts.settings.edit(...of({ settings }));
  }
  assert.equal(result.logpush, true);
  assert.deepEqual(result.tags, ["plan:free"]);
});
await check("replace tags", async () => {
  const list = await collect(scripts.tags.update(...of({ body: ["plan:pro", "customer:acme"] })));
  assert.deepEqual(list, ["plan:pro", "customer:acme"]);
});
await check("add a tag", () => client.put(`${root}/${NS}/scripts/${SCRIPT}/tags/needs%3Areview`));
await check("list tags", async () => {
  const list = await collect(scripts.tags.list(...of()));
  assert.deepEqual(list, ["plan:pro", "customer:acme", "needs:review"]);
});
await check("delete a tag", () => scripts.tags.delete(...of({}, isNew ? "needs:review" : "needs%3Areview")));
await check("list scripts by tag", async () => {
  const list = await client.get(`${root}/${NS}/scripts`, { query: { tags: "plan:pro:yes", limit: 10 } });
  assert.deepEqual(list.result.map((item) => item.id), [SCRIPT]);
});

// ---- assets --------------------------------------------------------------------------------------

await check("assets", async () => {
  const page = Buffer.from("<h1>hello</h1>\n");
  const hash = "0123456789abcdef0123456789abcdef";
  const session = await scripts.assetUpload.create(...of({
    manifest: { "/index.html": { hash, size: page.length } },
  }));
  assert.deepEqual(session.buckets, [[hash]]);
  const done = await client.workers.assets.upload.create(
    { account_id, base64: true, body: { [hash]: page.toString("base64") } },
    { headers: { Authorization: `Bearer ${session.jwt}` } },
  );
  assert.ok(done.jwt);
  const result = await upload({
    ...metadata,
    assets: { jwt: done.jwt, config: { not_found_handling: "404-page" } },
    keep_bindings: ["secret_text", "secret_key"],
  });
  assert.equal(result.has_assets, true);
});

// ---- the end -------------------------------------------------------------------------------------

await check("delete the script", () => scripts.delete(...of({ force: true })));
await check("delete it again", () => refused(scripts.delete(...of()), 404, 10007));
await check("delete scripts in bulk", async () => {
  await upload();
  const { result } = await client.delete(`${root}/${NS}/scripts`, { query: { tags: "plan:pro:yes" } });
  assert.equal(result.deleted_count, 1);
  assert.equal(result.has_more, false);
});
await check("delete the namespace", () => namespaces.delete(NS, { account_id }));
process.exit(failed === 0 ? 0 : 1);
