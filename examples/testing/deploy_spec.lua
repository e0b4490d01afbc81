-- Tests of deploy.lua, without an account and without waiting: moonherd test examples/testing
local moonherd = require "moonherd"
local test = require "moonherd.test"

test.virtual_clock() -- retries pause; here that takes no time

describe("deploy.lua", function ()
  it("deploys every tenant", function ()
    local result = test.run("deploy.lua", "acme", "globex")
    assert.equal(0, result.code)
    assert.equal("2 deployed, 0 failed\n", result.output)
    local script = moonherd.connect():namespace "tenants":script "acme"
    assert.same({ "customer:acme" }, script:tags())
  end)

  it("gets through a minute in which the API is down", function ()
    test.faults { { fault = "bad_gateway", method = "PUT", count = 3 } }
    assert.equal(0, test.run("deploy.lua", "acme").code)
  end)

  it("says which tenant failed, and goes on", function ()
    test.faults { { fault = "applied_error", script = "globex", status = 403 } }
    local result = test.run("deploy.lua", "acme", "globex")
    assert.equal(1, result.code)
    assert.truthy(result.output:find "failed globex")
    assert.truthy(result.output:find "1 deployed, 1 failed")
  end)

  it("explains itself without a tenant, and asks nothing of the API", function ()
    local before = #test.requests()
    local result = test.run "deploy.lua"
    assert.equal(2, result.code)
    assert.truthy(result.output:find "usage")
    assert.equal(before, #test.requests())
  end)
end)
