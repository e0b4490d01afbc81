local errors = require "moonherd.error"
local inherit = require "moonherd.cloudflare.inherit"
local json = require "moonherd.json"
local log = require "moonherd._log"
local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"

local TARGET = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts/shop/settings"

describe("the settings of a script", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  local LIVE = {
    bindings = {
      { name = "KEY", type = "secret_text" }, { name = "MODE", type = "plain_text", text = "live" },
      { name = "STORE", type = "kv_namespace", namespace_id = "1" },
    },
    limits = { cpu_ms = 50, subrequests = 10 },
    observability = { enabled = true, head_sampling_rate = 0.5, future = "kept",
      logs = { enabled = true, destinations = { "a", "b" } } },
  }

  local function patched()
    local request = server:last()
    assert.are.same({ "PATCH", TARGET }, { request.method, request.target })
    return json.decode(request.body:match "\r\n\r\n({.*})\r\n%-%-")
  end

  -- Patches a script whose settings are LIVE, and returns what was sent.
  local function patch(changes)
    server.requests, server.answers = {}, {}
    server:succeed(LIVE)
    script:patch_settings(changes)
    return patched()
  end

  local function refusal(changes)
    local before = #server.requests
    local ok, err = pcall(script.patch_settings, script, changes)
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    assert.are.same({ "usage", before }, { err.kind, #server.requests })
    return err.message
  end

  it("are read", function ()
    server:succeed { bindings = json.array {}, logpush = true, tail_consumers = json.null }
    assert.are.same({ bindings = {}, logpush = true }, script:settings())
    assert.are.same({ "GET", TARGET }, { server:last().method, server:last().target })
  end)

  it("are patched with these bytes", function ()
    script:patch_settings { logpush = true, tags = {} }
    local request = server:last()
    local boundary = request.headers["content-type"]
      :match '^multipart/form%-data; boundary="?([^"]+)"?$'
    assert.are.equal([[
--BOUNDARY
Content-Disposition: form-data; name="settings"
Content-Type: application/json

{"logpush":true,"tags":[]}
--BOUNDARY--
]], (request.body:gsub(boundary:gsub("%p", "%%%0"), "BOUNDARY"):gsub("\r\n", "\n")))
  end)

  describe("take one request", function ()
    local cases = {
      { compatibility_date = "2026-10-02" }, { compatibility_flags = { "nodejs_compat" } },
      { logpush = false }, { tags = { "a" } }, { usage_model = "standard" },
      { tail_consumers = { { service = "log" } } }, { tail_consumers = json.null },
      { placement = { mode = "smart" } }, { migrations = { new_tag = "v1" } },
      { exports = { A = { type = "worker" } } },
    }
    for _, fields in ipairs(cases) do
      it("for " .. next(fields), function ()
        server:succeed { logpush = true }
        assert.are.same({ logpush = true, requests = 1 }, script:patch_settings(fields))
        assert.are.same(fields, patched())
      end)
    end

    it("when they are replaced", function ()
      local fields = {
        limits = { cpu_ms = 5 },
        observability = { enabled = false, head_sampling_rate = json.null },
        bindings = { A = "a", KEY = { type = "secret_text" } },
      }
      fields.replace = true
      assert.are.equal(1, script:patch_settings(fields).requests)
      assert.are.same({
        limits = { cpu_ms = 5 },
        observability = { enabled = false, head_sampling_rate = json.null },
        bindings = { { name = "A", type = "plain_text", text = "a" },
          { name = "KEY", type = "inherit" } },
      }, patched())
    end)
  end)

  describe("are merged after a read", function ()
    it("when one member of an object is given", function ()
      assert.are.same({ limits = { cpu_ms = 10, subrequests = 10 } },
        patch { limits = { cpu_ms = 10 } })
      assert.are.equal(2, #server.requests)
    end)

    it("deep down, lists and unknown members as they are", function ()
      assert.are.same({ observability = { enabled = true, head_sampling_rate = 0.5,
        future = "kept", logs = { enabled = false, destinations = { "a", "b" } } } },
        patch { observability = { logs = { enabled = false } } })
      assert.are.same({ "c" }, patch({ observability = { logs = { destinations = { "c" } } } })
        .observability.logs.destinations)
    end)

    it("and null takes a member away", function ()
      assert.are.same({ limits = { subrequests = 10 } }, patch { limits = { cpu_ms = json.null } })
      local sent = patch { observability = { logs = { enabled = json.null }, traces = json.null } }
      assert.are.same({ destinations = { "a", "b" } }, sent.observability.logs)
    end)

    it("where nothing was set before", function ()
      assert.are.same({ cache_options = { enabled = true } },
        patch { cache_options = { enabled = true } })
    end)
  end)

  describe("keep bindings that are not named", function ()
    local KEY, MODE = { name = "KEY", type = "inherit" }, { name = "MODE", type = "inherit" }
    local STORE = { name = "STORE", type = "inherit" }

    it("when others are given by name", function ()
      local sent = patch { bindings = { NEW = "n", MODE = "test" } }
      assert.are.same({ KEY, { name = "MODE", type = "plain_text", text = "test" }, STORE,
        { name = "NEW", type = "plain_text", text = "n" } }, sent.bindings)
      assert.are.equal(2, #server.requests)
    end)

    it("when others are given as a list", function ()
      local sent = patch { bindings = { { name = "STORE", type = "kv_namespace",
        namespace_id = "2" } } }
      assert.are.same({ KEY, MODE, { name = "STORE", type = "kv_namespace", namespace_id = "2" } },
        sent.bindings)
    end)

    it("when one is removed, or one that is not there", function ()
      assert.are.same({ KEY, STORE }, patch({ bindings = { MODE = json.null } }).bindings)
      assert.are.same({ KEY, MODE, STORE }, patch({ bindings = { LOST = json.null } }).bindings)
    end)

    it("and never send a secret without its value", function ()
      local sent = patch { bindings = { KEY = { type = "secret_text" } } }
      assert.are.same({ KEY, MODE, STORE }, sent.bindings)
      local values = patch { bindings = LIVE.bindings }
      assert.are.same({ KEY, LIVE.bindings[2], LIVE.bindings[3] }, values.bindings)
    end)

    it("and take one under another name", function ()
      local renamed = { name = "NEXT", type = "inherit", old_name = "KEY" }
      assert.are.same({ MODE, STORE, renamed }, patch({ bindings = { KEY = json.null,
        NEXT = { type = "inherit", old_name = "KEY" } } }).bindings)
    end)

    it("and use a default for what is not live", function ()
      local sent = patch { bindings = { KEY = inherit { default = "x" },
        NEW = inherit { default = "n" } } }
      assert.are.same({ KEY, MODE, STORE, { name = "NEW", type = "plain_text", text = "n" } },
        sent.bindings)
    end)

    it("and refuse to inherit what is not live", function ()
      server:succeed(LIVE)
      local _, err = moonherd.try(script.patch_settings, script, { bindings = { LOST = inherit } })
      assert.are.same({ "binding_not_found", 1 }, { err.reason, #server.requests })
      assert.is_truthy(err.message:find "no binding 'LOST' is live")
    end)
  end)

  it("that were read can be patched as they are", function ()
    local settings = { logpush = true, requests = 1, exports_reconciliation = {},
      migration_tag = "", modified_on = "x",
      placement = { mode = "smart", status = "SUCCESS", last_analyzed_at = "x" } }
    script:patch_settings(settings)
    assert.are.same({ logpush = true, placement = { mode = "smart" } }, patched())
    assert.are.equal("SUCCESS", settings.placement.status)
  end)

  it("are never patched on top of an answer that holds none", function ()
    server:succeed(json.null)
    local _, err = moonherd.try(script.patch_settings, script, { bindings = { A = "a" } })
    assert.are.same({ "bad_answer", 1 }, { err.reason, #server.requests })
  end)

  it("hide the values of secrets", function ()
    patch { bindings = { KEY = { type = "secret_text", text = "hide-this-1" } } }
    assert.is_nil(log.mask("hide-this-1"):find "hide")
  end)

  describe("are refused before anything is sent", function ()
    local cases = {
      { {}, "nothing to change" }, { { bindings = {} }, "nothing to change" },
      { { bindings = inherit }, "nothing to change" }, { { limits = {} }, "nothing to change" },
      { { logpsh = true }, "did you mean 'logpush'" },
      { { vars = {} }, "variables are bindings" }, { { crons = {} }, "no cron triggers" },
      { { keep_bindings = {} }, "bindings that are not named are kept" },
      { { main_module = "a.mjs" }, "script:put_content" },
      { { logpush = "yes" }, "'logpush' %(boolean expected, got string" },
      { { limits = { cpu_ms = "5" } }, "'limits.cpu_ms'" },
      { { limits = { cpu = 5 } }, "unknown option 'limits.cpu' %(did you mean 'cpu_ms'" },
      { { limits = json.null }, "'limits' %(table expected, got null" },
      { { placement = { mode = "fast" } }, "'placement.mode'" },
      { { bindings = { A = 5 } }, "script:patch_settings: binding 'A'" },
      { { bindings = { A = json.null }, replace = true }, "leave the binding out" },
      { { bindings = { A = inherit { default = "x" } }, replace = true }, "cannot be used with" },
      { { migrations = {}, exports = {} }, "two ways" },
    }
    for _, case in ipairs(cases) do
      it(case[2], function () assert.is_truthy(refusal(case[1]):find(case[2])) end)
    end

    it("with too many tags", function ()
      local tags = {}
      for i = 1, 11 do tags[i] = "t" .. i end
      assert.is_truthy(refusal({ tags = tags }):find "11 tags are too many")
    end)
  end)
end)
