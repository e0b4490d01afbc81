local async = require "moonherd.async"
local json = require "moonherd.json"
local stand_in = require "tests.spec.support.stand_in"

local SCRIPTS = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts"

describe("the scripts of a namespace", function ()
  local server, ns

  before_each(function ()
    server = stand_in.new()
    ns = server:namespace()
  end)
  after_each(function () server:close() end)

  local function names(opts)
    local list = {}
    for script, info in ns:scripts(opts) do
      assert.are.equal(script.name, info.name)
      list[#list + 1] = script.name
    end
    return list
  end

  local function page(ids, cursor)
    local entries = json.array {}
    for i, id in ipairs(ids) do
      entries[i] = { id = id, script = { id = id, tags = { "t:" .. id } } }
    end
    server:succeed(entries, { result_info = { cursor = cursor, count = #ids } })
  end

  it("are none", function ()
    page {}
    assert.are.same({}, names())
    assert.are.equal(SCRIPTS, server:last().target)
  end)

  it("are refused when they are not what a list holds", function ()
    for _, result in ipairs {
      "text", 5, { 1 }, { "x" }, { json.null }, { { id = 5 } }, { { script = { id = {} } } },
        { {} },
    } do
      server:succeed(result)
      local ok, err = pcall(names)
      assert.is_false(ok)
      assert.are.equal("bad_answer", err.reason)
    end
    server:succeed({ { id = "a" } }, { result_info = { cursor = { 1 } } })
    local _, err = pcall(names)
    assert.are.equal("bad_answer", err.reason)
  end)

  it("come page by page, until there is no cursor", function ()
    page({ "a", "b" }, "c/1")
    page({}, "c/2")
    page({ "c" }, "")
    assert.are.same({ "a", "b", "c" }, names { page_size = 2 })
    local targets = {}
    for i, request in ipairs(server.requests) do targets[i] = request.target end
    assert.are.same({ SCRIPTS .. "?limit=2", SCRIPTS .. "?cursor=c%2F1&limit=2",
      SCRIPTS .. "?cursor=c%2F2&limit=2" }, targets)
  end)

  it("bring what the API says of them", function ()
    server:succeed { { script = { id = "a", tags = { "x" } }, created_on = "then" },
      { id = "b", tags = { "y" } }, { script = { id = "c" } } }
    local tags, created = {}, nil
    for script, info in ns:scripts {} do
      tags[script.name] = info.tags[1] or "none"
      created = created or info.created_on
    end
    assert.are.same({ a = "x", b = "y", c = "none" }, tags)
    assert.are.equal("then", created)
  end)

  it("are filtered by tags, encoded, with bare separators", function ()
    page {}
    names { tags = { ["customer:x y"] = true, archived = false } }
    assert.are.equal(SCRIPTS .. "?tags=archived:no,customer%3Ax%20y:yes", server:last().target)
    page {}
    names { tags = { "b", "a" }, page_size = 10 }
    assert.are.equal(SCRIPTS .. "?limit=10&tags=a:yes,b:yes", server:last().target)
  end)

  it("end at max, without a request for more than that", function ()
    page({ "a", "b" }, "next")
    assert.are.same({ "a", "b" }, names { max = 2 })
    assert.are.same({ 1, SCRIPTS .. "?limit=2" }, { #server.requests, server:last().target })
  end)

  it("may be left early", function ()
    page({ "a", "b" }, "next")
    page({ "c" }, "more")
    async.scope(function () -- what is fetched ahead belongs to the scope of the loop
      for script in ns:scripts {} do
        if script.name == "a" then break end
      end
    end)
    assert.is_true(#server.requests <= 2)
  end)

  it("fail where they are asked for, not behind the back", function ()
    page({ "a" }, "next")
    server:fail(500, 10013, "oops")
    local seen = {}
    local ok, err = pcall(function ()
      for script in ns:scripts {} do seen[#seen + 1] = script.name end
    end)
    assert.are.same({ false, "server_error" }, { ok, err.reason })
    assert.are.same({ "a" }, seen)
  end)

  it("do not go round in circles", function ()
    page({ "a" }, "same")
    page({ "b" }, "same")
    local ok, err = pcall(names)
    assert.are.same({ false, "bad_answer" }, { ok, err.reason })
  end)

  it("refuse wrong options", function ()
    local function message(opts)
      local ok, err = pcall(names, opts)
      assert.is_false(ok)
      assert.are.equal("usage", err.kind)
      return err.message
    end
    assert.is_truthy(message({ page_size = 1001 }):find "'page_size'")
    assert.is_truthy(message({ max = 0 }):find "'max'")
    assert.is_truthy(message({ tag = {} }):find "did you mean 'tags'")
    assert.is_truthy(message({ tags = {} }):find "matches every script")
    assert.is_truthy(message({ tags = { a = "yes" } }):find "= true.*a string for 'a'")
    assert.is_truthy(message({ tags = { "a,b" } }):find "comma")
    assert.is_truthy(message({ tags = { "a", b = true } }):find "the key 'b'")
    assert.is_truthy(message({ tags = { "a", nil, "c" } }):find "a tag is a string, got nil")
  end)
end)
