-- Uploads: the bodies that clients send, what must be present, and the answer. Contract §5.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"
local shapes = require "tests.conformance.shapes"

local ESM, SOURCE, CLASSIC = requests.ESM, requests.SOURCE, requests.CLASSIC
local file, put, upload = requests.file, requests.put, requests.upload

local function invalid(pointer)
  return { code = 10021, errors = { { source = pointer and { pointer = pointer } } } }
end

-- A part without a file name, or with a name of its own.
local function part(name, filename, content, content_type)
  return { name = name, filename = filename, type = content_type or ESM,
    content = content or SOURCE }
end

-- The step that uploads these parts.
local function send(parts, expect)
  return { "PUT SCR", form = parts, expect = expect }
end

-- The step that reads the modules back: {name, content} each, the entry first.
local function holds(...)
  local parts = {}
  for i, module in ipairs { ... } do
    parts[i] = { name = module[1], filename = module[1], content = module[2] or SOURCE }
  end
  return { "GET SCR/content", expect = { parts = parts } }
end

-- ---- the answer ---------------------------------------------------------------------------------

local answer = {
  operation = "PUT SCR: answer",
  {
    name = "holds every field that clients read",
    source = "§5.6",
    put({ compatibility_date = "2026-01-01" }, nil, { result = match.all(shapes.upload, {
      id = "{script}", entry_point = "index.js", handlers = { "fetch" }, has_assets = false,
      has_modules = true, compatibility_date = "2026-01-01", compatibility_flags = json.array {},
      last_deployed_from = "api", logpush = false, usage_model = "standard",
    }) }),
  },
  {
    name = "a second upload is a new deployment of the same script",
    source = "§5.6, §14",
    put(nil, nil, { result = { tag = match.save "tag", etag = match.save "etag",
      created_on = match.save "created", modified_on = match.save "modified",
      deployment_id = match.save "deployment" } }),
    put(nil, nil, { result = { tag = "{tag}", etag = "{etag}", created_on = "{created}",
      modified_on = match.other_than "modified",
      deployment_id = match.other_than "deployment" } }),
    put(nil, { file("index.js", SOURCE .. "\n") }, { result = { tag = "{tag}",
      etag = match.other_than "etag" } }),
  },
  {
    name = "the etag is that of the modules: names, types, bytes, but not source maps",
    source = "§5.6",
    put(nil, { file "index.js", file("a.txt", "a", "text/plain") },
      { result = { etag = match.save "etag" } }),
    put(nil, { file "index.js", file("a.txt", "a", "text/plain"),
      file("index.js.map", "{}", "application/source-map") }, { result = { etag = "{etag}" } }),
    put(nil, { file "index.js", file("b.txt", "a", "text/plain") },
      { result = { etag = match.other_than "etag" } }),
    put(nil, { file "index.js", file("a.txt", "a", "application/octet-stream") },
      { result = { etag = match.other_than "etag" } }),
    put(nil, { file "index.js", file("a.txt", "b", "text/plain") },
      { result = { etag = match.other_than "etag" } }),
  },
  {
    name = "a script whose handlers are not to be seen has the usual one, and is taken",
    source = "§5.6",
    live = false, -- the service runs the code
    put(nil, { file("index.js", "export { default } from './b.js'\n"),
      file("b.js", "export default {}\n") }, { result = { handlers = { "fetch" } } }),
    put(nil, { file("index.js", "const nothing = 1\n") }, { result = { handlers = { "fetch" } } }),
  },
  {
    name = "names the client that deployed",
    source = "§5.6",
    { "PUT SCR", form = upload(), headers = { ["user-agent"] = "wrangler/4.164.0" },
      expect = { result = { last_deployed_from = "wrangler" } } },
    { "PUT SCR", form = upload(), expect = { result = { last_deployed_from = "api" } } },
  },
  {
    name = "lists the handlers and the exported classes",
    source = "§5.6",
    put(nil, { file("index.js", "export class Room { async fetch() {} }\n"
      .. "export default { async fetch(r) {}, async scheduled(e) {}, queue: async () => {} }\n") },
      { result = {
        handlers = match.all(match.with "fetch", match.with "scheduled", match.with "queue"),
        named_handlers = { { name = "Room" } },
      } }),
  },
  {
    name = "the query of wrangler changes nothing",
    source = "§5.1",
    put(nil, nil, { result = shapes.upload },
      "?excludeScript=true&bindings_inherit=strict&include_subdomain_availability=true"),
  },
}

-- ---- the dialects of forms ----------------------------------------------------------------------

local MAIN = { main_module = "index.js" }
local TYPED = { name = "metadata", type = "application/json", json = MAIN }
local AS_FILE = { name = "metadata", filename = "metadata.json", type = "application/json",
  json = { main_module = "x.mjs" } }

local function flattened(name, value)
  return { name = name, content = value }
end

local dialects = {
  operation = "PUT SCR: dialects",
  {
    name = "wrangler: metadata without a type, modules whose name is their file name",
    source = "§5.3",
    put(nil, { file "index.js", file("src/b.js", "export const b = 1") }),
    holds({ "index.js" }, { "src/b.js", "export const b = 1" }),
  },
  {
    name = "curl: metadata with a type, or as a file",
    source = "§5.3, §20.4",
    send { TYPED, file "index.js" },
    send { AS_FILE, file "x.mjs" },
    holds { "x.mjs" },
  },
  {
    name = "the example application: a part `script` whose file name is the module's",
    source = "§5.3, §17.7",
    send { AS_FILE, part("script", "x.mjs") },
    holds { "x.mjs" },
  },
  {
    name = "Go: all parts are called `files`, and have no type of their own",
    source = "§5.3, §17.6",
    send { TYPED, part("files", "index.js", nil, "application/octet-stream"),
      part("files", "b.txt", "b", "application/octet-stream") },
    holds({ "index.js" }, { "b.txt", "b" }),
  },
  {
    name = "Python: parts without file names",
    source = "§5.3",
    send { TYPED, part("index.js", nil) },
    holds { "index.js" },
  },
  {
    name = "the entry is looked for among file names first, then among names",
    source = "§5.3 rule 1",
    send { { name = "metadata", json = { main_module = "b" } }, part("b", "a", "export default 1"),
      part("c", "b") },
    holds({ "b" }, { "a", "export default 1" }),
    send { { name = "metadata", json = { main_module = "script" } }, part("script", "x.mjs") },
    holds { "x.mjs" },
  },
  {
    name = "a lost folder is overlooked when one file alone can be meant",
    source = "§5.3 rule 1, §17.2a",
    send { { name = "metadata", json = { main_module = "src/lib/a.js" } },
      part("files[]", "a.js") },
    { "GET SCR/content", expect = { parts = { { content = SOURCE } } } },
  },
  {
    name = "but not when there are two",
    source = "§5.3 rule 1",
    send({ { name = "metadata", json = { main_module = "src/lib/a.js" } },
      part("files[]", "a.js"), part("x/a.js", "a.js") }, { code = 10021 }),
  },
  {
    name = "a name that ends in the file name is the module's",
    source = "§5.3 rule 2",
    send { { name = "metadata", json = { main_module = "src/a.js" } }, part("src/a.js", "a.js") },
    holds { "src/a.js" },
  },
  {
    name = "metadata may come last",
    source = "§5.3 rule 3",
    send { file "index.js", requests.metadata(MAIN) },
  },
  {
    name = "parts that nothing names are modules",
    source = "§5.3 rule 5",
    put(nil, { file "index.js", file("logo.bin", "\1\2\3", "application/octet-stream") }),
    holds({ "index.js" }, { "logo.bin", "\1\2\3" }),
  },
  {
    name = "no two modules of one name",
    source = "§5.3 rule 5",
    put(nil, { file "index.js", file("a.js", "1"), file("a.js", "2") }, { code = 10021 }),
  },
  {
    name = "a part that a binding names is found by its name first, and is no module",
    source = "§5.3 rules 1 and 2",
    put({ body_part = "worker.js",
      bindings = { { type = "wasm_module", name = "MONEY", part = "money" } } },
      { file("worker.js", CLASSIC, "application/javascript"),
        part("money", "lib/money.wasm", "\0asm\1\0\0\0", "application/wasm") }),
    { "GET SCR/content", expect = { body = CLASSIC } },
    requests.get("SCR/bindings", { { type = "wasm_module", name = "MONEY" } }),
  },
  {
    name = "boundaries in quotes, and further parameters",
    source = "§17.10",
    { "PUT SCR", form = upload(),
      type = 'multipart/form-data; charset=utf-8; boundary="----conformance-9f2c41d07ab3"' },
  },
  {
    name = "flattened metadata is refused",
    source = "§5.2",
    send({ flattened("metadata[main_module]", "index.js"), part("files[]", "index.js") },
      { code = 10021 }),
    send({ flattened("metadata[bindings][][type]", "plain_text"), part("files[]", "index.js") },
      { code = 10021 }),
  },
  {
    name = "a form that is called JavaScript is refused in the words of the service",
    source = "§5.2",
    {
      "PUT SCR",
      form = upload(), type = "application/javascript",
      expect = { code = 10021, errors = { { message = "Uncaught SyntaxError: Invalid left-hand "
        .. "side expression in prefix operation at worker.js:1:4" } } },
    },
    { "PUT SCR", body = '{"metadata":{"main_module":"index.js"}}', type = "application/javascript",
      expect = { code = 10021 } },
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "a bare source is a service worker",
    source = "§5.2",
    { "PUT SCR", body = CLASSIC, type = "application/javascript",
      expect = { result = shapes.upload } },
    { "GET SCR/content", expect = { body = CLASSIC } },
    { "PUT SCR", body = CLASSIC, type = "text/javascript; charset=utf-8" },
  },
}

-- ---- what must be there -------------------------------------------------------------------------

local presence = {
  operation = "PUT SCR: presence",
  {
    name = "a service worker by body_part",
    source = "§5.5",
    put({ body_part = "worker.js" }, { file("worker.js", CLASSIC, "application/javascript") },
      { result = { has_modules = match.boolean } }),
    { "GET SCR/content", expect = { body = CLASSIC } },
  },
  {
    name = "metadata alone keeps the code of a script that is there",
    source = "§5.5, §14",
    needs = "script",
    { "GET SCR", expect = { result = { script = { etag = match.save "etag" } } } },
    put({ tags = { "a" } }, {}, { result = { etag = "{etag}", tags = { "a" } } }),
    holds { "index.js" },
  },
  {
    name = "metadata alone makes no script",
    source = "§5.5",
    put({}, {}, { code = 10021 }),
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "a main module that is not among the parts",
    source = "§5.5",
    put({ main_module = "x.js" }, nil,
      { code = 10021, errors = { { message = 'No such module "x.js".' } } }),
    put({ body_part = "x.js" }, nil, { code = 10021 }),
  },
  {
    name = "main_module wins over body_part",
    source = "§5.5",
    put({ main_module = "index.js", body_part = "other.js" },
      { file "index.js", file("other.js", CLASSIC, "application/javascript") },
      { result = { entry_point = "index.js" } }),
    holds({ "index.js" }, { "other.js", CLASSIC }),
  },
  {
    name = "a form without metadata",
    source = "§5.5",
    send({ file "index.js" }, { code = 10021 }),
  },
  {
    name = "modules by the metadata, not by their type, with a word about it",
    source = "§5.4",
    put(nil, { file("index.js", SOURCE, "application/javascript") },
      { messages = match.with { message = match.string } }),
    { "GET SCR/content", expect = { headers = { ["cf-entrypoint"] = "index.js" },
      parts = { { type = "application/javascript" } } } },
  },
  {
    name = "every kind of module",
    source = "§5.4",
    put(nil, {
      file "index.js", file("a.js", "export {}", "text/javascript+module"),
      file("b.cjs", "module.exports = {}", "application/javascript"),
      file("c.wasm", "\0asm\1\0\0\0", "application/wasm"), file("d.txt", "d", "text/plain"),
      file("e.bin", "\0\xFF\r\n--", "application/octet-stream"),
      file("f.py", "pass", "text/x-python"), file("g", "g==1", "text/x-python-requirement"),
    }),
    { "GET SCR/content", expect = { parts = {
      { name = "index.js", type = ESM },
      { type = match.string }, { type = match.string }, { type = match.string },
      { type = match.string }, { type = match.string }, { type = match.string },
      { type = match.string },
    } } },
  },
}

-- ---- refusals -----------------------------------------------------------------------------------

local function long_source(bytes)
  return "export default { fetch() {} }\n//" .. ("x"):rep(bytes)
end

local refusals = {
  operation = "PUT SCR: refusals",
  {
    name = "a name of 255 bytes, and a longer one",
    source = "§1.11",
    live = false, -- the limit is the emulator's
    { "PUT NS/scripts/" .. ("x"):rep(255), form = upload() },
    { "PUT NS/scripts/" .. ("x"):rep(256), form = upload(), expect = { code = 10016 } },
  },
  {
    name = "metadata that is not JSON",
    source = "§1.6",
    send({ { name = "metadata", content = "{" }, file "index.js" }, { code = 10026 }),
    send({ { name = "metadata", content = "" }, file "index.js" }, { code = 10026 }),
  },
  {
    name = "a form that is broken",
    source = "§1.6",
    { "PUT SCR", body = "x", type = "multipart/form-data; boundary=b", expect = { code = 10026 } },
    { "PUT SCR", body = "x", type = "multipart/form-data", expect = { code = 10026 } },
    { "PUT SCR", body = '--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}',
      type = "multipart/form-data; boundary=b", expect = { code = 10026 } },
  },
  {
    name = "another type of content",
    source = "§1.6",
    { "PUT SCR", body = "{}", type = "application/json", expect = { code = 10001 } },
    { "PUT SCR", body = SOURCE, type = "text/plain", expect = { code = 10001 } },
  },
  {
    name = "an empty main module has no handlers",
    source = "§5.6",
    put(nil, { file("index.js", "") }, { code = 10068,
      errors = { { message = "The uploaded script has no registered event handlers." } } }),
  },
  {
    name = "a Worker over the size limit",
    source = "§1.6, §1.11",
    live = false, -- sends 65 MiB
    put(nil, { { name = "index.js", filename = "index.js", type = ESM, exact = true,
      content = long_source(65 * 1024 * 1024) } }, { code = 10027 }),
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "metadata of the wrong type",
    source = "§1.5, §12.1",
    put({ bindings = "none" }, nil, invalid "/bindings"),
    put({ bindings = { "none" } }, nil, invalid "/bindings/0"),
    put({ compatibility_date = 20260101 }, nil, invalid "/compatibility_date"),
    put({ compatibility_date = "yesterday" }, nil, invalid "/compatibility_date"),
    put({ compatibility_flags = "nodejs_compat" }, nil, invalid "/compatibility_flags"),
    put({ keep_bindings = true }, nil, invalid "/keep_bindings"),
    put({ limits = { cpu_ms = "many" } }, nil, invalid "/limits/cpu_ms"),
    put({ logpush = "yes" }, nil, invalid "/logpush"),
    put({ main_module = 5 }, nil, invalid "/main_module"),
    put({ migrations = "v1" }, nil, invalid "/migrations"),
    put({ observability = true }, nil, invalid "/observability"),
    put({ observability = { enabled = "yes" } }, nil, invalid "/observability/enabled"),
    put({ placement = "smart" }, nil, invalid "/placement"),
    put({ tags = "a" }, nil, invalid "/tags"),
    put({ tags = { 5 } }, nil, invalid "/tags/0"),
    put({ tail_consumers = "x" }, nil, invalid "/tail_consumers"),
    put({ usage_model = "free" }, nil, invalid "/usage_model"),
    put({ assets = "x" }, nil, invalid "/assets"),
    put({ keep_assets = "x" }, nil, invalid "/keep_assets"),
    put({ exports = "x" }, nil, invalid "/exports"),
    put({ cache_options = { enabled = "x" } }, nil, invalid "/cache_options/enabled"),
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "what is refused leaves the script as it was",
    source = "§1.6",
    needs = { script = { tags = { "a" } } },
    { "GET SCR", expect = { result = { script = match.save "script_before" } } },
    put({ tags = { "b" }, logpush = "yes" }, { file("new.js", SOURCE) }, { code = 10021 }),
    put({ tags = { "b" }, main_module = "x.js" }, { file("new.js", SOURCE) }, { code = 10021 }),
    { "GET SCR", expect = { result = { script = "{script_before}" } } },
    holds { "index.js" },
  },
  {
    name = "tags: too many, too large, with what a filter could not say",
    source = "§10",
    put({ tags = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11" } }, nil,
      { code = 10021, status = 403, errors = { { message =
        "You have exceeded the limit of 10 tags per Worker. Remove a tag to add another." } } }),
    put({ tags = { ("x"):rep(1025) } }, nil,
      { code = 10021, errors = { { message = "Tag is too large" } } }),
    put({ tags = { "a,b" } }, nil, { code = 10021 }),
    put({ tags = { "" } }, nil, { code = 10021 }),
  },
}

return { answer, dialects, presence, refusals }
