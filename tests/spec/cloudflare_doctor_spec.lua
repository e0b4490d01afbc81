-- client:doctor: what it says of a target that does not answer as it should.
local clock = require "moonherd._clock"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"

local function http_date(seconds)
  return os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds // 1)
end

describe("client:doctor", function ()
  local server, client

  before_each(function ()
    server = stand_in.new()
    client = stand_in.without_host_options(function () return server:connect() end)
  end)
  after_each(function () server:close() end)

  local function examine(opts)
    local by_name = {}
    for _, check in ipairs(client:doctor(opts)) do by_name[check.name] = check end
    return by_name
  end

  local function answers(status, body, headers)
    server:answer { status = status, body = body, headers = headers }
    return examine()
  end

  it("finds nothing wrong where nothing is", function ()
    server:succeed { { namespace_name = "production" } }
    for name, check in pairs(examine()) do
      assert.equal("ok", check.status, name)
      assert.is_nil(check.hint)
    end
  end)

  it("sends one request, which changes nothing", function ()
    examine()
    assert.equal(1, #server.requests)
    assert.equal("GET", server:last().method)
  end)

  for name, case in pairs {
    ["a revoked token"] = { 401, 10000, "token" },
    ["a token that is none"] = { 400, 9106, "token" },
    ["an account without the product"] = { 403, 10121, "entitlement" },
    ["an account id that is none"] = { 404, 7003, "account" },
    ["somebody else's account"] = { 403, 10000, "account" },
    ["what a credential may not do"] = { 403, 1, "account" },
    ["a server that fails"] = { 502, 10013, "connection" },
  } do
    it("tells " .. name, function ()
      server:fail(case[1], case[2], "said so")
      local check = examine()[case[3]]
      assert.equal("problem", check.status)
      assert(check.text:find("said so", 1, true))
      assert(#check.hint > 0)
    end)
  end

  it("tells that something else answers than the API", function ()
    local check = answers(200, "<html>Log in to the network</html>",
      { ["content-type"] = "text/html" }).connection
    assert.equal("problem", check.status)
    assert(check.hint:find("proxy", 1, true))
  end)

  it("tells the status once", function ()
    local check = answers(502, "<html>bad gateway</html>", { ["content-type"] = "text/html" })
      .connection
    local _, times = check.text:gsub("status 502", "")
    assert.equal(1, times)
  end)

  it("tells that nobody answers", function ()
    local gone = stand_in.new()
    local lost = stand_in.without_host_options(function () return gone:connect() end)
    gone:close()
    client = lost
    local check = examine().connection
    assert.equal("problem", check.status)
    assert(#check.hint > 0)
  end)

  local SKEWS = { [0] = "ok", [60] = "warning", [-60] = "warning", [900] = "problem" }
  for skew, status in pairs(SKEWS) do
    it(("finds a clock %d s before the server's %s"):format(skew, status), function ()
      local date = http_date(clock.wall() - skew)
      local found = answers(200, '{"success":true,"result":[]}', { date = date })
      assert.equal(status, found.clock.status)
    end)
  end

  for left, status in pairs { [1000] = "ok", [50] = "warning", [0] = "problem" } do
    it(("finds an allowance of %d %s"):format(left, status), function ()
      local check = answers(200, '{"success":true,"result":[]}', {
        ratelimit = ('"default";r=%d;t=30'):format(left),
        ["ratelimit-policy"] = '"default";q=1200;w=300',
      }).budget
      assert.equal(status, check.status)
      assert(check.text:find(("%d requests left of 1200"):format(left), 1, true))
    end)
  end

  it("looks for a namespace", function ()
    server:succeed { { namespace_name = "production" } }
    assert.equal("ok", examine({ namespace = "production" }).namespace.status)
    server:succeed { { namespace_name = "production" } }
    assert.equal("problem", examine({ namespace = "prodution" }).namespace.status)
    server:succeed(json.array {})
    assert.equal("warning", examine().namespace.status)
  end)

  it("shows no credential", function ()
    server:fail(401, 10000, "Authentication error")
    assert.is_nil(json.encode(examine()):find(stand_in.TOKEN, 1, true))
  end)

  it("refuses options it does not have", function ()
    local _, err = moonherd.try(client.doctor, client, { namspace = "a" })
    assert(err.message:find("did you mean 'namespace'", 1, true))
  end)
end)
