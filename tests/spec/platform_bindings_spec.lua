-- GET bindings: what a script is bound to, without the value of any secret.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, refused, file = support.ok, support.refused, support.file
local SCRIPT, BINDINGS = "/prod/scripts/a", "/prod/scripts/a/bindings"

describe("the bindings of a script", function ()
  local server

  before_each(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  after_each(function () server:close() end)

  local function put(bindings, metadata)
    metadata = metadata or {}
    metadata.bindings = json.array(bindings)
    ok(server:put(SCRIPT, metadata))
  end

  local function get()
    return ok(server:api("GET", BINDINGS))
  end

  it("come in the order given, as they were sent", function ()
    local sent = {
      { type = "plain_text", name = "MODE", text = "live" },
      { type = "json", name = "CONFIG", json = { list = json.array {}, none = json.null, n = 1 } },
      { type = "kv_namespace", name = "KV", namespace_id = "0f2ac74b498b48028cb68387c421e279" },
      { type = "service", name = "API", service = "api", environment = "production" },
    }
    put(sent)
    local shown = get()
    assert.is_true(json.is_array(shown))
    assert.same(sent, { table.unpack(shown) })
    assert.is_true(json.is_array(shown[2].json.list))
    assert.equal(json.null, shown[2].json.none)
  end)

  it("are an empty array when there are none", function ()
    put {}
    local shown = get()
    assert.is_true(json.is_array(shown))
    assert.equal(0, #shown)
  end)

  it("hold no value of a secret, but what else is known of it", function ()
    local key = { type = "secret_key", name = "SIGN", algorithm = { name = "HMAC" }, format = "raw",
      usages = json.array { "sign" }, key_base64 = "aHVzaC1odXNo" }
    put { { type = "secret_text", name = "KEY", text = "hush-hush" }, key }
    local response = server:api("GET", BINDINGS)
    assert.is_nil(response.body:find("hush", 1, true))
    assert.is_nil(response.body:find(key.key_base64, 1, true))
    local shown = ok(response)
    assert.same({ type = "secret_text", name = "KEY" }, shown[1])
    key.key_base64 = nil
    assert.same(key, shown[2])
  end)

  it("never inherit: what they inherited stands there", function ()
    put { { type = "plain_text", name = "MODE", text = "live" },
      { type = "secret_text", name = "KEY", text = "a-secret-value" } }
    put({ { type = "inherit", name = "OTHER", old_name = "MODE" } },
      { keep_bindings = json.array { "secret_text" } })
    assert.same({ { type = "plain_text", name = "OTHER", text = "live" },
      { type = "secret_text", name = "KEY" } }, { table.unpack(get()) })
  end)

  it("name the database of D1 in one way", function ()
    put { { type = "d1", name = "DB", id = "8f5e2a36-0000-4000-8000-000000000000" } }
    assert.same({ type = "d1", name = "DB",
      database_id = "8f5e2a36-0000-4000-8000-000000000000" }, get()[1])
  end)

  it("name the part that holds their bytes", function ()
    ok(server:put(SCRIPT, { bindings = json.array { { type = "text_blob", name = "TEXT",
      part = "note.txt" } } },
      { file("index.js", support.SOURCE), file("note.txt", "hello", "text/plain") }))
    assert.same({ type = "text_blob", name = "TEXT", part = "note.txt" }, get()[1])
  end)

  it("need a script that is there", function ()
    refused(server:api("GET", BINDINGS), 404, 10007)
    refused(server:api("GET", "/missing/scripts/a/bindings"), 404, 100119)
    refused(server:api("GET", "/prod/scripts/a%2Fb/bindings"), 400, 10016)
    refused(server:api("POST", BINDINGS), 405, 10405)
  end)
end)
