-- What the client makes of the odd answers seen in the wild (contract §1.5): each a case.
local async = require "moonherd.async"
local errors = require "moonherd.error"
local serve = require "moonherd.serve"
local stand_in = require "tests.spec.support.stand_in"

local HTML = { ["content-type"] = "text/html" }

describe("an answer", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = stand_in.without_host_options(function ()
      return server:connect():namespace("ns"):script "s"
    end)
  end)
  after_each(function () server:close() end)

  local function refused(answer)
    server:answer(answer)
    local ok, err = pcall(script.details, script)
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    assert.are.equal("api", err.kind)
    return err
  end

  local function deletes(answer)
    server:answer(answer)
    script:delete()
    assert.are.equal("DELETE", server:last().method)
  end

  it("may have a message of any length: the error shows its beginning", function ()
    local long = ("ü"):rep(5000)
    local err = refused { status = 400,
      body = '{"success":false,"errors":[null,{"code":10021,"message":"' .. long .. '"}]}' }
    assert.is_true(#tostring(err) < 2100)
    assert.is_truthy(utf8.len(err.message))
    assert.are.equal(long, err.errors[2].message)
    assert.is_nil(err.errors[1].message)
  end)

  describe("that is a success", function ()
    it("may have no result", function ()
      deletes { body = '{"success":true,"errors":[],"messages":[],"result":null}' }
    end)

    it("may have null for its lists", function ()
      deletes { body = '{"success":true,"errors":null,"messages":null,"result":null}' }
    end)

    it("may have no body at all", function ()
      deletes { status = 200, body = "" }
      deletes { status = 204, body = "" }
    end)

    it("has no nulls", function ()
      server:answer {
        body = '{"success":true,"result":{"a":null,"script":{"tags":null,"id":"s"}}}',
      }
      assert.are.same({ script = { id = "s" } }, script:details())
    end)

    it("brings its messages along", function ()
      server:answer { body = '{"success":true,"result":{"script":{}},"messages":'
        .. '[{"code":10100,"message":"old date"},"plain text"]}' }
      local messages = script:details().messages
      assert.are.same({ { code = 10100, message = "old date" }, { message = "plain text" } },
        messages)
    end)
  end)

  describe("that is a failure", function ()
    it("keeps every entry with all it says", function ()
      local err = refused { status = 400, headers = { ["cf-ray"] = "8a1b-FRA" }, body = [[{
        "success": false, "result": {}, "messages": [{"code": 1000, "message": "by the way"}],
        "errors": [
          {"code": 10021, "message": "No such module", "documentation_url": "https://d.test",
           "source": {"pointer": "/main_module"}},
          {"code": 10052, "message": "Binding is missing a name"}]}]] }
      assert.are.same({ "validation", 10021, 400, "8a1b-FRA", false },
        { err.reason, err.code, err.status, err.ray_id, err.retryable })
      assert.are.equal("https://d.test", err.errors[1].documentation_url)
      assert.are.equal("/main_module", err.errors[1].source.pointer)
      assert.are.equal(10052, err.errors[2].code)
      assert.are.equal("by the way", err.messages[1].message)
      assert.are.equal("get script ns/s: No such module (and 1 more)", err.message)
      assert.are.equal("GET", err.method)
      assert.is_truthy(err.path:find("/workers/dispatch/namespaces/ns/scripts/s$"))
      assert.are.equal(1, err.attempts)
      assert.are.same({ status = 400, code = 10021, reason = "validation" }, {
        status = err.history[1].status, code = err.history[1].code, reason = err.history[1].reason,
      })
    end)

    it("counts as one whatever its status", function ()
      local err = refused { status = 200,
        body = '{"success":false,"errors":[{"code":10092,"message":"x"}],"result":null}' }
      assert.are.same({ "script_not_found", 200 }, { err.reason, err.status })
    end)

    it("counts as one whatever `success` says", function ()
      assert.are.equal("server_error",
        refused { status = 500, body = '{"success":true,"errors":[],"result":{}}' }.reason)
    end)

    it("may have null for its errors, or none", function ()
      local err = refused { status = 403, body = '{"success":false,"errors":null,"result":{}}' }
      assert.are.same({ "forbidden", 0 }, { err.reason, #err.errors })
      err = refused { status = 403, body = '{"success":false,"errors":{},"messages":null}' }
      assert.are.same({ "forbidden", 0 }, { err.reason, #err.errors })
    end)

    it("may have entries without a code, with a code as text, or entries that are text", function ()
      local err = refused { status = 404, body = '{"success":false,"errors":[{"message":"x"}]}' }
      assert.are.same({ "script_not_found", nil }, { err.reason, err.code })
      err = refused { status = 404, body = '{"success":false,"errors":[{"code":"100119"}]}' }
      assert.are.same({ "namespace_not_found", 100119 }, { err.reason, err.code })
      err = refused { status = 400, body = '{"success":false,"errors":["just words"]}' }
      assert.are.equal("just words", err.errors[1].message)
    end)

    it("may be no envelope: {error, code}", function ()
      local err = refused { status = 400, body = '{"error":"bad request","code":10026}' }
      assert.are.same({ "invalid_body", 10026 }, { err.reason, err.code })
      assert.is_truthy(err.message:find "bad request")
    end)

    it("may be the word null", function ()
      local err = refused { status = 429, body = "null" }
      assert.are.same({ "rate_limited", true }, { err.reason, err.retryable })
    end)

    it("may have no body", function ()
      assert.are.equal("script_not_found", refused { status = 404, body = "" }.reason)
      assert.are.equal("server_error", refused { status = 503, body = "" }.reason)
    end)

    it("may be a page of the edge: its start is kept", function ()
      local page = "<html>\n<title>502 Bad Gateway</title>" .. ("x"):rep(500)
      local err = refused { status = 502, body = page, headers = HTML }
      assert.are.same({ "server_error", true }, { err.reason, err.retryable })
      assert.are.equal(200, #err.body)
      assert.are.equal("<html> <title>", err.body:sub(1, 14))
    end)

    it("may be a challenge", function ()
      local err = refused { status = 403, body = "<html>…", headers = {
        ["content-type"] = "text/html", ["cf-mitigated"] = "challenge", ["cf-ray"] = "7c-AMS",
      } }
      assert.are.same({ "challenge", "7c-AMS" }, { err.reason, err.ray_id })
      assert.is_truthy(err.hint:find "ray id")
    end)

    it("keeps no half characters of a page", function ()
      local err = refused { status = 500, body = ("x"):rep(199) .. "ä" .. ("y"):rep(50) }
      assert.are.equal(("x"):rep(199), err.body)
      assert.is_truthy(utf8.len(refused { status = 500, body = "\xff\xfe<html>" }.body))
    end)
  end)

  describe("that is not the API's", function ()
    it("is no success, whatever its status", function ()
      assert.are.equal("bad_answer", refused { status = 200, body = "<html>hello" }.reason)
      assert.are.equal("bad_answer", refused { status = 200, body = '{"hello":"world"}' }.reason)
      assert.are.equal("bad_answer", refused { status = 200, body = "[1]" }.reason)
    end)

    it("says nothing about what exists", function ()
      local page = { status = 404, body = "<html>nginx", headers = HTML }
      assert.are.equal("bad_answer", refused(page).reason)
      server:answer(page)
      assert.is_false((pcall(script.exists, script)))
    end)
  end)

  describe("says that a script does not exist", function ()
    it("by 404 and each of three codes, and by a success without a script", function ()
      for _, code in ipairs { 10007, 10090, 10092, 100119 } do
        server:fail(404, code)
        assert.is_false(script:exists())
      end
      server:answer { status = 404, body = "" }
      assert.is_false(script:exists())
      server:answer { body = '{"success":true,"errors":[],"result":null}' }
      assert.is_false(script:exists())
      server:answer { body = '{"success":true,"errors":[],"result":{"script":null}}' }
      assert.is_false(script:exists())
    end)

    it("and nothing else does", function ()
      server:fail(403, 10000)
      local ok, err = pcall(script.exists, script)
      assert.are.same({ false, "auth" }, { ok, err.reason })
      server:succeed { script = { id = "s" } }
      assert.is_true(script:exists())
    end)
  end)

  describe("that is late", function ()
    local late

    before_each(function () late = serve.listen { host = "127.0.0.1", port = 0 } end)
    after_each(function () late:abort() end)

    -- A script of a server that never answers.
    local function waiting(timeout)
      return stand_in.without_host_options(function ()
        local base = ("http://127.0.0.1:%d"):format(late.port)
        return server:connect({ base_url = base, timeout = timeout }):namespace("ns"):script "s"
      end)
    end
    it("is an error of the client's own limit", function ()
      local other = waiting "50ms"
      local ok, err = pcall(other.details, other)
      assert.is_false(ok)
      assert.are.same({ "timeout", "timeout_total", "GET", true, true },
        { err.kind, err.reason, err.method, err.sent, err.retryable })
    end)

    it("leaves the limits around the call as they are", function ()
      local other = waiting "10s"
      local ok, err = pcall(async.timeout, "50ms", other.details, other)
      assert.is_false(ok)
      assert.are.same({ "timeout", nil }, { err.kind, err.method })
      assert.are_not.equal("timeout_total", err.reason)
    end)
  end)

  it("that never comes is an error of the transfer, with the request in it", function ()
    local silent = stand_in.new()
    local other = stand_in.without_host_options(function ()
      return silent:connect():namespace("ns"):script "s"
    end)
    silent:close()
    local ok, err = pcall(other.details, other)
    assert.is_false(ok)
    assert.are.same({ "http", "connect_failed", "GET", 1, true },
      { err.kind, err.reason, err.method, err.attempts, err.retryable })
  end)
end)
