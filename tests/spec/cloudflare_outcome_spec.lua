-- Whether a write that failed was done all the same: what the error says of it.
local async = require "moonherd.async"
local stand_in = require "tests.spec.support.stand_in"

local ENVELOPE = '{"success":true,"errors":[],"messages":[],"result":null}'
local CODE = { ["a.mjs"] = "export default { fetch() { return new Response('hi') } }" }

describe("a write that failed", function ()
  local server, ns, script

  before_each(function ()
    server = stand_in.new()
    ns = server:namespace()
    script = ns:script "a"
  end)
  after_each(function () server:close() end)

  local function failure(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return err
  end

  local function add() return failure(script.add_tag, script, "x") end

  it("was not done when it was refused", function ()
    for _, status in ipairs { 400, 401, 403, 404, 408, 409, 412, 413, 422, 425, 429 } do
      server:fail(status, nil)
      assert.are.same({ status, "not_applied" }, { status, add().outcome })
    end
    server:answer { status = 429, body = "<html>slower</html>" }
    assert.are.equal("not_applied", add().outcome)
    server:fail(200, 10021)
    assert.are.equal("not_applied", add().outcome)
  end)

  it("was not done when it met a redirect or a challenge", function ()
    server:answer { status = 302, headers = { location = "https://elsewhere.test/" } }
    assert.are.equal("not_applied", add().outcome)
    server:answer { status = 503, headers = { ["cf-mitigated"] = "challenge" }, body = "<html>" }
    assert.are.equal("not_applied", add().outcome)
  end)

  it("may be done when the server failed", function ()
    for _, status in ipairs { 500, 502, 503, 504, 522, 524 } do
      server:answer { status = status, body = "<html>oops</html>" }
      assert.are.same({ status, "unknown" }, { status, add().outcome })
    end
    server:fail(200, 10013)
    assert.are.equal("unknown", add().outcome)
  end)

  it("may be done when the answer is not the API's", function ()
    server:answer { body = "<html>welcome to the hotel</html>" }
    assert.are.equal("unknown", add().outcome)
    server:answer { body = '{"result":null}' }
    assert.are.equal("unknown", add().outcome)
  end)

  it("may be done when the connection broke after it was sent", function ()
    server:answer { body = ENVELOPE, cut = true }
    local err = add()
    assert.are.same({ "connection_reset", "unknown" }, { err.reason, err.outcome })
  end)

  it("may be done when a time limit was over", function ()
    local late = stand_in.without_host_options(function ()
      return server:connect { timeout = "50ms" }:namespace("prod"):script "a"
    end)
    server:answer { hold = true }
    local err = failure(late.add_tag, late, "x")
    assert.are.same({ "timeout_total", "unknown" }, { err.reason, err.outcome })
  end)

  it("may be done when it was stopped", function ()
    server:answer { hold = true }
    local err = failure(async.timeout, 0.05, script.add_tag, script, "x")
    assert.are.same({ "timeout", "unknown" }, { err.reason, err.outcome })
    assert.is_truthy(err.hint:find "script:tags shows")
    server:answer { hold = true }
    local task = async.spawn(function () return pcall(script.add_tag, script, "x") end)
    async.sleep(0.02)
    task:cancel()
    local _, cancelled = task:wait()
    assert.are.same({ "cancelled", "unknown" }, { cancelled.kind, cancelled.outcome })
  end)

  it("was not done when it was stopped before it was sent again, or before its first write",
    function ()
      local client = stand_in.without_host_options(function ()
        return server:connect { retry = { backoff = 60, max_backoff = 60 } }
      end)
      local patient = client:namespace("prod"):script "a"
      server:fail(425, nil)
      local err = failure(async.timeout, 0.05, patient.add_tag, patient, "x")
      assert.are.same({ "timeout", "not_applied", 1 }, { err.kind, err.outcome, err.attempts })
      local change = { bindings = { MODE = "new" } }
      server:answer { hold = true }
      err = failure(async.timeout, 0.05, patient.patch_settings, patient, change)
      assert.are.same({ "timeout", "not_applied" }, { err.kind, err.outcome })
      server:fail(403, nil)
      assert.are.equal("not_applied", failure(script.patch_settings, script, change).outcome)
      server:fail(403, nil)
      assert.are.equal("not_applied", failure(client.ensure_namespace, client, "new").outcome)
    end)

  it("was not done, or may be, when scripts are deleted and that was stopped", function ()
    local LISTED = '{"success":true,"result":[{"id":"a","script":{"tag":"1"}}]}'
    server:answer { hold = true }
    local err = failure(async.timeout, 0.05, ns.delete_scripts, ns, { all = true })
    assert.are.same({ "timeout", "not_applied" }, { err.kind, err.outcome })
    server:answer { body = LISTED }:answer { hold = true }
    err = failure(async.timeout, 0.05, ns.delete_scripts, ns, { all = true })
    assert.are.same({ "timeout", "unknown", { "a" } },
      { err.kind, err.outcome, err.progress.unconfirmed })
  end)

  it("may have deleted a namespace just made: that it does not exist is believed then", function ()
    local client = stand_in.without_host_options(function ()
      return server:connect { retry = true }
    end)
    server:succeed { namespace_name = "new" }
    local new = client:create_namespace "new"
    server:succeed { namespace_name = "new", script_count = 0 }:answer { hold = true }
    failure(async.timeout, 0.05, new.delete, new)
    server:fail(404, 100119)
    local before = #server.requests
    assert.is_false(new:exists())
    assert.are.equal(before + 1, #server.requests)
  end)

  it("was not done when nothing of it left", function ()
    local lost = stand_in.without_host_options(function ()
      local client = server:connect { base_url = "http://127.0.0.1:1/client/v4" }
      return client:namespace("prod"):script "a"
    end)
    local err = failure(lost.add_tag, lost, "x")
    assert.are.same({ "connect_failed", "not_applied" }, { err.reason, err.outcome })
  end)

  it("names the read that shows whether it was done", function ()
    local upload = { modules = CODE, compatibility_date = "2026-10-01" }
    for _, case in ipairs {
      { "namespace:details", ns.rename, ns, "new" },
      { "namespace:details", ns.update, ns, { name = "new", trusted_workers = true } },
      { "script:details", script.upload, script, upload },
      { "script:details", script.put_content, script, { modules = CODE } },
      { "script:details", script.delete, script },
      { "script:tags", script.put_tags, script, {} },
      { "script:tags", script.add_tag, script, "x" },
      { "script:tags", script.delete_tag, script, "x" },
    } do
      server:fail(500, 10013)
      local err = failure(table.unpack(case, 2))
      assert.are.equal("unknown", err.outcome)
      assert.are.equal("it may have been done all the same: " .. case[1] .. " shows whether it was",
        err.hint)
    end
  end)

  it("keeps the usual hint when it was not done", function ()
    server:fail(404, 10007)
    assert.is_truthy(add().hint:find "upload the script first")
  end)

  it("is an error also when there was nothing to delete", function ()
    server:fail(404, 10007)
    local err = failure(script.delete, script)
    assert.are.same({ "script_not_found", "not_applied" }, { err.reason, err.outcome })
  end)

  it("has an outcome as a raw request too", function ()
    local client = ns._client
    server:fail(500, 10013)
    assert.are.equal("unknown", failure(client.request, client,
      { method = "POST", path = "/x", json = {} }).outcome)
    server:fail(400, 10026)
    assert.are.equal("not_applied", failure(client.request, client,
      { method = "POST", path = "/x", json = {} }).outcome)
  end)

  it("says so in its history", function ()
    server:fail(500, 10013)
    local err = add()
    assert.are.same({ 1, "unknown" }, { #err.history, err.history[1].outcome })
  end)
end)

describe("a read that failed", function ()
  it("has no outcome", function ()
    local server = stand_in.new()
    server:fail(500, 10013)
    local script = stand_in.without_host_options(function ()
      return server:connect():namespace("prod"):script "a"
    end)
    local ok, err = pcall(script.tags, script)
    server:close()
    assert.are.same({ false, "server_error" }, { ok, err.reason })
    assert.is_nil(err.outcome)
    assert.is_truthy(err.hint:find "try again")
  end)
end)
