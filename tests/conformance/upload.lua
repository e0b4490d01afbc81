-- Uploads: the bodies that clients send, what must be present, and the answer. Contract §5.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"
local shapes = require "tests.conformance.shapes"

local ESM, SOURCE, CLASSIC = requests.ESM, requests.SOURCE, requests.CLASSIC
local file, put, upload = requests.file, requests.put, requests.upload

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
    name = "the part of a binding by its name, even when another has it as file name",
    source = "§5.3 rule 1",
    put({ main_module = "index.js",
      bindings = { { type = "text_blob", name = "TEXT", part = "text" } } },
      { file "index.js", part("other", "text", "a module", "text/plain"),
        part("text", "a.txt", "bound", "text/plain") }),
    holds({ "index.js" }, { "text", "a module" }),
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
      { result = { entry_point = "index.js" }, messages = match.with { message = match.string } }),
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

return { answer, dialects, presence }
