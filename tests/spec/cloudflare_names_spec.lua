-- Names that are refused before anything is sent, wherever a name is taken.
local stand_in = require "tests.spec.support.stand_in"

local REFUSED = {
  { "", "'' cannot be the name .*: it is empty" },
  { ".", "'%.' cannot be the name .*: a URL cannot carry it" },
  { "..", "'%.%.' cannot be the name .*: a URL cannot carry it" },
  { "a/b", "'a/b' cannot be the name .*: '/' is not allowed" },
  { "../a", "'%.%./a' cannot be the name .*: '/' is not allowed" },
  { "a\0b", "'a%?b' cannot be the name .*: control characters are not allowed" },
  { "a\nb", "'a%?b' cannot be the name .*: control characters are not allowed" },
  { "\x7f", "control characters are not allowed" },
  { "a\xff", "'a%?' cannot be the name .*: it is not UTF%-8" },
  { "a\xc0\xaf", "it is not UTF%-8" },
  { ("x"):rep(10240), "'x+…' cannot be the name .*: at most 255 bytes are allowed, it has 10240" },
  { ("ü"):rep(128), "'ü.*…' cannot .*: at most 255 bytes are allowed, it has 256" },
  { nil, "the name of .* is expected, got nil" },
  { 7, "the name of .* is expected, got number" },
  { {}, "the name of .* is expected, got table" },
}

local ALLOWED = { "a", "_", "-", "...", "shop 7", "ü", "a:b", "a%2Fb", "a?b#c", ("x"):rep(255) }

describe("a name", function ()
  local server, client, ns

  before_each(function ()
    server = stand_in.new()
    client = stand_in.without_host_options(function () return server:connect() end)
    ns = client:namespace "prod"
  end)
  after_each(function () server:close() end)

  local function takers()
    return {
      ["client:namespace"] = function (name) return client:namespace(name) end,
      ["client:create_namespace"] = function (name) return client:create_namespace(name) end,
      ["client:ensure_namespace"] = function (name) return client:ensure_namespace(name) end,
      ["namespace:script"] = function (name) return ns:script(name) end,
      ["namespace:rename"] = function (name) return ns:rename(name) end,
    }
  end

  it("that cannot be one is refused before anything is sent", function ()
    for who, take in pairs(takers()) do
      for i = 1, #REFUSED do
        local name, why = REFUSED[i][1], REFUSED[i][2]
        local ok, err = pcall(take, name)
        assert.are.same({ false, "usage" }, { ok, err.kind }, why)
        assert.are.equal(who .. ": ", err.message:sub(1, #who + 2))
        assert.is_truthy(err.message:find(why), err.message)
        assert.is_truthy(utf8.len(err.message) and #err.message < 250)
      end
    end
    assert.are.equal(0, #server.requests)
  end)

  it("in the fields of a change too", function ()
    for _, name in ipairs { "", "a/b", ".." } do
      assert.is_false((pcall(ns.patch, ns, { name = name })))
      assert.is_false((pcall(ns.update, ns, { name = name, trusted_workers = true })))
    end
    assert.are.equal(0, #server.requests)
  end)

  it("that can is left to the API", function ()
    for _, name in ipairs(ALLOWED) do
      assert.are.equal(name, client:namespace(name).name)
      assert.are.equal(name, ns:script(name).name)
    end
  end)

  it("that the API gives is taken as it is, unless it would reach something else", function ()
    server:succeed { { id = "a/b" } }
    for script in ns:scripts() do script:tags() end
    assert.is_truthy(server:last().target:find "/scripts/a%%2Fb/tags$")
    for _, name in ipairs { "", ".", ".." } do
      server:succeed { { id = name } }
      local ok, err = pcall(function () for script in ns:scripts() do script:delete() end end)
      assert.are.same({ false, "bad_answer", "GET" }, { ok, err.reason, server:last().method })
    end
  end)
end)
