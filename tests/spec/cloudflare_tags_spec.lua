local log = require "moonherd._log"
local stand_in = require "tests.spec.support.stand_in"

local SCRIPT = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts/a"

describe("the tags of a script", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = stand_in.without_host_options(function ()
      return server:connect():namespace("prod"):script "a"
    end)
  end)
  after_each(function () server:close() end)

  local function sent()
    local request = server:last()
    return { request.method, request.target:sub(#SCRIPT + 1), request.body }
  end

  local function numbered(n)
    local list = {}
    for i = 1, n do list[i] = "t" .. i end
    return list
  end

  it("are read", function ()
    server:succeed { "x", "y" }
    assert.are.same({ "x", "y" }, script:tags())
    assert.are.same({ "GET", "/tags", "" }, sent())
    server:succeed(nil)
    assert.are.same({}, script:tags())
  end)

  it("are replaced", function ()
    server:succeed { "x", "y:z" }
    assert.are.same({ "x", "y:z" }, script:put_tags { "x", "y:z" })
    assert.are.same({ "PUT", "/tags", '["x","y:z"]' }, sent())
  end)

  it("are removed by an empty list", function ()
    local none = {}
    server:succeed(require "moonherd.json".array {})
    assert.are.same({}, script:put_tags(none))
    assert.are.same({ "PUT", "/tags", "[]" }, sent())
  end)

  it("are added one by one, encoded", function ()
    server:succeed(nil)
    assert.are.equal(0, select("#", script:add_tag "plan:a/b ü=1;"))
    assert.are.same({ "PUT", "/tags/plan%3Aa%2Fb%20%C3%BC%3D1%3B", "" }, sent())
  end)

  it("are removed one by one", function ()
    server:succeed(nil)
    assert.are.equal(0, select("#", script:delete_tag "x y"))
    assert.are.same({ "DELETE", "/tags/x%20y", "" }, sent())
  end)

  it("are refused by the API as errors with a reason", function ()
    server:fail(403, 10021,
      "You have exceeded the limit of 10 tags per Worker. Remove a tag to add another.")
    local ok, err = pcall(script.add_tag, script, "x")
    assert.are.same({ false, "api", "too_many_tags" }, { ok, err.kind, err.reason })
  end)

  it("are warned of above eight", function ()
    local write, warnings = log.write, {}
    log.write = function (level, text) warnings[#warnings + 1] = level .. " " .. text end
    local ok, err = pcall(function ()
      script:put_tags(numbered(8))
      script:put_tags(numbered(10))
    end)
    log.write = write
    assert.is_true(ok, err)
    local warning = "warn script:put_tags: 10 tags; Cloudflare documents a limit of 8"
    assert.are.same({ warning }, warnings)
  end)

  it("are checked before they are sent", function ()
    for _, case in ipairs {
      { "put_tags", numbered(11), "too_many_tags", "11 tags are too many" },
      { "put_tags", { "a,b" }, "bad_tag", "'a,b' has a comma" },
      { "put_tags", { "a", "b&c" }, "bad_tag", "'b&c' has a comma, an ampersand" },
      { "put_tags", { "a\0b" }, "bad_tag", "'a%?b' has .* control character" },
      { "put_tags", { "" }, "bad_tag", "cannot be empty" },
      { "put_tags", { "\xff" }, "bad_tag", "'%?' is not UTF%-8" },
      { "put_tags", { ("x"):rep(1025) }, "tag_too_large", "has 1025 bytes" },
      { "put_tags", { 1 }, "usage", "a tag is a string, got number" },
      { "put_tags", nil, "usage", "a list of tags is expected .* got nil" },
      { "put_tags", "x", "usage", "got string" },
      { "put_tags", { plan = "pro" }, "usage", "the key 'plan'" },
      { "put_tags", { "a", [3] = "c" }, "usage", "" },
      { "put_tags", { "a", nil, "c" }, "usage", "a tag is a string, got nil" },
      { "put_tags", { "a", plan = "pro" }, "usage", "the key 'plan'" },
      { "add_tag", "a,b", "bad_tag", "script:add_tag: tag 'a,b'" },
      { "add_tag", "..", "bad_tag", "a URL cannot carry the tag '..'" },
      { "add_tag", nil, "usage", "a tag is a string, got nil" },
      { "delete_tag", "", "bad_tag", "script:delete_tag: a tag cannot be empty" },
      { "delete_tag", ".", "bad_tag", "a URL cannot carry" },
    } do
      local method, argument, reason, text = case[1], case[2], case[3], case[4]
      local ok, err = pcall(script[method], script, argument)
      assert.are.same({ false, "usage", reason }, { ok, err.kind, err.reason }, text)
      assert.is_truthy(err.message:find(text), err.message)
    end
    assert.are.equal(0, #server.requests)
  end)
end)
