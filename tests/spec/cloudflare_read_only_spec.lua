local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"

describe("a client that is read-only", function ()
  local server, client

  before_each(function ()
    server = stand_in.new()
    client = stand_in.without_host_options(function ()
      return server:connect { read_only = true }
    end)
  end)
  after_each(function () server:close() end)

  local function scripts() return client:namespace "prod" end
  local function script() return client:namespace("prod"):script "acme" end

  it("lets reads through", function ()
    server:succeed { { namespace_name = "prod" } }
    assert.are.equal("prod", client:namespaces()[1].namespace_name)
    server:succeed { script = { etag = "e" } }
    assert.are.equal("e", script():details().script.etag)
    assert.are.equal(2, client:stats().requests)
  end)

  local WRITES = {
    { "POST", "/workers/dispatch/namespaces", function () client:create_namespace "new" end },
    { "PATCH", "namespaces/prod", function () scripts():rename "other" end },
    { "PUT", "scripts/acme", function ()
      script():upload { modules = { ["a.mjs"] = "export default {}" },
        compatibility_date = "2026-10-01" }
    end },
    { "DELETE", "scripts/acme", function () script():delete() end },
    { "PUT", "scripts/acme/secrets", function () script():put_secret("KEY", "a value of it") end },
    { "PUT", "scripts/acme/tags", function () script():put_tags { "a" } end },
    { "PATCH", "/zones/a", function ()
      client:request { method = "patch", path = "/zones/a", json = {} }
    end },
  }
  for _, case in ipairs(WRITES) do
    it(("refuses %s %s before anything is sent"):format(case[1], case[2]), function ()
      local ok, err = moonherd.try(case[3])
      assert.is_nil(ok)
      assert.are.equal("usage", err.kind)
      assert.are.equal("read_only", err.reason)
      assert.are.equal("not_applied", err.outcome)
      assert.are.equal(case[1], err.method)
      assert.truthy(err.message:find(case[1] .. " /", 1, true))
      assert.truthy(err.message:find(case[2], 1, true))
      assert.are.equal(0, #server.requests)
      assert.are.equal(0, client:stats().requests)
    end)
  end

  it("is what the host makes of every client", function ()
    local host = require "moonherd._host"
    local options = host.options
    host.options = { read_only = true }
    local _, err = moonherd.try(function ()
      server:connect():namespace("prod"):script("acme"):delete()
    end)
    host.options = options
    assert.are.equal("read_only", err.reason)
  end)
end)
