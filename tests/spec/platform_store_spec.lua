-- What the platform leaves on disk: acknowledged writes, sealed secrets, no more than it needs.

local fs = require "moonherd.fs"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"
local state = require "moonherd.platform.state"

local ok, refused, file = support.ok, support.refused, support.file
local SCRIPT = "/prod/scripts/a"

describe("the platform's state", function ()
  local server

  before_each(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  after_each(function () server:close() end)

  local function count(table_name)
    return server.platform.store.db:read({ { "SELECT count(*) AS n FROM " .. table_name } })[1].n
  end

  it("is private, and kept out of git", function ()
    assert.equal("*\n", fs.read(server.directory .. "/.gitignore"))
    assert.equal(32, #fs.read(server.directory .. "/platform.key"))
    for _, name in ipairs { "platform.db", "platform.key" } do
      assert.equal(tonumber("600", 8), fs.stat(server.directory .. "/"
        .. name).mode & tonumber("777", 8))
    end
    assert.equal(tonumber("700", 8), fs.stat(server.directory).mode & tonumber("777", 8))
  end)

  it("has one key and one token, whoever comes first", function ()
    local _, key = state.open(server.directory)
    assert.equal(server.platform.key, key)
    assert.equal(state.token(server.directory), state.token(server.directory))
    assert.equal(64, #state.token(server.directory))
  end)

  it("holds no secret in the clear", function ()
    local value = "hush-hush-hush-hush"
    ok(server:put(SCRIPT, { bindings = json.array {
      { type = "secret_text", name = "KEY", text = value },
      { type = "secret_key", name = "RAW", algorithm = { name = "HMAC" }, format = "raw",
        usages = json.array { "sign" }, key_base64 = value },
      { type = "secret_key", name = "JWK", algorithm = { name = "HMAC" }, format = "jwk",
        usages = json.array { "sign" }, key_jwk = { kty = "oct", k = value } },
      { type = "secret_text", name = "MISTAKEN", text = value, value = value, key_base64 = value },
      { type = "inherit", name = "NONE", text = value },
    } }))
    for _, name in ipairs(fs.list(server.directory)) do
      assert.is_nil(fs.read(server.directory .. "/" .. name):find(value, 1, true), name)
    end
  end)

  it("keeps the last ten versions, and the code they need", function ()
    for i = 1, 13 do
      ok(server:put(SCRIPT, {}, { file("index.js", support.SOURCE .. "// " .. i) }))
    end
    assert.equal(10, count "version")
    assert.equal(10, count "code")
    assert.equal(10, count "module")
    ok(server:put(SCRIPT, {}, {}))
    assert.equal(10, count "version")
    assert.equal(9, count "code")
  end)

  it("holds nothing of what was deleted", function ()
    local large = ("0123456789abcdef"):rep(40000)
    ok(server:put(SCRIPT, { tags = json.array { "t" }, bindings = json.array {
      { type = "secret_text", name = "KEY", text = "the-secret-value" } } },
      { file("index.js", support.SOURCE), file("x", large, "text/plain") }))
    assert.equal(1, count "blob")
    ok(server:api("DELETE", SCRIPT))
    for _, name in ipairs { "script", "version", "code", "module", "secret", "script_tag" } do
      assert.equal(0, count(name), name)
    end
  end)

  it("stores equal blocks once, and sweeps blobs an hour after their last use", function ()
    local large = ("0123456789abcdef"):rep(40000)
    local function put(name)
      ok(server:put("/prod/scripts/" .. name, {}, { file("index.js", support.SOURCE),
        file("x", large, "text/plain") }))
    end
    put "a"
    local blocks = count "block"
    put "b"
    assert.equal(2, count "blob")
    assert.equal(blocks, count "block")
    local store, now = server.platform.store, require "moonherd._clock".wall()
    store:sweep(now + 10000)
    assert.equal(2, count "blob")
    ok(server:api("DELETE", "/prod/scripts/a"))
    store:sweep(now + 20000)
    store:sweep(now + 20000 + 3599)
    assert.equal(2, count "blob")
    store:sweep(now + 20000 + 3601)
    assert.equal(1, count "blob")
    assert.equal(blocks, count "block")
    ok(server:api("DELETE", "/prod/scripts/b"))
    store:sweep(now + 30000)
    store:sweep(now + 40000)
    assert.equal(0, count "blob")
    assert.equal(0, count "block")
  end)

  it("forgets what an upload that failed had brought", function ()
    local large = ("0123456789abcdef"):rep(40000)
    refused(server:put(SCRIPT, { main_module = "missing.js" },
      { file("x", large, "text/plain") }), 400, 10021)
    assert.equal(1, count "blob")
    server.platform.store:sweep(require "moonherd._clock".wall() + 3700)
    assert.equal(0, count "blob")
    assert.equal(0, count "block")
  end)

  describe("that cannot be written", function ()
    -- A trigger stands for a full disk: whatever the reason, the write as a whole is not there.
    it("is a 500, and nothing is half there", function ()
      local db = server.platform.store.db
      db:write { { [[CREATE TRIGGER broken BEFORE INSERT ON version BEGIN
        SELECT RAISE(ABORT, 'broken'); END]] } }
      local errors = refused(server:put(SCRIPT, { tags = json.array { "t" } }), 500, 10013)
      assert.equal("workers.api.error.unknown", errors[1].message)
      db:write { { "DROP TRIGGER broken" } }
      for _, name in ipairs { "script", "version", "code", "module", "script_tag" } do
        assert.equal(0, count(name), name)
      end
      ok(server:put(SCRIPT))
    end)
  end)
end)

describe("a new state directory", function ()
  it("gets one key, however many make it at once", function ()
    local server = support.start()
    local directory = server.directory .. "/new"
    local keys = moonherd.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, { concurrency = 8 }, function ()
      return (select(2, state.open(directory)))
    end)
    for _, key in ipairs(keys) do assert.equal(keys[1], key) end
    for _, name in ipairs { ".gitignore", "platform.key", "" } do fs.remove(directory .. "/"
      .. name) end
    server:close()
  end)
end)

describe("a platform that starts again", function ()
  it("has every write that was acknowledged, and opens its secrets", function ()
    local server = support.start()
    server:make_namespace "prod"
    local made = ok(server:put(SCRIPT, {
      tags = json.array { "t" },
      bindings = json.array { { type = "secret_text", name = "KEY", text = "the-secret-value" } },
    }))
    local shown = ok(server:api("GET", SCRIPT))
    server:restart()
    assert.same(shown, ok(server:api("GET", SCRIPT)))
    assert.equal(1, #ok(server:api("GET", "/prod/scripts?tags=t:yes")))
    local renamed = { type = "inherit", name = "OTHER", old_name = "KEY" }
    local again = ok(server:put(SCRIPT, { bindings = json.array { renamed } }, nil,
      "?bindings_inherit=strict"))
    assert.equal(made.etag, again.etag)
    server:close()
  end)
end)

describe("two platforms on one state directory", function ()
  it("see each other's writes, and lose none", function ()
    local first = support.start()
    first:make_namespace "prod"
    local second = support.start { state = first.directory }
    ok(second:put(SCRIPT))
    ok(first:api("GET", SCRIPT))
    local etags = {}
    moonherd.map({ 1, 2, 3, 4 }, { concurrency = 4 }, function (i)
      local server = i % 2 == 0 and first or second
      local files = { file("index.js", support.SOURCE .. "// " .. i) }
      etags[ok(server:put(SCRIPT, {}, files)).etag] = true
    end)
    assert.is_true(etags[ok(first:api("GET", SCRIPT)).script.etag])
    second:close()
    first:close()
  end)
end)
