-- Secrets of a script, one by one and many at once, over HTTP.

local fs = require "moonherd.fs"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused
local SCRIPT = "/prod/scripts/a"
local SECRETS, BULK = SCRIPT .. "/secrets", SCRIPT .. "/secrets-bulk"
local VALUE = "a-value-nobody-may-see"

local HMAC = { name = "HMAC", hash = "SHA-256" }

local function key(fields)
  local secret = { type = "secret_key", name = "SIGN", algorithm = HMAC, format = "raw",
    usages = json.array { "sign", "verify" } }
  for name, value in pairs(fields) do secret[name] = value end
  return secret
end

describe("a secret", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)

  before_each(function ()
    server:api("DELETE", SCRIPT)
    ok(server:put(SCRIPT, { bindings = json.array {
      { type = "plain_text", name = "MODE", text = "live" } } }))
  end)

  local function put(secret) return server:api("PUT", SECRETS, { json = secret }) end
  local function put_text(name, text) return ok(put { name = name, text = text or VALUE }) end
  local function get(path) return server:api("GET", SECRETS .. (path or "")) end

  local function bulk(secrets, content_type)
    return server:api("PATCH", BULK, { json = { secrets = secrets },
      headers = content_type and { ["content-type"] = content_type } })
  end

  local function names()
    local list = {}
    for i, secret in ipairs(ok(get())) do list[i] = secret.name end
    return table.concat(list, " ")
  end

  local function state()
    return server.platform.store:find_state(support.ACCOUNT, "prod", "a")
  end

  local function details() return ok(server:api("GET", SCRIPT)).script end

  describe("that is set", function ()
    it("is answered, read and listed without its value", function ()
      local shown = { name = "KEY", type = "secret_text" }
      assert.same(shown, ok(put { name = "KEY", type = "secret_text", text = VALUE }))
      assert.same(shown, ok(get "/KEY"))
      assert.same({ shown }, { table.unpack(ok(get())) })
    end)

    it("is a text unless it says otherwise", function ()
      assert.equal("secret_text", ok(put { name = "KEY", text = VALUE }).type)
    end)

    it("may be a key, of which all but the key is shown", function ()
      local shown = { name = "SIGN", type = "secret_key", algorithm = HMAC, format = "raw",
        usages = { "sign", "verify" } }
      for _, format in ipairs { "raw", "pkcs8", "spki" } do
        shown.format = format
        local answer = ok(put(key { format = format, key_base64 = "a2V5" }))
        answer.usages = { table.unpack(answer.usages) }
        assert.same(shown, answer)
      end
      local jwk = ok(put(key { format = "jwk", key_jwk = { kty = "oct", k = VALUE } }))
      assert.equal("jwk", jwk.format)
      assert.is_nil(jwk.key_jwk)
    end)

    it("replaces the secret of that name, whatever its type", function ()
      put_text "KEY"
      local before = state().secrets.KEY
      put_text("KEY", "another-value")
      assert.are_not.equal(before, state().secrets.KEY)
      ok(put(key { name = "KEY", key_base64 = "a2V5" }))
      assert.equal("secret_key", ok(get "/KEY").type)
      assert.equal(1, #ok(get()))
    end)

    it("is among the bindings, where it was or at their end", function ()
      put_text "A"
      put_text "B"
      put_text("A", "another-value")
      local list = {}
      for i, binding in ipairs(ok(server:api("GET", SCRIPT .. "/bindings"))) do
        list[i] = binding.name
      end
      assert.equal("MODE A B", table.concat(list, " "))
    end)

    it("is taken over by an upload that keeps its type", function ()
      put_text "KEY"
      ok(server:put(SCRIPT, { keep_bindings = json.array { "secret_text" } }))
      assert.equal("KEY", names())
    end)

    it("makes a version and a time of change, and leaves the code as it is", function ()
      local before, number = details(), state().number
      put_text "KEY"
      assert.equal(number + 1, state().number)
      assert.equal(before.etag, details().etag)
      assert.equal(before.created_on, details().created_on)
      assert.are_not.equal(before.modified_on, details().modified_on)
    end)

    it("may have any name; one that scripts cannot write gets a warning", function ()
      for escaped, name in pairs { ["a%2Fb"] = "a/b", ["my-key"] = "my-key", ["%25"] = "%",
        ["%C3%9C%20%3F%23"] = "Ü ?#", ["%2E%2E"] = "..", ["a%00b"] = "a\0b",
        [("x"):rep(300)] = ("x"):rep(300), ["%252F"] = "%2F" } do
        local response = put { name = name, text = VALUE }
        ok(response)
        local is_usual = name:find "^x+$" ~= nil
        assert.equal(is_usual and 0 or 1, #response.json.messages, name)
        for _, query in ipairs { "", "?url_encoded=true", "?url_encoded=false" } do
          assert.equal(name, ok(get("/" .. escaped .. query)).name)
        end
        assert.equal(json.null,
          ok(server:api("DELETE", SECRETS .. "/" .. escaped .. "?url_encoded=true")))
      end
      assert.equal("", names())
    end)
  end)

  it("is listed in the order of names", function ()
    for _, name in ipairs { "b", "C", "a", "A" } do put_text(name) end
    assert.equal("A C a b", names())
  end)

  describe("that is deleted", function ()
    it("is gone, in one more version", function ()
      put_text "KEY"
      put_text "OTHER"
      local number, etag = state().number, details().etag
      assert.equal(json.null, ok(server:api("DELETE", SECRETS .. "/KEY")))
      assert.equal("OTHER", names())
      assert.is_nil(state().secrets.KEY)
      assert.equal(number + 1, state().number)
      assert.equal(etag, details().etag)
      refused(get "/KEY", 404, 10056)
    end)
  end)

  describe("is refused", function ()
    it("when there is no such script, or namespace", function ()
      for _, call in ipairs { { "PUT", "" }, { "GET", "" }, { "GET", "/KEY" },
        { "DELETE", "/KEY" }, { "PATCH", "-bulk" } } do
        local method, rest = table.unpack(call)
        local options = { body = method ~= "GET" and "{" or nil,
          headers = { ["content-type"] = "application/json" } }
        refused(server:api(method, "/prod/scripts/none/secrets" .. rest, options), 404, 10007)
        refused(server:api(method, "/none/scripts/none/secrets" .. rest, options), 404, 100119)
      end
    end)

    it("when there is no such secret; another binding is none", function ()
      for _, name in ipairs { "NONE", "MODE" } do
        local errors = refused(get("/" .. name), 404, 10056)
        assert.equal(("Binding '%s' not found. Please use a different name and try again.")
          :format(name), errors[1].message)
        refused(server:api("DELETE", SECRETS .. "/" .. name), 404, 10056)
      end
    end)

    it("when the body cannot be read", function ()
      for _, body in ipairs { "", "{", "{'name':'A'}" } do
        refused(server:api("PUT", SECRETS, { body = body }), 400, 10026)
        refused(server:api("PATCH", BULK, { body = body,
          headers = { ["content-type"] = "application/json" } }), 400, 10026)
      end
    end)

    for _, case in ipairs {
      { "an array", json.array {}, 10021, "" },
      { "no name", { text = VALUE }, 10021, "/name" },
      { "an empty name", { name = "", text = VALUE }, 10021, "/name" },
      { "a name that is no text", { name = 3, text = VALUE }, 10021, "/name" },
      { "another type", { name = "A", type = "plain_text", text = VALUE }, 10021, "/type" },
      { "a type that is no text", { name = "A", type = 1, text = VALUE }, 10021, "/type" },
      { "no text", { name = "A" }, 10021, "/text" },
      { "a text that is none", { name = "A", text = 12345678 }, 10021, "/text" },
      { "a text of null", { name = "A", text = json.null }, 10021, "/text" },
      { "too long a text", { name = "A", text = ("x"):rep(5121) }, 10054, "" },
      { "the name of another binding", { name = "MODE", text = VALUE }, 10053, "/name" },
      { "no algorithm", key { algorithm = json.null, key_base64 = "aa" }, 10021, "/algorithm" },
      { "no format", key { format = json.null, key_base64 = "aa" }, 10021, "/format" },
      { "an unknown format", key { format = "pem", key_base64 = "aa" }, 10021, "/format" },
      { "no usages", key { usages = json.null, key_base64 = "aa" }, 10021, "/usages" },
      { "usages that are no list", key { usages = "sign", key_base64 = "aa" }, 10021, "/usages" },
      { "an unknown usage", key { usages = json.array { "sign", "hash" }, key_base64 = "aa" },
        10021, "/usages/1" },
      { "no key", key {}, 10021, "/key_base64" },
      { "a key that is no text", key { key_base64 = 1 }, 10021, "/key_base64" },
      { "the wrong kind of key", key { key_jwk = { k = VALUE } }, 10021, "/key_base64" },
      { "a JWK that is none", key { format = "jwk", key_jwk = VALUE }, 10021, "/key_jwk" },
      { "too long a key", key { key_base64 = ("x"):rep(5121) }, 10054, "" },
      { "too long a JWK", key { format = "jwk", key_jwk = { k = ("x"):rep(5121) } }, 10054, "" },
    } do
      local what, secret, code, pointer = table.unpack(case)

      it("with " .. what, function ()
        local number = state().number
        local errors = refused(put(secret), 400, code)
        assert.equal(pointer, errors[1].source.pointer)
        assert.equal(number, state().number)
      end)
    end

    it("when it is one too many", function ()
      local secrets = {}
      for i = 1, 127 do secrets["S" .. i] = { text = VALUE } end
      ok(bulk(secrets))
      local errors = refused(put { name = "ONE_MORE", text = VALUE }, 400, 10055)
      assert.equal("A Worker can have at most 128 variables and secrets", errors[1].message)
      ok(put { name = "S1", text = "another-value" })
      refused(bulk { ONE_MORE = { text = VALUE } }, 400, 10055)
      ok(bulk { ONE_MORE = { text = VALUE }, S1 = json.null })
      for i = 1, 9000 do secrets["S" .. i] = { text = VALUE } end
      refused(bulk(secrets), 400, 10055)
    end)

    it("and leaves the value nowhere", function ()
      for _, secret in ipairs {
        { name = "A", type = VALUE, text = VALUE }, { name = "MODE", text = VALUE },
        key { format = "raw", text = VALUE }, key { usages = VALUE, key_base64 = VALUE },
        { name = "A", text = VALUE, value = VALUE },
      } do
        assert.is_nil(put(secret).body:find(VALUE, 1, true))
      end
      assert.is_nil(ok(get "/A").value)
    end)
  end)

  describe("among many", function ()
    it("is set, replaced, removed or left alone, in one version", function ()
      put_text "LEFT"
      put_text "REPLACED"
      put_text "REMOVED"
      local before, number = state().secrets, state().number
      local answer = ok(bulk { REPLACED = { type = "secret_text", name = "REPLACED", text = "new" },
        ADDED = key { name = "ADDED", key_base64 = "a2V5" }, REMOVED = json.null,
        NEVER_THERE = json.null })
      assert.equal("ADDED LEFT REPLACED", names())
      assert.equal(number + 1, state().number)
      assert.equal(before.LEFT, state().secrets.LEFT)
      assert.are_not.equal(before.REPLACED, state().secrets.REPLACED)
      assert.same({ name = "REPLACED", type = "secret_text" }, answer.REPLACED)
      assert.equal("secret_key", answer.ADDED.type)
      assert.same({ name = "LEFT", type = "secret_text" }, answer.LEFT)
      assert.is_nil(answer.REMOVED)
    end)

    it("needs no name of its own, and may come as a merge patch", function ()
      local response = bulk({ A = { text = VALUE } }, "application/merge-patch+json; charset=utf-8")
      assert.same({ A = { name = "A", type = "secret_text" } }, ok(response))
    end)

    it("changes nothing when nothing is asked for", function ()
      put_text "KEY"
      local before, number = details(), state().number
      assert.same({ KEY = { name = "KEY", type = "secret_text" } }, ok(bulk {}))
      ok(bulk { NONE = json.null, MODE = json.null })
      assert.equal(number, state().number)
      assert.same(before, details())
    end)

    for _, case in ipairs {
      { "a body that is no object", json.array {}, 10021, "" },
      { "no secrets", {}, 10021, "/secrets" },
      { "secrets that are none", { secrets = json.array {} }, 10021, "/secrets" },
      { "tags that are none", { secrets = {}, version_tags = "x" }, 10021, "/version_tags" },
      { "a bare text", { secrets = { A = VALUE } }, 10021, "/secrets/A" },
      { "another name", { secrets = { A = { name = "B", text = VALUE } } }, 10021,
        "/secrets/A/name" },
      { "no value", { secrets = { ["a/b~c"] = {} } }, 10021, "/secrets/a~1b~0c/text" },
      { "too long a value", { secrets = { A = { text = ("x"):rep(5121) } } }, 10054, "/secrets/A" },
      { "the name of another binding", { secrets = { MODE = { text = VALUE } } }, 10053,
        "/secrets/MODE" },
    } do
      local what, body, code, pointer = table.unpack(case)

      it("is refused with " .. what .. ", and with it all others", function ()
        if body.secrets and not json.is_array(body.secrets) then
          body.secrets.FINE = { text = VALUE }
        end
        local errors = refused(server:api("PATCH", BULK, { json = body }), 400, code)
        assert.equal(pointer, errors[1].source.pointer)
        assert.equal("", names())
      end)
    end

    it("is refused in a body of another type", function ()
      refused(bulk({ A = { text = VALUE } }, "text/plain"), 415, 10001)
    end)

    it("is none of twelve that get lost when all are set at once", function ()
      moonherd.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, { concurrency = 12 }, function (i)
        put_text("S" .. i)
      end)
      assert.equal(12, #ok(get()))
    end)
  end)

  it("is on disk and in memory of answers only sealed", function ()
    put_text "KEY"
    ok(put(key { format = "jwk", key_jwk = { kty = "oct", k = VALUE } }))
    ok(bulk { MORE = { text = VALUE } })
    for _, path in ipairs { "", "/secrets", "/secrets/KEY", "/bindings", "/settings" } do
      assert.is_nil(server:api("GET", SCRIPT .. path).body:find(VALUE, 1, true), path)
    end
    for _, name in ipairs(fs.list(server.directory)) do
      assert.is_nil(fs.read(server.directory .. "/" .. name):find(VALUE, 1, true), name)
    end
  end)
end)
