-- Static assets of a Worker: how an upload gives, keeps and drops them, what they are served by,
-- and how long their bytes stay.

local assets = require "tests.spec.support.assets"
local clock = require "moonherd._clock"
local fs = require "moonherd.fs"
local json = require "moonherd.json"
local schema = require "moonherd.store.platform_schema"
local sqlite = require "moonherd.store"
local support = require "tests.spec.support.platform"
local tokens = require "moonherd.platform.asset_tokens"

local ok, refused, file = support.ok, support.refused, support.file
local SCRIPT = "/prod/scripts/site"
local LARGE = ("0123456789abcdef"):rep(40000)
local SITE = { ["/index.html"] = "<h1>", ["/logo.png"] = LARGE, ["/empty.txt"] = "" }
local CONFIG = { html_handling = "none", _headers = "/*\n  X-A: b\n" }
local NEW_CONFIG = { not_found_handling = "404-page" }

local server

local function start()
  server = support.start()
  server:make_namespace "prod"
end

-- An upload of metadata, with the usual module unless `files` says otherwise.
local function put(metadata, files)
  return server:put(SCRIPT, metadata, files)
end

local function complete(files, script)
  return assets.complete(server, script or SCRIPT, files)
end

local function read(path)
  return assets.read(server, "prod", "site", path)
end

local function rows(sql, ...)
  return server.platform.store.db:read { { sql, ... } }
end

local function count(table_name)
  return rows("SELECT count(*) AS n FROM " .. table_name)[1].n
end

local function paths()
  local list = rows [[SELECT f.path FROM script s JOIN version v ON v.id = s.version_id
    JOIN asset_file f ON f.set_id = v.asset_set_id ORDER BY f.path]]
  for i, row in ipairs(list) do list[i] = row.path end
  return list
end

local function config()
  local text = rows("SELECT v.asset_config FROM script s JOIN version v ON v.id = s.version_id")[1]
    .asset_config
  return text and json.decode(text)
end

local function put_secret()
  return server:api("PUT", SCRIPT .. "/secrets", { json = { name = "KEY", text = "the-value" } })
end

local function shown() return ok(server:api("GET", SCRIPT)).script end

describe("an upload with a completion token", function ()
  before_each(start)
  after_each(function () server:close() end)

  it("gives the Worker exactly the files of the manifest, and the configuration", function ()
    local result = ok(put { assets = { jwt = complete(SITE), config = CONFIG } })
    assert.is_true(result.has_assets)
    assert.is_true(result.has_modules)
    for path, content in pairs(SITE) do assert.equal(content, (read(path))) end
    assert.equal("text/html", select(2, read "/index.html"))
    assert.same(CONFIG, config())
    ok(put { assets = { jwt = complete { ["/other"] = "x", ["/index.html"] = "<h1>" } } })
    assert.same({ "/index.html", "/other" }, paths())
    assert.is_nil(read "/logo.png")
    assert.same({}, config())
  end)

  it("may bind the assets, which only a Worker that has some may", function ()
    local binding = json.array { { type = "assets", name = "ASSETS" } }
    local errors = refused(put { bindings = binding }, 400, 10021)
    assert.equal("Cannot use an assets binding without assets", errors[1].message)
    ok(put { bindings = binding, assets = { jwt = complete(SITE) } })
    ok(put { bindings = binding, keep_assets = true })
    refused(put { bindings = binding }, 400, 10021)
  end)

  it("may use it again, also for a script that was deleted meanwhile", function ()
    local token = complete(SITE)
    ok(put { assets = { jwt = token } })
    ok(put { assets = { jwt = token } })
    ok(server:api("DELETE", SCRIPT))
    ok(put { assets = { jwt = token } })
    assert.equal("<h1>", (read "/index.html"))
  end)

  it("without any files has assets all the same", function ()
    assert.is_true(ok(put { assets = { jwt = complete {} } }).has_assets)
    assert.same({}, paths())
  end)

  it("keeps the token nowhere", function ()
    local token = complete(SITE)
    ok(put { assets = { jwt = token, config = CONFIG } })
    local signature = token:match "[^.]+$"
    for _, name in ipairs(fs.list(server.directory)) do
      local bytes = fs.read(server.directory .. "/" .. name)
      assert.is_nil(bytes:find(signature, 1, true), name)
    end
    assert.same({ config = CONFIG },
      json.decode(rows("SELECT metadata FROM version")[1].metadata).assets)
  end)

  describe("that is not good for it is refused:", function ()
    local function refuses(token)
      local errors = refused(put { assets = { jwt = token } }, 400, 10021)
      assert.equal("/assets/jwt", errors[1].source.pointer)
      refused(server:api("GET", SCRIPT), 404, 10092)
    end

    it("one of another script", function () refuses(complete(SITE, "/prod/scripts/other")) end)

    it("one of another namespace", function ()
      server:make_namespace "other"
      refuses(complete(SITE, "/other/scripts/site"))
    end)

    it("one of a namespace of the same name that is gone", function ()
      local token = complete(SITE)
      ok(server:api("DELETE", "/prod"))
      server:make_namespace "prod"
      refuses(token)
    end)

    it("one of another account", function ()
      local other = ("f"):rep(32)
      local base = support.NAMESPACES:gsub(support.ACCOUNT, other)
      ok(server:request("POST", base, { json = { name = "prod" } }))
      local response = server:request("POST", base .. SCRIPT .. "/assets-upload-session",
        { json = { manifest = {} } })
      refuses(ok(response).jwt)
    end)

    it("one that only opens the upload", function ()
      refuses((assets.session(server, SCRIPT, assets.manifest(SITE))))
    end)

    it("one that was changed, in any segment", function ()
      local segments = {}
      for segment in complete(SITE):gmatch "[^.]+" do segments[#segments + 1] = segment end
      for i = 1, 3 do
        local changed = { table.unpack(segments) }
        changed[i] = changed[i]:gsub("^.", { e = "f" }):reverse()
        refuses(table.concat(changed, "."))
      end
      for _, token in ipairs { "", "a.b.c", support.TOKEN, segments[1] .. "." .. segments[2] } do
        refuses(token)
      end
    end)

    it("one that is an hour old", function ()
      local wall = clock.wall
      local token, upload = complete(SITE), assets.session(server, SCRIPT, assets.manifest {
        ["/new"] = "new" })
      clock.wall = function () return wall() + tokens.LIFETIME + 1 end
      local is_done, failure = pcall(function ()
        refuses(token)
        refused(assets.upload(server, upload, { assets.part "new" }), 401, 10000)
      end)
      clock.wall = wall
      assert(is_done, failure)
    end)
  end)
end)

-- Contract §14, the rows of assets.
describe("assets are replaced, dropped, kept:", function ()
  setup(start)
  teardown(function () server:close() end)

  before_each(function ()
    server:api("DELETE", SCRIPT)
    ok(put { assets = { jwt = complete(SITE), config = CONFIG } })
  end)

  local function kept(configuration)
    assert.is_true(shown().has_assets)
    assert.same({ "/empty.txt", "/index.html", "/logo.png" }, paths())
    assert.same(configuration or CONFIG, config())
  end

  it("an upload without a word drops both", function ()
    assert.is_false(ok(put {}).has_assets)
    assert.same({}, paths())
    assert.is_nil(config())
  end)

  it("so does one that says keep_assets is false, or has empty assets", function ()
    for _, metadata in ipairs { { keep_assets = false }, { assets = {} },
      { assets = json.null, keep_assets = json.null }, { assets = { jwt = json.null } } } do
      ok(put { assets = { jwt = complete(SITE) } })
      assert.is_false(ok(put(metadata)).has_assets)
    end
  end)

  it("so does one of bare JavaScript", function ()
    ok(server:api("PUT", SCRIPT, { body = "addEventListener('fetch', () => {})",
      headers = { ["content-type"] = "application/javascript" } }))
    assert.is_false(shown().has_assets)
  end)

  it("an upload with keep_assets keeps both, with or without code", function ()
    assert.is_true(ok(put { keep_assets = true }).has_assets)
    kept()
    assert.is_true(ok(put({ keep_assets = true }, {})).has_modules)
    kept()
  end)

  it("one with a token wins over keep_assets", function ()
    ok(put { keep_assets = true, assets = { jwt = complete { ["/new"] = "new" } } })
    assert.same({ "/new" }, paths())
    assert.same({}, config())
  end)

  it("one with a configuration alone keeps the files", function ()
    ok(put { assets = { config = NEW_CONFIG } })
    kept(NEW_CONFIG)
    ok(put { keep_assets = true, assets = { config = CONFIG } })
    kept(CONFIG)
  end)

  it("a configuration of nothing is refused", function ()
    ok(put {})
    local errors = refused(put { assets = { config = NEW_CONFIG } }, 400, 10021)
    assert.equal("/assets/jwt", errors[1].source.pointer)
  end)

  for name, act in pairs {
    ["an upload of content"] = function ()
      return server:api("PUT", SCRIPT .. "/content", { form = support.form(
        { main_module = "index.js" }, { file("index.js", support.SOURCE .. "//") }) })
    end,
    ["a patch of settings"] = function ()
      return server:api("PATCH", SCRIPT .. "/settings", { form = { { name = "settings",
        content = json.encode { compatibility_date = "2026-03-03", logpush = true,
          bindings = json.array { { type = "assets", name = "ASSETS" } } } } } })
    end,
    ["a secret that is set"] = function ()
      return put_secret()
    end,
    ["a secret that is deleted"] = function ()
      ok(put_secret())
      return server:api("DELETE", SCRIPT .. "/secrets/KEY")
    end,
    ["a list of tags"] = function ()
      return server:api("PUT", SCRIPT .. "/tags", { json = json.array { "a" } })
    end,
    ["a tag"] = function () return server:api("PUT", SCRIPT .. "/tags/b") end,
  } do
    it(name .. " keeps both, and copies no file", function ()
      local before = count "asset_file"
      ok(act())
      kept()
      assert.equal(before, count "asset_file")
    end)
  end
end)

describe("a Worker of assets alone", function ()
  before_each(start)
  after_each(function () server:close() end)

  local function put_alone(metadata)
    metadata.assets = metadata.assets or { jwt = complete(SITE) }
    return put(metadata, {})
  end

  it("has assets and no modules, and its content is nothing", function ()
    local result = ok(put_alone { compatibility_date = "2026-01-01", tags = json.array { "t" } })
    assert.is_true(result.has_assets)
    assert.is_false(result.has_modules)
    assert.same({ "/empty.txt", "/index.html", "/logo.png" }, paths())
    assert.equal(204, server:api("GET", SCRIPT .. "/content").status)
    assert.is_false(shown().has_modules)
    assert.equal(1, #ok(server:api("GET", "/prod/scripts?tags=t:yes")))
    ok(server:api("GET", SCRIPT .. "/settings"))
  end)

  it("changes like any other", function ()
    ok(put_alone {})
    ok(put_secret())
    ok(server:api("PATCH", SCRIPT .. "/settings", { form = { { name = "settings",
      content = '{"compatibility_date":"2026-02-02"}' } } }))
    assert.is_true(shown().has_assets)
    ok(put({ keep_assets = true, keep_bindings = json.array { "secret_text" } }, {}))
    assert.is_true(shown().has_assets)
    refused(put({}, {}), 400, 10021)
    ok(put_alone { assets = { jwt = complete { ["/new"] = "new" } } })
    assert.same({ "/new" }, paths())
    ok(put { keep_assets = true })
    assert.is_true(shown().has_modules)
  end)

  it("drops the code it had, unless the upload names that", function ()
    ok(put {})
    ok(put_alone { main_module = "index.js" })
    assert.is_true(shown().has_modules)
    ok(put_alone {})
    assert.is_false(shown().has_modules)
    refused(put_alone { main_module = "index.js" }, 400, 10021)
  end)
end)

describe("the configuration of assets", function ()
  setup(start)
  teardown(function () server:close() end)

  local function configure(configuration)
    return put { assets = { jwt = complete {}, config = configuration } }
  end

  for name, configuration in pairs {
    ["all fields"] = {
      html_handling = "drop-trailing-slash", not_found_handling = "single-page-application",
      run_worker_first = json.array { "/api/*", "!/api/docs/*" }, base_path = "/docs",
      _headers = "", _redirects = "/a /b 301\n", serve_directly = true, something_else = { 1 },
    },
    ["a boolean to run the Worker first"] = { run_worker_first = true },
    ["nulls"] = { base_path = json.null, run_worker_first = json.null },
  } do
    it("may hold " .. name, function ()
      ok(configure(configuration))
      assert.same(configuration, config())
    end)
  end

  for name, case in pairs {
    ["another html_handling"] = { { html_handling = "auto" }, "html_handling" },
    ["another not_found_handling"] = { { not_found_handling = "404" }, "not_found_handling" },
    ["a rule without /"] = { { run_worker_first = json.array { "/a", "api/*" } },
      "run_worker_first/1" },
    ["a rule that is no text"] = { { run_worker_first = json.array { 1 } }, "run_worker_first/0" },
    ["no rule that is positive"] = { { run_worker_first = json.array { "!/a" } },
      "run_worker_first" },
    ["no rule"] = { { run_worker_first = json.array {} }, "run_worker_first" },
    ["rules as a text"] = { { run_worker_first = "/a" }, "run_worker_first" },
    ["headers that are no text"] = { { _headers = {} }, "_headers" },
    ["redirects that are no text"] = { { _redirects = 1 }, "_redirects" },
    ["a base_path that is no text"] = { { base_path = true }, "base_path" },
    ["serve_directly in words"] = { { serve_directly = "true" }, "serve_directly" },
  } do
    it("may not hold " .. name, function ()
      local errors = refused(configure(case[1]), 400, 10021)
      assert.equal("/assets/config/" .. case[2], errors[1].source.pointer)
    end)
  end

  it("is an object", function ()
    refused(configure(json.array { 1 }), 400, 10021)
    refused(put { assets = json.array { 1 } }, 400, 10021)
    refused(put { assets = { jwt = 1 } }, 400, 10021)
    refused(put { keep_assets = "true" }, 400, 10021)
  end)
end)

describe("the bytes of assets", function ()
  before_each(start)
  after_each(function () server:close() end)

  local function sweep(seconds) server.platform.store:sweep(clock.wall() + seconds) end

  local function is_there()
    return { count "asset_set", count "asset_file", count "asset", count "blob", count "block" }
  end

  it("go an hour after the session, when no version came of it", function ()
    complete(SITE)
    sweep(tokens.LIFETIME)
    assert.equal(1, count "asset_set")
    sweep(tokens.KEPT + 1)
    assert.same({ 0, 0, 0, 0, 0 }, is_there())
  end)

  it("stay while the completion token is good", function ()
    local wall = clock.wall
    local token = assets.session(server, SCRIPT, assets.manifest { ["/a"] = "a" })
    clock.wall = function () return wall() + 3000 end
    local response = assets.upload(server, token, { assets.part "a" })
    clock.wall = wall
    sweep(6500)
    ok(put { assets = { jwt = response.result.jwt } })
    assert.equal("a", (read "/a"))
  end)

  it("stay while a version has them, and an hour more", function ()
    ok(put { assets = { jwt = complete(SITE) } })
    sweep(10000)
    sweep(20000)
    assert.equal(LARGE, (read "/logo.png"))
    ok(server:api("DELETE", SCRIPT))
    sweep(20000)
    sweep(20000 + 3590)
    assert.equal(3, count "asset")
    sweep(20000 + 3610)
    assert.same({ 0, 0, 0, 0, 0 }, is_there())
  end)

  it("are there once in a namespace, for all who share them", function ()
    ok(put { assets = { jwt = complete(SITE) } })
    local other = "/prod/scripts/other"
    ok(server:put(other, { assets = { jwt = complete({ ["/same"] = LARGE }, other) } }))
    assert.equal(3, count "asset")
    ok(server:api("DELETE", SCRIPT))
    sweep(10000)
    sweep(20000)
    assert.equal(LARGE, (assets.read(server, "prod", "other", "/same")))
    assert.equal(1, count "asset")
  end)

  it("go with their namespace at once", function ()
    ok(put { assets = { jwt = complete(SITE) } })
    assets.session(server, SCRIPT, assets.manifest { ["/half"] = "done" })
    ok(server:api("DELETE", "/prod"))
    assert.same({ 0, 0, 0, 0, 0 }, is_there())
  end)

  it("go when the last of ten versions that had them is gone", function ()
    ok(put { assets = { jwt = complete(SITE) } })
    for _ = 1, 9 do ok(put {}) end
    sweep(10000)
    sweep(20000)
    assert.equal(3, count "asset")
    ok(put {})
    sweep(30000)
    sweep(40000)
    assert.equal(0, count "asset")
  end)

  it("of an upload that was cut off go an hour later", function ()
    local token = assets.session(server, SCRIPT, assets.manifest(SITE))
    refused(assets.upload_one(server, token, assets.hash_of(LARGE), LARGE .. "x"), 400, 10021)
    assert.equal(1, count "blob")
    sweep(tokens.KEPT + 1)
    assert.same({ 0, 0, 0, 0, 0 }, is_there())
  end)
end)

-- The first migration, with a script as it was written then.
local OLD_ROWS = [[
  INSERT INTO namespace (id, account, name, uuid, created_on, created_by, modified_on, modified_by)
    VALUES (1, '%s', 'prod', 'a-uuid', 'then', 'me', 'then', 'me');
  INSERT INTO script (id, namespace_id, name, tag, created_on, modified_on, tags, settings, classes,
    document, version_id) VALUES (1, 1, 'site', 'a-tag', 'then', 'then', '[]', '{}', '[]', '{}', 1);
  INSERT INTO code (id, kind, entry, etag, handlers, named_handlers)
    VALUES (1, 'module', 'index.js', 'an-etag', '["fetch"]', '[]');
  INSERT INTO module (code_id, position, name, type, size, digest, is_map, is_bound, content)
    VALUES (1, 0, 'index.js', 'application/javascript+module', 1, x'00', 0, 0, x'2f');
  INSERT INTO version (id, script_id, number, uuid, code_id, created_on, created_by, source,
    metadata, settings, bindings) VALUES (1, 1, 1, 'a-uuid', 1, 'then', 'me', 'api', '{}',
    '{"placement":{}}', '[]');
]]

describe("a database from before there were assets", function ()
  it("is brought up to date where it is", function ()
    local first = support.start()
    local path = first.directory .. "/old/platform.db"
    local old = sqlite.open(path, { migrations = { schema[1] } })
    for statement in OLD_ROWS:format(support.ACCOUNT):gmatch "[^;]+;%s*" do
      old:write { { statement } }
    end
    old:close()
    server = support.start { state = first.directory .. "/old" }
    ok(server:api("PUT", SCRIPT .. "/tags", { json = json.array { "a" } }))
    assert.is_false(shown().has_assets)
    ok(put({ main_module = "index.js", assets = { jwt = complete(SITE) } }, {}))
    assert.is_true(shown().has_modules)
    assert.equal("<h1>", (read "/index.html"))
    server.directory = first.directory .. "/old"
    server:close()
    first:close()
  end)
end)
