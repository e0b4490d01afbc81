local json = require "moonherd.json"
local stand_in = require "tests.spec.support.stand_in"

local NAMESPACES = "/client/v4/accounts/" .. stand_in.ACCOUNT .. "/workers/dispatch/namespaces"

describe("a namespace", function ()
  local server, client, ns

  before_each(function ()
    server = stand_in.new()
    client = stand_in.without_host_options(function () return server:connect() end)
    ns = client:namespace "old"
  end)
  after_each(function () server:close() end)

  local function sent()
    local request = server:last()
    return { request.method, request.target:sub(#NAMESPACES + 2), json.decode(request.body) }
  end

  local function usage(f, ...)
    local ok, err = pcall(f, ns, ...)
    assert.are.same({ false, "usage", 0 }, { ok, err.kind, #server.requests })
    return err.message
  end

  describe("is renamed", function ()
    it("by a change of the name alone", function ()
      server:succeed { namespace_id = "1", namespace_name = "new" }
      assert.are.equal("1", ns:rename("new").namespace_id)
      assert.are.same({ "PATCH", "old", { name = "new" } }, sent())
    end)

    it("and its handle follows, with the script handles made from it", function ()
      local before = ns:script "a"
      server:succeed { namespace_name = "new one" }
      ns:rename "new one"
      assert.are.same({ "new one", "namespace new%20one" }, { ns.name, tostring(ns) })
      ns:details()
      assert.are.equal(NAMESPACES .. "/new%20one", server:last().target)
      before:tags()
      assert.are.equal(NAMESPACES .. "/new%20one/scripts/a/tags", server:last().target)
      assert.are.equal("script new%20one/a", tostring(before))
    end)

    it("but other handles to the old name stay with that", function ()
      local other = client:namespace "old"
      ns:rename "new"
      assert.are.equal("old", other.name)
    end)

    it("and its handle stays when that fails", function ()
      server:fail(409, 100120)
      local ok, err = pcall(ns.rename, ns, "taken")
      assert.are.same({ false, "namespace_exists", "old" }, { ok, err.reason, ns.name })
    end)
  end)

  it("is trusted or not, by a change of that alone", function ()
    server:succeed { trusted_workers = true }
    assert.is_true(ns:set_trusted(true).trusted_workers)
    assert.are.same({ "PATCH", "old", { trusted_workers = true } }, sent())
    ns:set_trusted(false)
    assert.are.same({ "PATCH", "old", { trusted_workers = false } }, sent())
  end)

  it("is patched with what is given", function ()
    ns:patch { trusted_workers = false }
    assert.are.same({ "PATCH", "old", { trusted_workers = false } }, sent())
    ns:patch { name = "new", trusted_workers = true }
    assert.are.same({ "PATCH", "old", { name = "new", trusted_workers = true } }, sent())
    assert.are.equal("new", ns.name)
  end)

  it("is updated as a whole", function ()
    ns:update { name = "new", trusted_workers = false }
    assert.are.same({ "PUT", "old", { name = "new", trusted_workers = false } }, sent())
    assert.are.equal("new", ns.name)
  end)

  it("is not changed by what nobody meant", function ()
    assert.is_truthy(usage(ns.set_trusted):find "true or false is expected, got nil")
    assert.is_truthy(usage(ns.set_trusted, "yes"):find "got string")
    assert.is_truthy(usage(ns.patch):find "'name', 'trusted_workers' or both")
    assert.is_truthy(usage(ns.patch, { trusted = true }):find "called 'trusted_workers'")
    assert.is_truthy(usage(ns.patch, { namespace_name = "x" }):find "called 'name'")
    assert.is_truthy(usage(ns.update, { name = "x" }):find "'trusted_workers' is missing")
    assert.is_truthy(usage(ns.update, { trusted_workers = true }):find "'name' is missing")
  end)
end)
