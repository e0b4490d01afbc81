-- The platform's way from a raw target to a handler.

local router = require "moonherd.platform.router"
local uri = require "moonherd.platform.uri"

describe("the router", function ()
  local routes = router.new {
    { "GET", "/accounts/{account}/things", "list" },
    { "POST", "/accounts/{account}/things", "make" },
    { "GET", "/accounts/{account}/things/{thing}", "get" },
    { "GET", "/accounts/{account}/things/{thing}/content", "content" },
  }

  local function find(path)
    local methods, parameters = routes:find(path)
    return methods and methods.GET, parameters
  end

  it("finds a route below the prefix and at the root", function ()
    assert.equal("list", (find "/client/v4/accounts/a/things"))
    assert.equal("list", (find "/accounts/a/things"))
  end)

  it("takes nothing but a path", function ()
    for _, target in ipairs { "", "*", "accounts/a/things", "x/accounts/a/things",
      "http://127.0.0.1/accounts/a/things", "http:/accounts/a/things" } do
      assert.is_nil((find(target)), target)
    end
  end)

  it("names the parameters", function ()
    local handler, parameters = find "/accounts/a/things/b/content"
    assert.equal("content", handler)
    assert.same({ account = "a", thing = "b" }, parameters)
  end)

  it("splits before it decodes", function ()
    local handler, parameters = find "/accounts/a/things/b%2Fcontent"
    assert.equal("get", handler)
    assert.equal("b/content", parameters.thing)
  end)

  it("decodes literals too", function ()
    assert.equal("list", (find "/%61ccounts/a/things"))
  end)

  it("leaves a percent sign that starts no escape", function ()
    local _, parameters = find "/accounts/a/things/100%"
    assert.equal("100%", parameters.thing)
  end)

  it("takes names that nobody encoded", function ()
    local _, parameters = find "/accounts/a/things/Übung+1:2;x=y"
    assert.equal("Übung+1:2;x=y", parameters.thing)
  end)

  it("finds nothing for other paths, empty segments and half the prefix", function ()
    for _, path in ipairs {
      "", "/", "/client/v4", "/client/v4/", "/accounts", "/accounts//things", "/accounts/a/things/",
      "/accounts/a/things/b/content/", "//accounts/a/things", "/client/v3/accounts/a/things",
    } do
      assert.is_nil((find(path)), path)
    end
  end)

  it("keeps the parameters it met on the way to nothing", function ()
    local methods, parameters = routes:find "/accounts/a/nowhere"
    assert.is_nil(methods)
    assert.equal("a", parameters.account)
  end)

  it("lists the methods of a path", function ()
    assert.equal("GET, POST", router.allowed((routes:find "/accounts/a/things")))
  end)
end)

describe("a query", function ()
  it("is read by name, the first of several", function ()
    assert.same({ a = "1", b = "", c = "" }, uri.query "a=1&b=&c&a=2")
  end)

  it("is decoded as a form is", function ()
    assert.same({ tags = "a b:yes,c+d:no" }, uri.query "tags=a+b%3Ayes%2Cc%2Bd%3Ano")
  end)
end)

describe("a path in a message", function ()
  it("is ASCII on one short line", function ()
    assert.equal("/a%0A%C3%A4", uri.printable "/a\n\xC3\xA4")
    assert.is_true(#uri.printable(("x"):rep(10000)) < 300)
  end)
end)
