-- moonherd.read_wrangler: a wrangler project as a table for script:upload.
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local jsonc = require "moonherd.wrangler.jsonc"
local moonherd = require "moonherd"

describe("JSON with comments", function ()
  for text, value in pairs {
    ['{"a": 1, // one\n "b": [1, 2, ], /* two\n */ }'] = { a = 1, b = { 1, 2 } },
    ['{"url": "http://x/*y*/", "c": "a,]"}'] = { url = "http://x/*y*/", c = "a,]" },
    ['{"q": "\\"// no", }'] = { q = '"// no' },
    ["\xEF\xBB\xBF{}"] = {}, ["// only\n{}"] = {}, ['{"n": null}'] = {},
  } do
    it("is read: " .. text:gsub("\n", " "), function ()
      local got = jsonc.decode(text, "x")
      for k, v in pairs(value) do
        assert.same(v, type(v) == "table" and { table.unpack(got[k]) } or got[k])
      end
    end)
  end

  it("says where it is wrong, comments counted", function ()
    local _, err = moonherd.try(jsonc.decode, "{\n // one\n /* two */ \"a\" 1\n}", "x.jsonc")
    assert.equal("bad_json", err.reason)
    assert(err.message:find("x.jsonc", 1, true))
    assert.equal(3, math.tointeger(err.message:match "line (%d+)"))
  end)

  for _, text in ipairs { "", "{", "[1,,2]", "{,}", '{"a": 1} x', '"', "/*" } do
    it("is not: " .. text, function ()
      assert.is_nil((moonherd.try(jsonc.decode, text, "x")))
    end)
  end
end)

describe("read_wrangler", function ()
  local folder

  before_each(function ()
    folder = "/tmp/moonherd-wrangler-" .. hash.hex(hash.random(6))
    fs.mkdir(folder .. "/dist/lib", nil, true)
    fs.write(folder .. "/dist/index.js", "export default {}")
    fs.write(folder .. "/dist/index.js.map", "{}")
    fs.write(folder .. "/dist/README.md", "built")
    fs.write(folder .. "/dist/lib/a.txt", "text")
    fs.write(folder .. "/worker.mjs", "export default {}")
  end)
  after_each(function ()
    for entry in fs.walk(folder) do
      if entry.type == "file" then fs.remove(entry.path) end
    end
    for _, path in ipairs { "/dist/lib", "/dist", "/public", "" } do
      pcall(fs.remove, folder .. path)
    end
  end)

  local function read(config, opts)
    fs.write(folder .. "/wrangler.jsonc", config)
    opts = opts or {}
    opts.warn = false
    return moonherd.read_wrangler(folder .. "/wrangler.jsonc", opts)
  end

  it("takes the settings that uploads have", function ()
    local upload, project = read [[{
      "name": "shop", "account_id": "abc", "main": "worker.mjs",
      "compatibility_date": "2026-10-01", "compatibility_flags": ["nodejs_compat"],
      "observability": { "enabled": true }, "limits": { "cpu_ms": 50 }, "logpush": true,
      "placement": { "mode": "smart" }, "minify": true,
    }]]
    assert.same({ "shop", "abc", 0 }, { project.name, project.account_id, #project.unmapped })
    assert.equal("2026-10-01", upload.compatibility_date)
    assert.equal(50, upload.limits.cpu_ms)
    assert.is_true(upload.observability.enabled)
    assert.equal(fs.realpath(folder) .. "/worker.mjs", upload.file)
    assert.is_nil(upload.keep_bindings)
  end)

  it("takes bindings of every kind", function ()
    local upload, project = read [[{ "name": "shop", "main": "worker.mjs",
      "vars": { "PLAN": "pro", "LIMITS": { "n": 1 } },
      "kv_namespaces": [{ "binding": "KV", "id": "k1", "preview_id": "p" }],
      "r2_buckets": [{ "binding": "R2", "bucket_name": "b" }],
      "d1_databases": [{ "binding": "DB", "database_name": "n", "database_id": "d1" }],
      "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
      "queues": { "producers": [{ "binding": "Q", "queue": "jobs" }] },
      "services": [{ "binding": "AUTH", "service": "auth", "entrypoint": "E" }],
      "dispatch_namespaces": [{ "binding": "D", "namespace": "prod",
        "outbound": { "service": "out", "parameters": ["tenant"] } }],
      "workflows": [{ "binding": "W", "name": "flow", "class_name": "Flow" }],
      "ai": { "binding": "AI" }, "version_metadata": { "binding": "V" },
    }]]
    assert.same({}, project.unmapped)
    local b = upload.bindings
    assert.equal("pro", b.PLAN)
    assert.same({ type = "json", json = b.LIMITS.json }, b.LIMITS)
    for name, binding in pairs {
      KV = { type = "kv_namespace", namespace_id = "k1" },
      R2 = { type = "r2_bucket", bucket_name = "b" }, DB = { type = "d1", id = "d1" },
      ROOM = { type = "durable_object_namespace", class_name = "Room" },
      Q = { type = "queue", queue_name = "jobs" },
      AUTH = { type = "service", service = "auth", entrypoint = "E" },
      W = { type = "workflow", workflow_name = "flow", class_name = "Flow" },
      AI = { type = "ai" }, V = { type = "version_metadata" },
      D = { type = "dispatch_namespace", namespace = "prod",
        outbound = { worker = { service = "out" }, params = { { name = "tenant" } } } },
    } do
      assert.same(binding, b[name])
    end
  end)

  it("names what cannot be mapped, and why", function ()
    local _, project = read [[{ "name": "a", "main": "worker.mjs", "workers_dev": true,
      "routes": ["x.example/*"], "triggers": { "crons": ["* * * * *"] }, "newer_than_us": {},
      "migrations": [{ "tag": "v1" }], "queues": { "consumers": [{ "queue": "q" }] },
      "kv_namespaces": [{ "id": "k" }], "services": [
        { "binding": "S", "service": "s", "odd": 1 }] }]]
    local found = {}
    for i, entry in ipairs(project.unmapped) do
      found[i] = entry.path
      assert(#entry.why > 0)
    end
    assert.same({ "kv_namespaces[0]", "migrations", "newer_than_us", "queues.consumers", "routes",
      "services[0].odd", "triggers", "workers_dev" }, found)
  end)

  it("applies an environment as wrangler does", function ()
    local config = [[{ "name": "shop", "main": "worker.mjs", "compatibility_date": "2026-10-01",
      "logpush": true, "vars": { "A": "top", "B": "top" },
      "env": { "staging": { "vars": { "A": "staging" }, "logpush": false },
               "live": { "name": "store" } } }]]
    local upload, project = read(config, { env = "staging" })
    assert.same({ A = "staging" }, upload.bindings) -- variables are not taken over
    assert.same({ "shop-staging", false, "2026-10-01" },
      { project.name, upload.logpush, upload.compatibility_date })
    assert.equal("store", select(2, read(config, { env = "live" })).name)
    assert.equal("top", read(config).bindings.B)
    local _, err = moonherd.try(read, config, { env = "stagin" })
    assert(err.message:find("did you mean 'staging'", 1, true))
  end)

  it("takes what wrangler has built", function ()
    local upload = read('{ "main": "src/index.ts" }', { outdir = folder .. "/dist/" })
    assert.equal("index.js", upload.main_module)
    assert.same({ ["index.js"] = "export default {}", ["lib/a.txt"] = "text" }, upload.modules)
  end)

  it("says what is not built", function ()
    local _, err = moonherd.try(read, '{ "main": "src/index.ts" }')
    assert(err.hint:find("--outdir", 1, true))
    _, err = moonherd.try(read, '{ "main": "src/other.ts" }', { outdir = folder .. "/dist/lib" })
    assert(err.message:find("src/other.ts", 1, true))
  end)

  it("takes assets and keeps variables when told to", function ()
    local upload = read [[{ "assets": { "directory": "public", "binding": "ASSETS",
      "not_found_handling": "404-page" }, "keep_vars": true }]]
    assert.equal(fs.realpath(folder) .. "/public", upload.assets.dir)
    assert.equal("404-page", upload.assets.not_found_handling)
    assert.same({ type = "assets" }, upload.bindings.ASSETS)
    assert.equal("plain_text", upload.keep_bindings[1])
  end)

  it("refuses TOML, and says what to do", function ()
    fs.write(folder .. "/wrangler.toml", "name = 'a'")
    local _, err = moonherd.try(moonherd.read_wrangler, folder .. "/wrangler.toml")
    assert.equal("usage", err.kind)
    assert(err.hint:find("wrangler.jsonc", 1, true))
  end)

  it("refuses what is no configuration", function ()
    for _, text in ipairs { "[]", "1", "{" } do
      local _, err = moonherd.try(read, text)
      assert.equal("usage", err.kind, text)
    end
    local _, err = moonherd.try(moonherd.read_wrangler, folder .. "/nothing.jsonc")
    assert.equal("not_found", err.reason)
    _, err = moonherd.try(read, "{}", { enviroment = "a" })
    assert.equal("usage", err.kind)
  end)

end)

describe("read_wrangler", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends
  local client

  setup(function ()
    local name = os.tmpname()
    os.remove(name)
    local state = (os.getenv "B" or "build") .. "/tests" .. name
    client = moonherd.connect { target = "local", state = state }
  end)

  it("makes what the platform takes", function ()
    local folder = "/tmp/moonherd-wrangler-" .. hash.hex(hash.random(6))
    fs.mkdir(folder .. "/dist", nil, true)
    fs.write(folder .. "/dist/index.js", "export default {}")
    fs.mkdir(folder .. "/public")
    fs.write(folder .. "/public/index.html", "<h1>hi</h1>")
    fs.write(folder .. "/wrangler.jsonc", [[{ "name": "shop", "main": "src/index.ts",
      "compatibility_date": "2026-10-01", "vars": { "PLAN": "pro" },
      "kv_namespaces": [{ "binding": "KV", "id": "k1" }],
      "d1_databases": [{ "binding": "DB", "database_id": "d1" }],
      "services": [{ "binding": "AUTH", "service": "auth" }],
      "assets": { "directory": "./public", "binding": "ASSETS" } }]])
    local upload = moonherd.read_wrangler(folder .. "/wrangler.jsonc",
      { outdir = folder .. "/dist" })
    local ns = client:ensure_namespace "wrangler"
    ns:script "shop":upload(upload)
    local types = {}
    for _, binding in ipairs(ns:script "shop":bindings()) do types[binding.name] = binding.type end
    assert.same({ PLAN = "plain_text", KV = "kv_namespace", DB = "d1", AUTH = "service",
      ASSETS = "assets" }, types)
    assert.equal("index.js", ns:script "shop":content().main_module)
  end)
end)
