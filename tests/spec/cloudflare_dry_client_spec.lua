-- A client in a dry run, and the embedded platform as its target: what it is told, and that the
-- target never hears of it.
local host = require "moonherd._host"
local log = require "moonherd._log"
local moonherd = require "moonherd"

local DATE = "2026-10-01"
local CODE = "export default { fetch() { return new Response('hi') } }"
local OTHER = "export default { fetch() { return new Response('ho') } }"

describe("a dry run", function ()
  _ENV.shares_handles = true -- the platforms serve until the program ends

  local state, real, client, ns, lines
  local count, write = 0, log.write

  setup(function ()
    local name = os.tmpname()
    os.remove(name)
    state = (os.getenv "B" or "build") .. "/tests" .. name
    real = moonherd.connect { target = "local", state = state }
    client = moonherd.connect { target = "local", state = state, dry_run = true }
    client:create_namespace "the first write starts the platform that answers"
  end)

  before_each(function ()
    count = count + 1
    ns = client:namespace(real:ensure_namespace("dry " .. count).name)
    lines = {}
    log.write = function (_, message) lines[#lines + 1] = message end
  end)
  after_each(function () log.write = write end)

  local function live(name) return real:namespace(ns.name):script(name) end

  local function spec(more)
    local all = { modules = { ["a.mjs"] = CODE }, compatibility_date = DATE }
    for key, value in pairs(more or {}) do all[key] = value end
    return all
  end

  local function has_line(...)
    local text = table.concat(lines, "\n")
    for _, part in ipairs { ... } do
      assert.truthy(text:find(part, 1, true), part .. " is not in:\n" .. text)
    end
  end

  local function reason(f, ...)
    local result, err = moonherd.try(f, ...)
    return result == nil and err.reason or "none"
  end

  it("answers an upload as the platform would, and uploads nothing", function ()
    local result = ns:script "new":upload(spec { tags = { "a" } })
    assert.are.equal("new", result.id)
    assert.are.equal("a.mjs", result.entry_point)
    assert.is_false(live "new":exists())
    assert.is_false(ns:script "new":exists())
    has_line("dry run: PUT /accounts/", "/scripts/new", "would be created: +compatibility_date",
      "+modules.a.mjs", "+tags")
  end)

  it("says in one line what an upload would change", function ()
    live "shop":upload(spec { bindings = { MODE = "live", OLD = "x" } })
    ns:script "shop":upload(spec { modules = { ["a.mjs"] = OTHER }, bindings = { MODE = "test" } })
    has_line("would change: -bindings.OLD, ~bindings.MODE, ~modules.a.mjs")
    assert.are.equal(CODE, live "shop":content().modules["a.mjs"].content)
    ns:script "shop":upload(spec { modules = { ["a.mjs"] = OTHER }, bindings = { MODE = "test" } })
    has_line "would stay as it is"
  end)

  it("knows the secrets that are live, by name", function ()
    live "shop":upload(spec {
      bindings = { KEY = { type = "secret_text", text = "the live one" } },
    })
    local script = ns:script "shop"
    script:upload(spec { bindings = { KEY = moonherd.inherit } })
    assert.are.equal("binding_not_found",
      reason(script.upload, script, spec { bindings = { NO = moonherd.inherit } }))
    assert.are.equal("KEY", script:put_secret("KEY", "a value of mine").name)
    has_line "put secret of script: name KEY, text, type"
    script:delete_secret "KEY"
    assert.are.equal("binding_not_found", reason(script.delete_secret, script, "KEY"))
    assert.are.equal("KEY", live "shop":secrets()[1].name)
    assert.falsy(table.concat(lines):find("a value of mine", 1, true))
  end)

  it("copies what a script may consist of", function ()
    live "all":upload(spec {
      modules = { ["a.mjs"] = CODE .. "\nexport class Room {}", ["b.txt"] = "text" },
      tags = { "one" }, observability = { enabled = true }, usage_model = "standard",
      migrations = { new_tag = "v1", new_sqlite_classes = { "Room" } },
      bindings = {
        ROOM = { type = "durable_object_namespace", class_name = "Room" },
        KEY = { type = "secret_key", algorithm = { name = "HMAC", hash = "SHA-256" },
          format = "raw", usages = { "sign" }, key_base64 = "c29tZSBieXRlcw==" },
        KV = { type = "kv_namespace", namespace_id = "0f2a" },
      },
    })
    live "old":upload { script = "addEventListener('fetch', f)", compatibility_date = DATE }
    for _, name in ipairs { "all", "old" } do ns:script(name):patch_settings { logpush = true } end
    assert.falsy(table.concat(lines, "\n"):find("is copied without", 1, true))
    has_line("patch settings of script: logpush")
    assert.is_false(live "all":settings().logpush)
  end)

  it("knows of assets", function ()
    local files = { ["/a.html"] = "<p>a" }
    live "site":upload { compatibility_date = DATE, assets = { files = files } }
    local result = ns:script "site":upload { compatibility_date = DATE,
      assets = { files = { ["/a.html"] = "<p>b" } } }
    assert.are.equal(1, result.assets.sent)
    ns:script "site":upload(spec {})
    assert.falsy(table.concat(lines, "\n"):find("is copied without", 1, true))
  end)

  it("changes tags on the copy alone", function ()
    live "shop":upload(spec { tags = { "a" } })
    local script = ns:script "shop"
    script:add_tag "b"
    script:put_tags { "c", "d" }
    script:delete_tag "c"
    has_line("add tag to script", "put tags of script: c, d", "delete tag of script")
    assert.are.same({ "a" }, script:tags())
  end)

  it("deletes in bulk to the end, and nothing", function ()
    for i = 1, 5 do live("s" .. i):upload(spec { tags = { "go" } }) end
    live "stays":upload(spec {})
    local gone = ns:delete_scripts { tags = { "go" }, expect = 5 }
    assert.are.equal(5, gone.count)
    assert.are.same({}, gone.unknown_ids)
    assert.are.same({}, gone.unconfirmed)
    assert.are.equal(6, real:namespace(ns.name):details().script_count)
    assert.are.equal("script_not_found", reason(ns:script("s1").delete, ns:script "s1"))
    ns:script "stays":delete()
    has_line("delete scripts of", "delete script")
  end)

  it("creates, renames and deletes namespaces", function ()
    local name = ns.name
    assert.are.equal("namespace_exists", reason(client.create_namespace, client, name))
    local new = client:create_namespace(name .. " new")
    new:script "a":upload(spec())
    assert.is_true(new:exists()) -- what was made in a dry run is read from the copy
    assert.are.equal("a", moonherd.collect(new:scripts())[1].name)
    assert.is_false(real:namespace(name .. " new"):exists())
    ns:rename(name .. " moved")
    assert.are.equal(name, ns:details().namespace_name)
    ns:set_trusted(true)
    ns:rename(name)
    ns:delete { expect = 0 }
    assert.is_true(real:namespace(name):exists())
    has_line("create namespace: name " .. name, "change namespace: name " .. name .. " moved",
      "delete namespace")
  end)

  it("reads what it has made, under the name that it has given last", function ()
    local made = client:create_namespace "made in the dry run"
    made:script "shop":upload(spec())
    made:rename "renamed there"
    made:update { name = "renamed there", trusted_workers = true }
    assert.equal(1, made:details().script_count)
    assert.same({ "shop" }, { (made:scripts()()).name })
    made:delete { expect = 1 }
    assert.is_false(made:exists())
  end)

  it("answers raw calls too, of dispatch namespaces", function ()
    local path = "/accounts/{account_id}/workers/dispatch/namespaces"
    local made = client:request { method = "POST", path = path, json = { name = "raw" } }
    assert.are.equal("raw", made.namespace_name)
    assert.are.equal("not_in_dry_run",
      reason(client.request, client, { method = "POST", path = "/zones", json = {} }))
    assert.is_false(real:namespace "raw":exists())
  end)

  it("refuses what is missing as the platform does", function ()
    local nowhere = client:namespace "nowhere":script "a"
    assert.are.equal("namespace_not_found", reason(nowhere.upload, nowhere, spec()))
    assert.are.equal("script_not_found", reason(ns:script("no").delete, ns:script "no"))
  end)

  it("does not wait for what will not be live", function ()
    local result = ns:script "new":upload(spec())
    assert.are.equal(result.etag, ns:script "new":wait_live { etag = result.etag }.script.etag)
  end)

  it("copies each thing once, whoever needs it", function ()
    live "shop":upload(spec { tags = { "a" } })
    local before = client:stats().requests
    moonherd.each({ "b", "c", "d", "e" }, { concurrency = 4 }, function (tag)
      ns:script "shop":add_tag(tag)
    end)
    assert.are.equal(4, client:stats().requests - before) -- namespace, details, settings, content
  end)

  it("is what the host makes of every client; read-only goes first", function ()
    local options = host.options
    host.options = { dry_run = true, read_only = true }
    local ok, other = pcall(moonherd.connect, { target = "local", state = state })
    host.options = options
    assert.is_true(ok)
    assert.are.equal("read_only", reason(other.create_namespace, other, "a"))
  end)
end)
