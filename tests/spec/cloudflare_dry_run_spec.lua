local inherit = require "moonherd.cloudflare.inherit"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local multipart = require "moonherd.multipart"
local stand_in = require "tests.spec.support.stand_in"

local DATE = "2026-10-01"
local ESM = "application/javascript+module"

describe("a dry run of an upload", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  local LIVE = {
    bindings = {
      { name = "KEY", type = "secret_text" }, { name = "MODE", type = "plain_text", text = "live" },
      { name = "PLAN", type = "plain_text", text = "free" },
      { name = "STORE", type = "kv_namespace", namespace_id = "0f2a" },
    },
    compatibility_date = DATE, tags = { "plan:free" }, usage_model = "standard", logpush = false,
    observability = { enabled = true, head_sampling_rate = 0.5 },
    placement = { mode = "smart", status = "SUCCESS" },
  }
  local MODULES = {
    { name = "a.mjs", filename = "a.mjs", content_type = ESM, content = "export default {}" },
    { name = "old.txt", filename = "old.txt", content_type = "text/plain", content = "text" },
  }

  -- Lays out what is live: settings, and modules.
  local function live(settings, modules, details)
    local segments, content_type = multipart.encode(modules)
    local answers = {
      settings = { body = json.encode { success = true, result = settings } },
      content = { body = table.concat(segments),
        headers = { ["content-type"] = content_type, ["cf-entrypoint"] = "a.mjs" } },
    }
    -- Both are read at once.
    local function by_path(request) return answers[request.target:match "[^/]+$"] end
    server:succeed { id = "shop", script = details or { has_assets = false } }
    server:answer(by_path):answer(by_path)
  end

  local function dry_run(more)
    local spec = { modules = { ["a.mjs"] = "export default {}" }, compatibility_date = DATE,
      dry_run = true }
    for name, value in pairs(more or {}) do spec[name] = value end
    local result = script:upload(spec)
    for _, request in ipairs(server.requests) do assert.are.equal("GET", request.method) end
    assert.are.equal(#server.requests, result.requests)
    assert.is_true(result.dry_run)
    return result
  end

  -- "change path" of every entry, in order.
  local function changes(result)
    local list = {}
    for i, entry in ipairs(result.diff) do list[i] = entry.change .. " " .. entry.path end
    return list
  end

  local function entry_of(result, path)
    for _, entry in ipairs(result.diff) do
      if entry.path == path then return entry end
    end
  end

  it("of what is live changes nothing", function ()
    live({ bindings = { LIVE.bindings[1] }, compatibility_date = DATE }, { MODULES[1] })
    local result = dry_run()
    assert.is_true(result.exists)
    assert.are.same({ "keep bindings.KEY", "keep modules.a.mjs" }, changes(result))
    assert.are.equal([[
script prod/shop would stay as it is (nothing was sent)
bindings
  = KEY  secret_text  kept
code
  = 1 module stays as it is]], result.text)
  end)

  it("of a new script adds everything, after one request", function ()
    server:fail(404, 10092, "environment not found")
    local result = dry_run { tags = { "b", "a" }, logpush = true, bindings = {
      KEY = { type = "secret_text", text = "never-shown" }, PLAN = "pro",
      NEXT = inherit { default = "d" } } }
    assert.are.same({ false, 1 }, { result.exists, result.requests })
    assert.are.same({
      "add bindings.KEY", "add bindings.NEXT", "add bindings.PLAN", "add compatibility_date",
      "change logpush", "add main_module", "add modules.a.mjs", "add tags",
    }, changes(result))
    assert.are.equal([[
script prod/shop would be created (nothing was sent)
bindings
  + KEY                 secret_text
  + NEXT                plain_text "d"
  + PLAN                plain_text "pro"
settings
  + compatibility_date  2026-10-01
  ~ logpush             false → true
code
  + main_module         a.mjs
  + a.mjs               17 bytes
tags and assets
  + tags                none → a b]], result.text)
  end)

  it("tells first what would vanish, then the rest, and is good to read", function ()
    live(LIVE, MODULES, { has_assets = true })
    local result = dry_run {
      modules = { ["a.mjs"] = "export default { }", ["b.txt"] = "b" }, tags = { "plan:pro" },
      bindings = { PLAN = "pro", STORE = inherit, DB = { type = "d1", id = "7" } },
      observability = { enabled = true, logs = { enabled = true } },
    }
    assert.are.same({
      "remove bindings.MODE", "change bindings.PLAN", "add bindings.DB", "keep bindings.KEY",
      "keep bindings.STORE", "remove observability.head_sampling_rate",
      "add observability.logs.enabled", "remove placement.mode", "remove modules.old.txt",
      "change modules.a.mjs", "add modules.b.txt", "change tags", "keep assets",
    }, changes(result))
    assert.are.equal([[
script prod/shop would change, 1 binding would vanish (nothing was sent)
bindings
  - MODE                              plain_text "live"          would vanish: not in the upload
  ~ PLAN                              plain_text "free" → "pro"
  + DB                                d1 database_id "7"
  = KEY                               secret_text                kept
  = 1 binding stays as it is
settings
  - observability.head_sampling_rate  0.5
  + observability.logs.enabled        true
  - placement.mode                    smart                      reset: not in the upload
code
  - old.txt                           4 bytes
  ~ a.mjs                             17 bytes → 18 bytes
  + b.txt                             1 byte
tags and assets
  ~ tags                              plan:free → plan:pro
  = assets                            files                      kept]], result.text)
    assert.are.same({ path = "bindings.PLAN", type = "plain_text", change = "change",
      before = { type = "plain_text", text = "free" },
      after = { type = "plain_text", text = "pro" } }, entry_of(result, "bindings.PLAN"))
    assert.are.same({ path = "placement.mode", change = "remove", before = "smart",
      is_reset = true }, entry_of(result, "placement.mode"))
  end)

  it("shows no value of a secret", function ()
    live(LIVE, MODULES)
    local result = dry_run { bindings = {
      KEY = { type = "secret_text", text = "never-shown" },
      PLAN = { type = "secret_text", text = "never-shown" },
      NEW = { type = "secret_key", algorithm = "x", format = "raw", usages = { "sign" },
        key_base64 = "never-shown" } } }
    assert.is_nil(json.encode(result):find("never-shown", 1, true))
    assert.are.same({ path = "bindings.KEY", type = "secret_text", change = "change",
      before = "a value", after = "a value" }, entry_of(result, "bindings.KEY"))
    assert.are.same({ path = "bindings.PLAN", type = "secret_text", change = "change",
      before = { type = "plain_text", text = "free" }, after = "a value" },
      entry_of(result, "bindings.PLAN"))
    assert.are.equal("a value", entry_of(result, "bindings.NEW").after)
    assert.is_truthy(result.text:find('plain_text "free" → secret_text', 1, true))
  end)

  it("says that secrets are kept, or that they would vanish", function ()
    live(LIVE, MODULES)
    assert.are.same({ path = "bindings.KEY", type = "secret_text", change = "keep",
      before = "a value", after = "kept" }, entry_of(dry_run(), "bindings.KEY"))
    server.requests = {}
    live(LIVE, MODULES)
    local result = dry_run { keep_bindings = false }
    assert.are.same({ path = "bindings.KEY", type = "secret_text", change = "remove",
      before = "a value" }, entry_of(result, "bindings.KEY"))
    assert.is_truthy(result.text:find "4 bindings would vanish")
  end)

  it("keeps all bindings when the upload does", function ()
    live(LIVE, MODULES)
    assert.are.same({ "keep bindings.KEY", "keep bindings.MODE", "keep bindings.PLAN",
      "keep bindings.STORE" }, table.move(changes(dry_run { bindings = inherit }), 1, 4, 1, {}))
  end)

  it("follows a binding to its new name", function ()
    live(LIVE, MODULES)
    local result = dry_run { bindings = { NEXT = { type = "inherit", old_name = "MODE" } } }
    assert.are.same({ type = "plain_text", text = "live" }, entry_of(result, "bindings.NEXT").after)
    assert.are.equal("remove", entry_of(result, "bindings.MODE").change)
  end)

  it("does not say that a secret is kept which takes another one's value", function ()
    local secrets = { { name = "A", type = "secret_text" }, { name = "B", type = "secret_text" } }
    live({ bindings = secrets, compatibility_date = DATE }, MODULES)
    local result = dry_run { bindings = { A = { type = "inherit", old_name = "B" } } }
    assert.are.equal("change", entry_of(result, "bindings.A").change)
    assert.are.equal("keep", entry_of(result, "bindings.B").change)
  end)

  it("fails where the upload would: nothing to inherit, no namespace", function ()
    live(LIVE, MODULES)
    local _, err = moonherd.try(dry_run, { bindings = { LOST = inherit } })
    assert.are.equal("binding_not_found", err.reason)
    server.answers = {}
    server:fail(404, 100119, "namespace not found")
    _, err = moonherd.try(dry_run)
    assert.are.equal("namespace_not_found", err.reason)
  end)

  it("leaves out what is not live when the upload does", function ()
    live(LIVE, MODULES)
    local result = dry_run { bindings = { LOST = inherit }, bindings_inherit = false }
    assert.is_nil(entry_of(result, "bindings.LOST"))
  end)

  it("does not take what the API has filled in for a change", function ()
    live({ compatibility_date = DATE, bindings = {
      { name = "ROOM", type = "durable_object_namespace", class_name = "Room", namespace_id = "9" },
      { name = "DB", type = "d1", database_id = "7" },
    } }, { MODULES[1] })
    assert.are.same({ "keep bindings.DB", "keep bindings.ROOM", "keep modules.a.mjs" },
      changes(dry_run { bindings = { DB = { type = "d1", id = "7" },
        ROOM = { type = "durable_object_namespace", class_name = "Room" } } }))
  end)

  it("is good to read with values that are long, and names that are odd", function ()
    local long = ("x"):rep(60)
    live({ compatibility_date = DATE, bindings = {
      { name = "TEXT", type = "plain_text", text = long .. "1" },
      { name = "\27[2J", type = "service", service = "a", entrypoint = "One" },
    } }, { MODULES[1] })
    local result = dry_run { bindings = { TEXT = long .. "2" } }
    local value = '"' .. ("x"):rep(46) .. "…"
    assert.are.equal(([[
script prod/shop would change, 1 binding would vanish (nothing was sent)
bindings
  - ?[2J  service entrypoint "One" service "a"        would vanish: not in the upload
  ~ TEXT  plain_text %s → another, different further on
code
  = 1 module stays as it is]]):format(value), (result.text:gsub('"a"  +', '"a"        ')))
  end)

  it("shows which fields of a binding would change", function ()
    live({ compatibility_date = DATE, bindings = {
      { name = "API", type = "service", service = "api", entrypoint = "One" },
      { name = "STORE", type = "kv_namespace", namespace_id = "1" },
    } }, { MODULES[1] })
    local result = dry_run { bindings = { API = { type = "service", service = "api",
      environment = "test" }, STORE = { type = "r2_bucket", bucket_name = "b" } } }
    assert.is_truthy(result.text:find('service entrypoint "One" → none environment none → "test"',
      1, true))
    assert.is_truthy(result.text:find('kv_namespace namespace_id "1" → r2_bucket bucket_name "b"',
      1, true))
  end)

  it("tells that assets would be dropped", function ()
    live(LIVE, MODULES, { has_assets = true })
    assert.are.equal("remove", entry_of(dry_run { keep_assets = false }, "assets").change)
  end)

  it("tells that assets would be replaced, added, or served in another way", function ()
    live(LIVE, MODULES, { has_assets = true })
    assert.are.same({ path = "assets", change = "change", before = "files",
      after = "files of the upload" }, entry_of(dry_run { assets = { jwt = "j" } }, "assets"))
    server.requests = {}
    live(LIVE, MODULES)
    assert.are.equal("add", entry_of(dry_run { assets = { jwt = "j" } }, "assets").change)
    server.requests = {}
    live(LIVE, MODULES, { has_assets = true })
    local result = dry_run { assets = { html_handling = "none" } }
    assert.are.equal("files, served as the upload says", entry_of(result, "assets").after)
  end)

  it("compares source maps with nothing: the API does not give them", function ()
    live({ compatibility_date = DATE }, { MODULES[1] })
    local result = dry_run { modules = { ["a.mjs"] = "export default {}", ["a.mjs.map"] = "{}" } }
    assert.are.same({ "keep modules.a.mjs" }, changes(result))
  end)
end)
