-- namespace:delete_scripts: what it lists, what it refuses, what it makes of the answers.
local json = require "moonherd.json"
local log = require "moonherd._log"
local stand_in = require "tests.spec.support.stand_in"

local SCRIPTS = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts"

describe("deleting scripts", function ()
  local server, ns

  before_each(function ()
    server = stand_in.new()
    ns = server:namespace()
  end)
  after_each(function () server:close() end)

  -- The answer of the list: of every script the name, and "id-name" as its immutable id.
  local function listed(...)
    local entries = json.array {}
    for i, name in ipairs { ... } do
      entries[i] = { id = name, script = { id = name, tag = "id-" .. name } }
    end
    return server:succeed(entries)
  end

  local function bulk(has_more, ...)
    local list = json.array {}
    for i, id in ipairs { ... } do list[i] = { id = id } end
    return { deleted = list, deleted_count = #list, has_more = has_more }
  end

  local function deleted(...) return server:succeed(bulk(false, ...)) end

  local function some_deleted(...) return server:succeed(bulk(true, ...)) end

  -- "METHOD ?query" of every request.
  local function sent()
    local list = {}
    for i, request in ipairs(server.requests) do
      assert.are.equal(SCRIPTS, request.target:sub(1, #SCRIPTS))
      list[i] = request.method .. " " .. request.target:sub(#SCRIPTS + 1)
    end
    return list
  end

  local function refusal(opts)
    local ok, err = pcall(ns.delete_scripts, ns, opts)
    assert.is_false(ok)
    return err
  end

  local function silently(f, ...)
    local write, warnings = log.write, {}
    log.write = function (_, text) warnings[#warnings + 1] = text end
    local results = table.pack(pcall(f, ...))
    log.write = write
    assert.is_true(results[1], results[2])
    return results[2], warnings
  end

  it("lists them first, then deletes no more than that", function ()
    listed("a", "b")
    deleted("id-a", "id-b")
    assert.are.same({
      count = 2, names = { "a", "b" }, dry_run = false, unknown_ids = {}, unconfirmed = {},
      more = false, requests = 2,
    }, ns:delete_scripts { tags = { ["customer:7"] = true, archived = false } })
    local filter = "tags=archived:no,customer%3A7:yes"
    assert.are.same({ "GET ?" .. filter, "DELETE ?limit=2&" .. filter }, sent())
  end)

  it("counts the pages of the list too", function ()
    server:succeed({ { id = "a" } }, { result_info = { cursor = "x" } })
    listed "b"
    deleted("a", "id-b")
    local result = ns:delete_scripts { all = true }
    assert.are.same({ 2, { "a", "b" }, 3 }, { result.count, result.names, result.requests })
  end)

  it("sends nothing to delete when there is nothing", function ()
    listed()
    local result = ns:delete_scripts { tags = { "x" } }
    assert.are.same({ 0, {}, 1 }, { result.count, result.names, #server.requests })
  end)

  it("goes on while there is more, each time for what is left", function ()
    listed("a", "b", "c", "d", "e")
    some_deleted("id-a", "id-b")
    some_deleted("id-c", "id-d")
    deleted "id-e"
    local result = ns:delete_scripts { all = true }
    assert.are.same({ 5, 4 }, { result.count, result.requests })
    assert.are.same({ "GET ", "DELETE ?limit=5", "DELETE ?limit=3", "DELETE ?limit=1" }, sent())
  end)

  it("takes a result without an envelope, and an empty one", function ()
    listed "a"
    server:answer { body = json.encode(bulk(false, "id-a")) }
    assert.are.equal(1, ns:delete_scripts({ all = true }).count)
    for _, body in ipairs { "", '{"success":true,"errors":[],"messages":[],"result":null}' } do
      listed "a"
      server:answer { body = body }
      local result = ns:delete_scripts { all = true }
      assert.is_nil(result.count)
      assert.are.same({ {}, { "a" } }, { result.names, result.unconfirmed })
    end
  end)

  it("takes a number without ids, and ids without a number", function ()
    listed("a", "b")
    server:succeed { deleted_count = 2, has_more = false }
    local result = ns:delete_scripts { all = true }
    assert.are.same({ 2, {}, { "a", "b" } }, { result.count, result.names, result.unconfirmed })
    listed("a", "b")
    server:succeed { deleted = { { id = "id-a" }, { id = "id-b" } } }
    assert.are.equal(2, ns:delete_scripts({ all = true }).count)
  end)

  it("shows what a dry run would delete", function ()
    listed("a", "b")
    local result = ns:delete_scripts { tags = { "x" }, dry_run = true }
    assert.are.same({ 2, { "a", "b" }, true, 1 },
      { result.count, result.names, result.dry_run, result.requests })
    assert.are.same({ "GET ?tags=x:yes" }, sent())
  end)

  describe("that change meanwhile", function ()
    it("never deletes more than were listed, and tells which were not", function ()
      listed("b", "c")
      some_deleted("id-a", "id-b")
      local result, warnings = silently(ns.delete_scripts, ns, { tags = { "x" } })
      assert.are.same({
        count = 2, names = { "b" }, dry_run = false, unknown_ids = { "id-a" },
        unconfirmed = { "c" }, more = true, requests = 2,
      }, result)
      assert.are.same({ "namespace:delete_scripts: of what was deleted in 'prod', 1 was not in the "
        .. "list made before" }, warnings)
    end)

    it("tells which were gone already", function ()
      listed("a", "b")
      deleted "id-b"
      local result = ns:delete_scripts { all = true }
      assert.are.same({ 1, { "b" }, { "a" }, false },
        { result.count, result.names, result.unconfirmed, result.more })
    end)
  end)

  describe("is refused before the first is deleted", function ()
    it("when there are more than allowed", function ()
      listed("a", "b", "c")
      local err = refusal { all = true, max = 2 }
      assert.are.same({ "usage", "too_many_scripts" }, { err.kind, err.reason })
      assert.are.equal("namespace:delete_scripts: 3 scripts of 'prod' match, more than 2",
        err.message)
      assert.is_truthy(err.hint:find "expect = 3")
      assert.are.same({ "GET " }, sent())
    end)

    it("when there are more than a thousand and nobody expects them", function ()
      local names = {}
      for i = 1, 1001 do names[i] = "s" .. i end
      listed(table.unpack(names))
      assert.are.equal("too_many_scripts", refusal({ all = true }).reason)
      listed(table.unpack(names))
      assert.are.equal(1001, ns:delete_scripts({ all = true, dry_run = true }).count)
      listed(table.unpack(names))
      server:succeed { deleted_count = 1000, has_more = true }
      server:succeed { deleted_count = 1, has_more = false }
      assert.are.equal(1001, ns:delete_scripts({ all = true, expect = 1001 }).count)
      assert.are.equal("DELETE ?limit=1", sent()[5])
      assert.are.equal("DELETE ?limit=1000", sent()[4])
    end)

    it("when there are more or fewer than expected", function ()
      for _, expect in ipairs { 0, 1, 3 } do
        listed("a", "b")
        local err = refusal { all = true, expect = expect }
        assert.are.same({ "usage", "unexpected_count" }, { err.kind, err.reason })
        assert.is_truthy(err.message:find("2 scripts of 'prod' match, not " .. expect, 1, true))
      end
      listed "a"
      local err = refusal { all = true, expect = 2, dry_run = true }
      assert.are.equal("unexpected_count", err.reason)
      for _, request in ipairs(server.requests) do assert.are.equal("GET", request.method) end
    end)

    it("when the filter would take everything", function ()
      for _, opts in ipairs { {}, { tags = {} }, { all = false }, { tags = {}, all = false } } do
        assert.is_truthy(refusal(opts).message:find "all = true for every script")
      end
      assert.is_truthy(refusal({ tags = { archived = false } }).message:find "requires no tag")
      assert.is_truthy(refusal().message:find "give 'tags'")
      assert.are.equal(0, #server.requests)
      listed()
      ns:delete_scripts { tags = { archived = false }, all = true }
      assert.are.same({ "GET ?tags=archived:no" }, sent())
    end)

    it("when an option is wrong", function ()
      for text, opts in pairs {
        ["'max' %(at least 0"] = { all = true, max = -1 },
        ["'expect' %(integer expected"] = { all = true, expect = "3" },
        ["did you mean 'dry_run'"] = { all = true, dryrun = true },
        ["a comma"] = { tags = { "a,b" } },
        ["'all' %(boolean expected"] = { all = "yes" },
      } do
        local err = refusal(opts)
        assert.are.equal("usage", err.kind)
        assert.is_truthy(err.message:find(text), err.message)
      end
      assert.are.equal(0, #server.requests)
    end)
  end)

  describe("that fails on the way", function ()
    it("says how far it came", function ()
      listed("a", "b", "c")
      some_deleted "id-a"
      server:fail(500, 10013)
      local err = refusal { all = true }
      assert.are.same({ "server_error", "unknown" }, { err.reason, err.outcome })
      assert.is_truthy(err.hint:find "namespace:scripts shows")
      assert.are.same({ 1, { "a" }, { "b", "c" }, 3 }, { err.progress.count, err.progress.names,
        err.progress.unconfirmed, err.progress.requests })
    end)

    it("does not go on for ever", function ()
      for _, answer in ipairs {
        { deleted = json.array {}, deleted_count = 0, has_more = true }, { has_more = true },
      } do
        listed("a", "b")
        server:succeed(answer)
        assert.are.equal("no_progress", refusal({ all = true }).reason)
      end
    end)

    it("refuses what is no result", function ()
      for _, result in ipairs { "text", 5, { deleted = "x" }, { deleted_count = "2" } } do
        listed "a"
        server:succeed(result)
        assert.are.same({ "api", "bad_answer" }, (function (err)
          return { err.kind, err.reason }
        end)(refusal { all = true }))
      end
    end)
  end)
end)
