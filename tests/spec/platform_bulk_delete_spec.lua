-- DELETE scripts: many at once, by tag filter and limit.

local fill = require "tests.spec.support.fill"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused

describe("the bulk delete", function ()
  local server, ids

  local TAGS = {
    a = { "customer:x", "staging" },
    b = { "customer:x" },
    c = { "customer:x1" },
    d = {},
    e = { "customer:x", "keep" },
  }

  before_each(function ()
    server, ids = support.start(), {}
    server:make_namespace "prod"
    server:make_namespace "other"
    for name, tags in pairs(TAGS) do
      ids[name] = ok(server:put("/prod/scripts/" .. name, { tags = json.array(tags) })).tag
    end
  end)
  after_each(function () server:close() end)

  local function delete(query)
    return server:api("DELETE", "/prod/scripts" .. (query or ""))
  end

  local function left()
    local names = {}
    for i, entry in ipairs(ok(server:api("GET", "/prod/scripts"))) do names[i] = entry.id end
    return table.concat(names, " ")
  end

  local function expect(result, names, has_more)
    local expected = json.array {}
    for name in names:gmatch "%S+" do expected[#expected + 1] = { id = ids[name] } end
    assert.is_true(json.is_array(result.deleted))
    assert.same({ deleted = expected, deleted_count = #expected, has_more = has_more }, result)
  end

  it("takes all scripts of the namespace, and names them by their immutable ids", function ()
    ok(server:put "/other/scripts/a")
    expect(ok(delete()), "a b c d e", false)
    assert.equal("", left())
    assert.equal(0, ok(server:api("GET", "/prod")).script_count)
    assert.equal(1, ok(server:api("GET", "/other")).script_count)
  end)

  it("finds nothing in an empty namespace", function ()
    local response = server:api("DELETE", "/other/scripts")
    expect(ok(response), "", false)
    assert.truthy(response.body:find('"deleted":[]', 1, true))
  end)

  it("goes on from call to call until there is no more", function ()
    expect(ok(delete "?limit=2"), "a b", true)
    expect(ok(delete "?limit=2"), "c d", true)
    expect(ok(delete "?limit=2"), "e", false)
    expect(ok(delete "?limit=2"), "", false)
  end)

  it("says exactly whether there is more", function ()
    expect(ok(delete "?limit=5"), "a b c d e", false)
  end)

  it("takes those that pass the filter", function ()
    expect(ok(delete "?tags=customer:x:yes,keep:no"), "a b", false)
    assert.equal("c d e", left())
    expect(ok(delete "?tags=customer:x:no&limit=1"), "c", true)
    expect(ok(delete "?tags=customer:x:no&limit=1"), "d", false)
    expect(ok(delete "?tags=nobody:yes"), "", false)
    assert.equal("e", left())
  end)

  it("leaves nothing of them behind", function ()
    ok(delete())
    for _, name in ipairs { "script", "version", "code", "module", "secret", "script_tag" } do
      local sql = "SELECT count(*) AS n FROM " .. name
      assert.equal(0, server.platform.store.db:read_one({ sql }).n, name)
    end
    refused(server:api("GET", "/prod/scripts/a/tags"), 404, 10007)
    assert.are_not.equal(ids.a, ok(server:put "/prod/scripts/a").tag)
  end)

  it("takes a thousand at a time when not told otherwise", function ()
    fill(server.platform.store, "d", 1200)
    local result = ok(delete "?tags=all:yes")
    assert.equal(1000, result.deleted_count)
    assert.equal(1000, #result.deleted)
    assert.is_true(result.has_more)
    result = ok(delete "?tags=all:yes")
    assert.equal(200, result.deleted_count)
    assert.is_false(result.has_more)
    assert.equal("a b c d e", left())
  end)

  it("never deletes a script twice for those who do it at once", function ()
    fill(server.platform.store, "d", 50)
    local seen, count = {}, 0
    moonherd.map({ 1, 2, 3, 4, 5, 6 }, { concurrency = 6 }, function ()
      for _, entry in ipairs(ok(delete "?limit=10").deleted) do
        assert.is_nil(seen[entry.id])
        seen[entry.id], count = true, count + 1
      end
    end)
    assert.equal(55, count)
    assert.equal("", left())
  end)

  it("refuses limits and filters that mean nothing, and deletes nothing then", function ()
    for _, query in ipairs {
      "?limit=0", "?limit=1001", "?limit=-1", "?limit=x", "?limit=", "?tags=", "?tags=a",
      "?tags=a:maybe", "?tags=a:yes,", "?tags=%FF:yes",
    } do
      refused(delete(query), 400, 10021)
    end
    assert.equal("a b c d e", left())
  end)
end)
