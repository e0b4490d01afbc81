local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"
local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"

local SCRIPT = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts/shop"
local HMAC = { name = "HMAC", hash = "SHA-256" }

describe("the secrets of a script", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  -- The last request: method, path below the script, body.
  local function sent()
    local request = server:last()
    assert.are.equal(SCRIPT, request.target:sub(1, #SCRIPT))
    return { request.method, request.target:sub(#SCRIPT + 1), request.body }
  end

  it("are listed", function ()
    local list = { { name = "KEY", type = "secret_text" } }
    server:succeed(list)
    assert.are.same(list, script:secrets())
    assert.are.same({ "GET", "/secrets", "" }, sent())
  end)

  it("are read one by one", function ()
    server:succeed { name = "KEY", type = "secret_text" }
    assert.are.same({ name = "KEY", type = "secret_text" }, script:secret "KEY")
    assert.are.same({ "GET", "/secrets/KEY", "" }, sent())
  end)

  it("are put as text, with these bytes", function ()
    server:succeed { name = "KEY", type = "secret_text" }
    assert.are.same({ name = "KEY", type = "secret_text" }, script:put_secret("KEY", "sesame-1"))
    assert.are.same({ "PUT", "/secrets", '{"name":"KEY","text":"sesame-1","type":"secret_text"}' },
      sent())
    assert.are.equal("application/json", server:last().headers["content-type"])
  end)

  it("are put as keys, with these bytes", function ()
    script:put_secret("KEY", {
      algorithm = HMAC, format = "raw", usages = { "sign", "verify" }, key_base64 = "c2VzYW1lMg==",
    })
    assert.are.same({ "PUT", "/secrets", '{"algorithm":{"hash":"SHA-256","name":"HMAC"},'
      .. '"format":"raw","key_base64":"c2VzYW1lMg==","name":"KEY","type":"secret_key",'
      .. '"usages":["sign","verify"]}' }, sent())
    script:put_secret("KEY", {
      algorithm = "x", format = "jwk", usages = { "sign" }, key_jwk = { kty = "oct", k = "c2Vz" },
    })
    assert.are.same({ kty = "oct", k = "c2Vz" }, json.decode(server:last().body).key_jwk)
  end)

  it("are set and deleted together, with these bytes", function ()
    server:succeed { A = { name = "A", type = "secret_text" } }
    assert.are.same({ A = { name = "A", type = "secret_text" } },
      script:put_secrets { A = "sesame-3", OLD = moonherd.null })
    assert.are.same({ "PATCH", "/secrets-bulk", '{"secrets":{"A":{"name":"A","text":"sesame-3",'
      .. '"type":"secret_text"},"OLD":null}}' }, sent())
  end)

  it("are deleted", function ()
    server:succeed(json.null)
    script:delete_secret "KEY"
    assert.are.same({ "DELETE", "/secrets/KEY", "" }, sent())
  end)

  it("have their names encoded, and the API is told so", function ()
    script:secret "a/b c"
    assert.are.same({ "GET", "/secrets/a%2Fb%20c?url_encoded=true", "" }, sent())
    script:delete_secret "ä"
    assert.are.same({ "DELETE", "/secrets/%C3%A4?url_encoded=true", "" }, sent())
  end)

  it("that are missing say so", function ()
    server:fail(404, 10056, "secret not found")
    local _, err = moonherd.try(script.secret, script, "KEY")
    assert.are.same({ "api", "binding_not_found" }, { err.kind, err.reason })
    server:fail(404, 10007, "not found")
    _, err = moonherd.try(script.put_secret, script, "KEY", "sesame-4")
    assert.are.equal("script_not_found", err.reason)
  end)

  describe("are refused before anything is sent", function ()
    local function refusal(method, ...)
      local ok, err = pcall(script[method], script, ...)
      assert.is_false(ok)
      assert.is_true(errors.is(err))
      assert.are.same({ "usage", 0 }, { err.kind, #server.requests })
      return err.message, err.reason
    end

    -- what is wrong, the value, what the message says
    local VALUES = {
      { "nothing", nil, "text or a key %(a table%), got nil" },
      { "a number", 5, "got number" },
      { "null", moonherd.null, "got null" },
      { "bytes", "\xff\xfe", "is not UTF%-8; bytes are kept as a key" },
      { "what JSON cannot hold", { algorithm = print, format = "raw", usages = { "sign" },
        key_base64 = "eA==" }, "put_secret: algorithm: a function" },
      { "an unknown field", { algoritm = "x" }, "'algoritm' %(did you mean 'algorithm'" },
      { "no algorithm", {}, "needs 'algorithm'" },
      { "no format", { algorithm = HMAC }, "'format' is one of raw, pkcs8, spki, jwk; got nil" },
      { "an odd format", { algorithm = HMAC, format = "pem" }, "got 'pem'" },
      { "no usages", { algorithm = HMAC, format = "raw" }, "'usages' is a list" },
      { "an odd usage", { algorithm = HMAC, format = "raw", usages = { "sing" } }, "'sign'" },
      { "no key", { algorithm = HMAC, format = "raw", usages = { "sign" } }, "'key_base64'" },
      { "the wrong key", { algorithm = HMAC, format = "jwk", usages = { "sign" },
        key_base64 = "x" }, "'key_jwk', not 'key_base64'" },
    }
    for _, case in ipairs(VALUES) do
      it("with " .. case[1], function ()
        assert.is_truthy(refusal("put_secret", "KEY", case[2]):find(case[3]))
      end)
    end

    it("with more than 5 KB", function ()
      local message, reason = refusal("put_secret", "KEY", ("x"):rep(5121))
      assert.is_truthy(message:find "'KEY' has 5121 bytes; 5120 are the most")
      assert.are.equal("binding_too_large", reason)
      refusal("put_secrets", { A = "sesame-5", KEY = ("x"):rep(5121) })
    end)

    it("with names that are none", function ()
      refusal("put_secret", nil, "sesame-6")
      refusal("put_secret", "", "sesame-6")
      refusal("secret", "..")
      refusal("delete_secret", 5)
      refusal("put_secrets", { "sesame-6" })
    end)

    it("when there are none or too many of them", function ()
      assert.is_truthy(refusal("put_secrets", {}):find "no secret is named")
      assert.is_truthy(refusal("put_secrets"):find "values by name is expected")
      local many = {}
      for i = 1, 129 do many["K" .. i] = "sesame-7" end
      assert.are.equal("too_many_bindings", select(2, refusal("put_secrets", many)))
    end)
  end)

  it("are hidden from logs and errors, even those that were refused", function ()
    pcall(script.put_secret, script, "..", "hide-me-1")
    pcall(script.put_secret, script, "KEY", { algorithm = 5, key_base64 = "hide-me-2" })
    pcall(script.put_secret, script, "KEY", { key_jwk = { k = "hide-me-3", d = "hide-me-4" } })
    pcall(script.put_secrets, script, { [".."] = "hide-me-5", A = "hide-me-6" })
    pcall(script.put_secret, script, "KEY", ("hide-me-7 "):rep(1000))
    local shown = log.mask("hide-me-1 hide-me-2 hide-me-3 hide-me-4 hide-me-5 hide-me-6 "
      .. ("hide-me-7 "):rep(1000))
    assert.is_nil(shown:find "hide%-me")
  end)
end)
