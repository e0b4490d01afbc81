-- What is sent again, how often, and what is looked for before: answers laid out one by one.
local async = require "moonherd.async"
local json = require "moonherd.json"
local stand_in = require "tests.spec.support.stand_in"

local FAST = { attempts = 3, backoff = 0.001, max_backoff = 0.001 }
local CODE = { ["a.mjs"] = "export default {}" }
local UPLOAD = { modules = CODE, compatibility_date = "2026-10-01" }

describe("a call", function ()
  local server, client, ns, script

  before_each(function ()
    server = stand_in.new()
    client = stand_in.without_host_options(function () return server:connect { retry = FAST } end)
    ns = client:namespace "prod"
    script = ns:script "a"
  end)
  after_each(function () server:close() end)

  local function failure(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return err
  end

  -- "PUT tags", "GET settings", …: what was sent, in order.
  local function sent()
    local list = {}
    for i, request in ipairs(server.requests) do
      list[i] = request.method .. " " .. request.target:match "([^/?]+)%??[^/]*$"
    end
    return table.concat(list, ", ")
  end

  describe("says in the log", function ()
    local log, write, lines = require "moonherd._log", nil, nil
    before_each(function ()
      write, lines = log.write, {}
      log.write = function (level, text)
        if level ~= "debug" then
          local shown = text:gsub("[%d.e-]+ s$", "# s"):gsub("%(.-%);", "(…);")
          lines[#lines + 1] = level .. ": " .. shown
        end
      end
    end)
    after_each(function () log.write = write end)

    it("each failure after which it is sent again, from the first on", function ()
      server:fail(503, nil):fail(503, nil):succeed { "x" }
      script:tags()
      assert.same({
        "warn: get tags of script prod/a: attempt 1 failed (…); again in # s",
        "warn: get tags of script prod/a: attempt 2 failed (…); again in # s",
      }, lines)
    end)

    it("that it was done, when a look shows it in spite of the answer", function ()
      server:fail(502, nil):fail(404, 10007)
      script:delete()
      assert.same({
        "warn: delete script prod/a: attempt 1 failed (…); again in # s",
        "info: delete script prod/a: the answer was 502, but a look shows that it was done",
      }, lines)
    end)
  end)

  describe("that reads", function ()
    it("is sent again after each failure that may pass", function ()
      for _, case in ipairs {
        { 408 }, { 425 }, { 429 }, { 429, 971 }, { 409, 10035 }, { 500, 10013 }, { 503 }, { 524 },
      } do
        server.requests = {}
        server:fail(case[1], case[2]):succeed { "x" }
        assert.are.same({ "x" }, script:tags(), case[1])
        assert.are.equal(2, #server.requests, case[1])
      end
    end)

    it("is not sent again after another 4xx", function ()
      for _, status in ipairs { 400, 401, 403, 404, 409, 412, 422 } do
        server.requests = {}
        server:fail(status, nil)
        assert.are.equal(status, failure(script.tags, script).status)
        assert.are.equal(1, #server.requests, status)
      end
    end)

    it("is sent again after a page of the edge, and a connection that broke", function ()
      server:answer { status = 502, body = "<html>" }
      server:answer { body = '{"success":true', cut = true }
      server:succeed { "x" }
      assert.are.same({ "x" }, script:tags())
      assert.are.equal(3, #server.requests)
    end)

    it("is given up after so many attempts, and tells all of them", function ()
      server:fail(500, 10013):fail(503, nil):fail(500, 10013)
      local err = failure(script.tags, script)
      assert.are.same({ 3, 3, 500, 503, "GET" },
        { err.attempts, #err.history, err.history[1].status, err.history[2].status, err.method })
      assert.is_true(err.history[1].pause > 0)
      assert.is_nil(err.history[3].pause)
      assert.are.equal(3, client:stats().requests)
    end)

    it("does not count 429 as an attempt", function ()
      for _ = 1, 5 do server:answer { status = 429, headers = { ["retry-after-ms"] = "1" } } end
      server:succeed { "x" }
      script:tags()
      assert.are.equal(6, #server.requests)
    end)

    it("heeds a server that wants no other", function ()
      server:answer { status = 503, headers = { ["x-should-retry"] = "false" } }
      assert.are.equal(1, failure(script.tags, script).attempts)
    end)

    it("is given up when the server asks for too long a pause", function ()
      local hints = {
        { headers = { ["retry-after"] = "3600" } }, { body = '{"retry_after":3600}' },
        { headers = { ["retry-after-ms"] = "3600000" } },
        { headers = { ["retry-after"] = "Fri, 01 Jan 2100 00:00:00 GMT" } },
      }
      for _, status in ipairs { 429, 504 } do
        for i, answer in ipairs(hints) do
          server:answer { status = status, headers = answer.headers, body = answer.body or "" }
          local err = failure(script.tags, script)
          assert.are.same({ status, 1 }, { err.status, err.attempts }, i)
          assert.is_true(err.retry_after >= 3600)
        end
      end
    end)

    it("ends with a limit around it, and tells its attempts", function ()
      server:answer { status = 503, headers = { ["retry-after"] = "60" } }
      local err = failure(async.timeout, 0.05, script.tags, script)
      assert.are.same({ "timeout", 1, 503 }, { err.kind, #err.history, err.history[1].status })
      assert.is_truthy(err.message:find "get tags of script prod/a")
    end)
  end)

  it("is sent once when that is what one wants", function ()
    local once = stand_in.without_host_options(function () return server:connect() end)
    server:fail(500, 10013)
    assert.are.equal(1, failure(once.namespaces, once).attempts)
  end)

  -- What is live, as the reads that follow an unclear write give it.
  local function settings(more)
    local live = { compatibility_date = "2026-10-01", compatibility_flags = json.array {},
      bindings = json.array {}, usage_model = "standard", logpush = false, tags = json.array {} }
    for name, value in pairs(more or {}) do live[name] = value end
    server:succeed(live)
  end
  local function content(text)
    local body = '--x\r\ncontent-disposition: form-data; name="a.mjs"; filename="a.mjs"\r\n'
      .. "content-type: application/javascript+module\r\n\r\n" .. text .. "\r\n--x--\r\n"
    server:answer { body = body, headers = {
      ["content-type"] = "multipart/form-data; boundary=x", ["cf-entrypoint"] = "a.mjs",
    } }
  end
  local function unclear() server:answer { body = "{", cut = true } end

  describe("that uploads, and may have", function ()
    it("has when all of it is live", function ()
      unclear()
      settings()
      content(CODE["a.mjs"])
      server:succeed { script = { etag = "new" } }
      local result = script:upload(UPLOAD)
      assert.are.same({ "new", 4 }, { result.etag, result.requests })
      assert.are.equal("PUT a, GET settings, GET content, GET a", sent())
    end)

    it("is sent again when anything differs", function ()
      local cases = {
        { compatibility_date = "2025-01-01" }, { limits = { cpu_ms = 10 } }, { logpush = true },
        { compatibility_flags = { "nodejs_compat" } }, { tags = { "b" } },
        { bindings = { { type = "plain_text", name = "OLD", text = "x" } } },
      }
      for i, more in ipairs(cases) do
        server.requests = {}
        unclear()
        settings(more)
        local spec = { tags = { "a" }, modules = CODE, compatibility_date = "2026-10-01" }
        if not more.tags then spec.tags = nil end
        script:upload(spec)
        assert.are.equal("PUT a, GET settings, PUT a", sent(), i)
      end
    end)

    it("is sent again when the code differs", function ()
      unclear()
      settings()
      content "export default { old }"
      script:upload(UPLOAD)
      assert.are.equal("PUT a, GET settings, GET content, PUT a", sent())
    end)

    it("is sent again when it is not there", function ()
      unclear()
      server:fail(404, 10007)
      script:upload(UPLOAD)
      assert.are.equal("PUT a, GET settings, PUT a", sent())
    end)

    it("is sent again, unseen, when it has a secret", function ()
      unclear()
      script:upload { modules = CODE, compatibility_date = "2026-10-01",
        bindings = { KEY = { type = "secret_text", text = "secret-value" } } }
      assert.are.equal("PUT a, PUT a", sent())
    end)

    it("stays unclear when the look fails", function ()
      unclear()
      server:fail(403, 10000)
      local err = failure(script.upload, script, UPLOAD)
      assert.are.same({ "connection_reset", "unknown", "auth" },
        { err.reason, err.outcome, err.cause.reason })
    end)
  end)

  describe("that changes, and may have", function ()
    it("has when what was sent is live", function ()
      local cases = {
        { function () return script:put_tags { "b", "a" } end, { "a", "b" }, "PUT tags, GET tags" },
        { function () return script:add_tag "x:y" end, { "x:y" }, "PUT x%3Ay, GET tags" },
        { function () return script:delete_tag "x" end, { "y" }, "DELETE x, GET tags" },
        { function () return script:patch_settings { logpush = true } end, { logpush = true },
          "PATCH settings, GET settings" },
        { function () return ns:set_trusted(true) end, { trusted_workers = true },
          "PATCH prod, GET prod" },
      }
      for _, case in ipairs(cases) do
        server.requests = {}
        unclear()
        server:succeed(case[2])
        case[1]()
        assert.are.equal(case[3], sent())
      end
    end)

    it("is sent again when it is not", function ()
      unclear()
      server:succeed { "a" }
      script:put_tags { "b" }
      assert.are.equal("PUT tags, GET tags, PUT tags", sent())
    end)

    it("is sent again without a look when it is a secret", function ()
      server:fail(500, 10013)
      script:put_secret("KEY", "secret-value")
      assert.are.equal("PUT secrets, PUT secrets", sent())
    end)

    it("has renamed when the new name is there and the old one is not", function ()
      unclear()
      server:succeed { namespace_name = "new" }:fail(404, 100119)
      ns:rename "new"
      assert.are.equal("PATCH prod, GET new, GET prod", sent())
    end)
  end)

  describe("that deletes, and may have", function ()
    it("has when the second time finds nothing", function ()
      unclear()
      server:fail(404, 10007)
      script:delete()
      assert.are.equal("DELETE a, DELETE a", sent())
    end)

    it("fails when the first time finds nothing", function ()
      server:fail(404, 10007)
      assert.are.equal("script_not_found", failure(script.delete, script).reason)
    end)

    it("of many, lists anew what is left and deletes no more than that", function ()
      server:succeed { { id = "a" }, { id = "b" }, { id = "c" } }
      server:fail(500, 10013):succeed { { id = "c" } }
      server:succeed { deleted_count = 1, deleted = { { id = "c" } }, has_more = false }
      local result = ns:delete_scripts { all = true }
      assert.are.same({ 3, 4, 0 }, { result.count, result.requests, #result.unconfirmed })
      assert.are.equal("GET scripts, DELETE scripts, GET scripts, DELETE scripts", sent())
      assert.is_truthy(server:last().target:find "limit=1$")
    end)

    it("of many, is given up after so many failures", function ()
      server:succeed { { id = "a" } }
      for _ = 1, 2 do server:fail(500, 10013):succeed { { id = "a" } } end
      server:fail(500, 10013)
      local err = failure(ns.delete_scripts, ns, { all = true })
      assert.are.same({ "unknown", 6 }, { err.outcome, err.progress.requests })
    end)
  end)

  describe("that creates a namespace, and may have", function ()
    local function created(seconds)
      return { namespace_name = "new", created_on = os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) }
    end

    it("has when it is there and new", function ()
      unclear()
      server:succeed(created(os.time()))
      local made, details = client:create_namespace "new"
      assert.are.same({ "new", "new" }, { made.name, details.namespace_name })
    end)

    it("is sent again when it is not there", function ()
      unclear()
      server:fail(404, 100119):succeed(created(os.time()))
      client:create_namespace "new"
      assert.are.equal("POST namespaces, GET new, POST namespaces", sent())
    end)

    it("has when a second time is told that it is taken", function ()
      unclear()
      server:fail(404, 100119):fail(409, 100120):succeed(created(os.time()))
      client:create_namespace "new"
      assert.are.equal(4, #server.requests)
    end)

    it("has not when it is older", function ()
      unclear()
      server:succeed(created(os.time() - 3600)):fail(409, 100120)
        :succeed(created(os.time() - 3600))
      assert.are.equal("namespace_exists",
        failure(client.create_namespace, client, "new").reason)
    end)

    it("is waited for when it cannot be seen yet", function ()
      server:succeed(created(os.time()))
      client:create_namespace "new"
      server:fail(404, 100119):succeed { namespace_name = "new" }
      assert.are.equal("new", client:namespace "new":details().namespace_name)
      server:fail(404, 100119)
      assert.is_false(client:namespace "old":exists())
    end)
  end)

  it("of client:request is not sent again when it may have been done", function ()
    server:fail(500, 10013)
    local err = failure(client.request, client, { method = "PUT", path = "/x", json = {} })
    assert.are.same({ 1, "unknown" }, { err.attempts, err.outcome })
    server:fail(429, 971):succeed(1)
    assert.are.equal(1, client:request { method = "PUT", path = "/x", json = {} })
  end)
end)
