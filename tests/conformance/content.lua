-- The code of a script alone, in and out: contract §8.

local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"
local shapes = require "tests.conformance.shapes"

local ESM, SOURCE, CLASSIC = requests.ESM, requests.SOURCE, requests.CLASSIC
local file, get, put = requests.file, requests.get, requests.put
local OTHER = "export default { fetch() { return new Response('other') } }\n"

-- ---- out ----------------------------------------------------------------------------------------

local read = {
  operation = "GET SCR/content",
  {
    name = "modules: a form with the entry first, named in a header",
    source = "§8.2",
    put({ main_module = "main.mjs" }, { file("a.txt", "text\r\n--", "text/plain"),
      file "main.mjs", file("lib/b.wasm", "\0asm", "application/wasm"),
      file("main.mjs.map", "{}", "application/source-map") },
      { result = { etag = match.save "etag" } }),
    { "GET SCR/content", headers = { accept = "string" }, expect = {
      headers = {
        ["content-type"] = match.pattern "^multipart/form%-data; ?boundary=",
        ["cf-entrypoint"] = "main.mjs", etag = '"{etag}"',
      },
      parts = {
        { name = "main.mjs", filename = "main.mjs", type = ESM, content = SOURCE },
        { name = "a.txt", filename = "a.txt", type = "text/plain", content = "text\r\n--" },
        { name = "lib/b.wasm", filename = "lib/b.wasm", type = "application/wasm",
          content = "\0asm" },
      },
    } },
  },
  {
    name = "a service worker: its bare source",
    source = "§8.2",
    put({ body_part = "w.js" }, { file("w.js", CLASSIC, "application/javascript") },
      { result = { etag = match.save "etag" } }),
    { "GET SCR/content", expect = { body = CLASSIC, headers = {
      ["content-type"] = match.pattern "^application/javascript", etag = '"{etag}"',
      ["cf-entrypoint"] = match.absent,
    } } },
  },
  {
    name = "nothing new, when the client knows it",
    source = "§8.2",
    needs = "script",
    { "GET SCR/content", expect = { body = match.string,
      headers = { etag = match.save "etag" } } },
    { "GET SCR/content", headers = { ["if-none-match"] = "{etag}" },
      expect = { status = 304, body = "", headers = { etag = "{etag}" } } },
    { "GET SCR/content", headers = { ["if-none-match"] = '"another", {etag}' },
      expect = { status = 304, body = "" } },
    { "GET SCR/content", headers = { ["if-none-match"] = '"another"' },
      expect = { parts = { { content = SOURCE } } } },
  },
}

-- ---- in -----------------------------------------------------------------------------------------

-- The step that replaces the content with parts of a form.
local function replace(parts, expect, headers)
  return { "PUT SCR/content", form = parts, headers = headers, expect = expect }
end

local function holds(name, content)
  return { "GET SCR/content", expect = { parts = { { name = name, content = content } } } }
end

local KEPT = {
  bindings = { { type = "plain_text", name = "A", text = "a" },
    { type = "secret_text", name = "B", text = "b" } },
  tags = { "a" }, logpush = true, compatibility_date = "2026-01-01",
  observability = { enabled = true },
}

local STILL_THERE = {
  bindings = { { type = "plain_text", name = "A", text = "a" },
    { type = "secret_text", name = "B" } },
  tags = { "a" }, logpush = true, compatibility_date = "2026-01-01",
  observability = { enabled = true },
}

local write = {
  operation = "PUT SCR/content",
  {
    name = "replaces the code and nothing else",
    source = "§8.1, §14",
    needs = { script = KEPT },
    { "GET SCR", expect = { result = { script = { tag = match.save "tag",
      etag = match.save "etag", created_on = match.save "created",
      modified_on = match.save "modified" } } } },
    replace(requests.upload(nil, { file("new.js", OTHER) }), { result = match.all(shapes.script, {
      id = "{script}", tag = "{tag}", etag = match.other_than "etag", created_on = "{created}",
      modified_on = match.other_than "modified",
    }) }),
    holds("new.js", OTHER),
    get("SCR/settings", STILL_THERE),
  },
  {
    name = "the entry by a header, which wins over metadata",
    source = "§8.1",
    needs = "script",
    replace({ file("a.js", OTHER) }, nil, { ["cf-worker-main-module-part"] = "a.js" }),
    { "GET SCR/content", expect = { headers = { ["cf-entrypoint"] = "a.js" },
      parts = { { content = OTHER } } } },
    replace({ file("w.js", CLASSIC, "application/javascript") }, nil,
      { ["cf-worker-body-part"] = "w.js" }),
    { "GET SCR/content", expect = { body = CLASSIC } },
    replace(requests.upload({ main_module = "b.js" }, { file("a.js", OTHER), file "b.js" }), nil,
      { ["cf-worker-main-module-part"] = "a.js" }),
    { "GET SCR/content", expect = { headers = { ["cf-entrypoint"] = "a.js" },
      parts = { { name = "a.js" }, { name = "b.js" } } } },
    replace({ { name = "part", filename = "file.js", type = ESM, content = OTHER } }, nil,
      { ["cf-worker-main-module-part"] = "part" }),
    holds("file.js", OTHER),
  },
  {
    name = "a service worker by metadata, and by its bare source",
    source = "§8.1",
    needs = "script",
    replace(requests.upload({ body_part = "w.js" },
      { file("w.js", CLASSIC, "application/javascript") })),
    { "GET SCR/content", expect = { body = CLASSIC } },
    { "PUT SCR/content", body = CLASSIC .. "//", type = "application/javascript",
      expect = { result = shapes.script } },
    { "GET SCR/content", expect = { body = CLASSIC .. "//" } },
    { "PUT SCR/content", body = CLASSIC, type = "text/javascript" },
  },
  {
    name = "the same code is a normal write with the same etag",
    source = "§20.5, UNKNOWN-11",
    needs = "script",
    { "GET SCR/content", expect = { body = match.string,
      headers = { etag = match.save "quoted" } } },
    { "GET SCR", expect = { result = { script = { etag = match.save "etag" } } } },
    replace(requests.upload(), { result = { etag = "{etag}" } },
      { ["if-none-match"] = "{quoted}" }),
  },
  {
    name = "the dialects of uploads",
    source = "§8.1, §5.3",
    needs = "script",
    replace { { name = "metadata", filename = "metadata.json", type = "application/json",
      json = { main_module = "x.mjs" } },
      { name = "script", filename = "x.mjs", type = ESM, content = OTHER } },
    holds("x.mjs", OTHER),
    replace({ { name = "metadata[main_module]", content = "a.js" }, file "a.js" },
      { code = 10021 }),
    replace({ { name = "metadata[main_module]", content = "a.js" }, file("a.js", OTHER) }, nil,
      { ["cf-worker-main-module-part"] = "a.js" }),
    { "PUT SCR/content", form = requests.upload(), type = "application/javascript",
      expect = { code = 10021 } },
  },
  {
    name = "an entry that is not there, or that nothing names",
    source = "§5.5",
    needs = "script",
    replace(requests.upload { main_module = "x.js" }, { code = 10021 }),
    replace({ file "index.js" }, { code = 10021 }),
    replace({ file "index.js" }, { code = 10021 }, { ["cf-worker-main-module-part"] = "x.js" }),
    holds("index.js", SOURCE),
  },
  {
    name = "bodies that are broken, or of another type",
    source = "§1.6",
    needs = "script",
    { "PUT SCR/content", body = "x", type = "multipart/form-data; boundary=b",
      expect = { code = 10026 } },
    replace({ { name = "metadata", content = "{" }, file "index.js" }, { code = 10026 }),
    { "PUT SCR/content", body = "{}", type = "application/json", expect = { code = 10001 } },
  },
  {
    name = "no handlers",
    source = "§8.1",
    needs = "script",
    replace(requests.upload(nil, { file("index.js", "") }), { code = 10068 }),
  },
  {
    name = "over the size limit",
    source = "§1.6, §1.11",
    live = false, -- sends 65 MiB
    needs = "script",
    replace({ requests.metadata { main_module = "index.js" },
      { name = "index.js", filename = "index.js", type = ESM, exact = true,
        content = SOURCE .. "//" .. ("x"):rep(65 * 1024 * 1024) } }, { code = 10027 }),
    holds("index.js", SOURCE),
  },
}

return { read, write }
