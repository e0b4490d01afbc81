-- A credential that is refused again and again: when calls fail without being sent, and when not.
local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"

describe("a credential that is refused", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  local function refuse(times)
    for _ = 1, times do
      server:fail(401, 10000, "Authentication error")
      moonherd.try(script.tags, script)
    end
  end

  it("ten times in a row is not sent any more", function ()
    refuse(10)
    local _, err = moonherd.try(script.put_tags, script, { "x" })
    assert.are.same({ "api", "auth", 10000, "not_applied", false, 10 },
      { err.kind, err.reason, err.code, err.outcome, err.sent, #server.requests })
    assert.is_truthy(err.message:find("put tags of script prod/shop: not sent", 1, true))
    assert.is_truthy(err.hint:find("check the token", 1, true))
  end)

  it("is tried again when something went well in between", function ()
    refuse(9)
    server:succeed { "x" }
    script:tags()
    refuse(9)
    server:succeed { "x" }
    assert.are.same({ "x" }, script:tags())
  end)

  it("is tried once a minute, and as ever when it is taken again", function ()
    refuse(10)
    local refusals = script._client._refusals
    refusals.at = refusals.at - 60
    server:fail(401, 10000, "Authentication error")
    moonherd.try(script.tags, script)
    moonherd.try(script.tags, script)
    assert.are.equal(11, #server.requests)
    refusals.at = refusals.at - 60
    server:succeed { "x" }
    server:succeed { "x" }
    script:tags()
    script:tags()
    assert.are.equal(13, #server.requests)
  end)

  it("does not stop the clients of other credentials", function ()
    refuse(10)
    server:succeed { "x" }
    assert.are.same({ "x" }, server:script():tags())
  end)

  it("is not what a refusal of a permission is", function ()
    for _ = 1, 12 do
      server:fail(403, 10001)
      moonherd.try(script.tags, script)
    end
    assert.are.equal(12, #server.requests)
  end)
end)
