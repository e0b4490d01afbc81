-- The list of a namespace's scripts: pages, cursors and the tag filter.

local fill = require "tests.spec.support.fill"
local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused

describe("the list of scripts", function ()
  local server

  local TAGS = {
    alpha = { "customer:x", "staging" },
    beta = { "customer:x1" },
    delta = { "customer:x", "with space", "ü" },
    Gamma = {},
    ["zeta/no"] = nil,
  }

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
    server:make_namespace "empty"
    for name, tags in pairs(TAGS) do
      ok(server:put("/prod/scripts/" .. name, { tags = json.array(tags) }))
    end
  end)
  teardown(function () server:close() end)

  local function list(query)
    return server:api("GET", "/prod/scripts" .. (query or ""))
  end

  local function names(query)
    local found = {}
    for i, entry in ipairs(ok(list(query))) do found[i] = entry.id end
    return table.concat(found, " ")
  end

  it("is ordered by name, byte by byte, and complete", function ()
    assert.equal("Gamma alpha beta delta", names())
    local response = list()
    assert.equal(4, response.json.result_info.count)
    assert.equal(1000, response.json.result_info.per_page)
    assert.is_nil(response.json.result_info.cursor)
  end)

  it("holds what GET of each script shows", function ()
    for _, entry in ipairs(ok(list())) do
      assert.same(ok(server:api("GET", "/prod/scripts/" .. entry.id)), entry)
    end
  end)

  it("of an empty namespace is an empty array", function ()
    local result = ok(server:api("GET", "/empty/scripts"))
    assert.is_true(json.is_array(result))
    assert.equal(0, #result)
  end)

  it("comes in pages, each where the last one ended", function ()
    for limit = 1, 5 do
      local seen, cursor, pages = {}, "", 0
      repeat
        local response = list(("?limit=%d&cursor=%s"):format(limit, cursor))
        local page = ok(response)
        assert.is_true(#page <= limit)
        for _, entry in ipairs(page) do seen[#seen + 1] = entry.id end
        cursor, pages = response.json.result_info.cursor, pages + 1
      until not cursor
      assert.equal("Gamma alpha beta delta", table.concat(seen, " "))
      assert.equal(math.ceil(4 / limit), pages)
    end
  end)

  it("goes on when the script that a cursor names is gone", function ()
    ok(server:put "/empty/scripts/a")
    ok(server:put "/empty/scripts/b")
    local cursor = server:api("GET", "/empty/scripts?limit=1").json.result_info.cursor
    ok(server:api("DELETE", "/empty/scripts/a"))
    assert.equal("b", ok(server:api("GET", "/empty/scripts?cursor=" .. cursor))[1].id)
    ok(server:api("DELETE", "/empty/scripts/b"))
  end)

  it("is filtered by tags, the last colon separating", function ()
    assert.equal("alpha delta", names "?tags=customer:x:yes")
    assert.equal("beta", names "?tags=customer%3Ax1:yes")
    assert.equal("delta", names "?tags=customer:x:yes,staging:no")
    assert.equal("Gamma beta", names "?tags=customer:x%3Ano")
    assert.equal("delta", names "?tags=with%20space:yes%2C%C3%BC:yes,customer:x:yes")
    assert.equal("delta", names "?tags=with+space:yes")
    assert.equal("", names "?tags=nobody:yes")
    assert.equal("", names "?tags=staging:yes,staging:no")
  end)

  it("is filtered and paged together", function ()
    local response = list "?tags=customer:x:yes&limit=1"
    assert.equal("alpha", ok(response)[1].id)
    local cursor = response.json.result_info.cursor
    assert.equal("delta", names("?tags=customer:x:yes&limit=1&cursor=" .. cursor))
    response = list "?tags=customer:x:no&limit=1"
    assert.equal("beta", names("?tags=customer:x:no&limit=1&cursor="
      .. response.json.result_info.cursor))
  end)

  it("follows the tags as they change", function ()
    ok(server:put("/empty/scripts/a", { tags = json.array { "one" } }))
    assert.equal(1, #ok(server:api("GET", "/empty/scripts?tags=one:yes")))
    ok(server:put("/empty/scripts/a", { tags = json.array { "two" } }))
    assert.equal(0, #ok(server:api("GET", "/empty/scripts?tags=one:yes")))
    assert.equal(1, #ok(server:api("GET", "/empty/scripts?tags=two:yes")))
    ok(server:put "/empty/scripts/a")
    assert.equal(1, #ok(server:api("GET", "/empty/scripts?tags=two:yes")))
    ok(server:api("DELETE", "/empty/scripts/a"))
    assert.equal(0, #ok(server:api("GET", "/empty/scripts?tags=two:yes")))
  end)

  it("refuses filters, limits and cursors that mean nothing", function ()
    for _, query in ipairs {
      "?tags=", "?tags=a", "?tags=a:maybe", "?tags=:yes", "?tags=a:yes,", "?tags=%FF:yes",
      "?limit=0", "?limit=1001", "?limit=-1", "?limit=x", "?limit=1.5", "?limit=", "?cursor=%21",
    } do
      refused(list(query), 400, 10021)
    end
  end)

  describe("of thousands", function ()
    local full

    setup(function ()
      full = support.start()
      full:make_namespace "prod"
      ok(full:put("/prod/scripts/a", { tags = json.array { "all", "rare" } }))
      fill(full.platform.store, "a", 2500)
    end)
    teardown(function () full:close() end)

    -- The names of the whole list, and how many pages it took.
    local function walk(query)
      local found, cursor, pages = {}, "", 0
      repeat
        local response = full:api("GET", "/prod/scripts?" .. query .. "&cursor=" .. cursor)
        for _, entry in ipairs(ok(response)) do found[#found + 1] = entry.id end
        cursor, pages = response.json.result_info.cursor, pages + 1
      until not cursor
      return found, pages
    end

    it("is complete and in order over all pages", function ()
      local found, pages = walk ""
      assert.equal(3, pages)
      assert.equal(2501, #found)
      assert.equal("a", found[1])
      for i = 1, 2500 do assert.equal(("copy-%06d"):format(i), found[i + 1]) end
    end)

    -- A frequent tag would have the reader pass over thousands of scripts for one page.
    it("is read along the rarest tag it needs", function ()
      local db, statement = full.platform.store.db, nil
      function db:read(statements)
        local second = statements[2]
        statement = second and second[1]:find "FROM script_tag t" and second or statement
        return getmetatable(self).read(self, statements)
      end
      local found = walk "tags=all:yes,group-1:yes,rare:yes,odd:yes"
      db.read = nil
      assert.equal(0, #found)
      assert.equal("rare", statement[4])
    end)

    it("is the same in whatever order its required tags are named", function ()
      for _, case in ipairs {
        { 1, "all:yes", "rare:yes" }, { 500, "all:yes", "odd:yes", "group-1:yes" },
        { 251, "all:yes", "group-2:yes", "even:yes", "rare:no" }, { 0, "odd:yes", "even:yes" },
      } do
        local filter = table.move(case, 2, #case, 1, {})
        local found = walk("limit=99&tags=" .. table.concat(filter, ","))
        assert.equal(case[1], #found)
        table.sort(filter)
        assert.same(found, (walk("tags=" .. table.concat(filter, ","))))
        table.sort(filter, function (a, b) return a > b end)
        assert.same(found, (walk("limit=100&tags=" .. table.concat(filter, ","))))
      end
    end)
  end)
end)
