-- The tags of a script: read, replaced, added and removed one by one. What that leaves alone stands
-- in platform_cells_spec.lua.

local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused
local SCRIPT, TAGS = "/prod/scripts/a", "/prod/scripts/a/tags"

local function escape(text)
  return (text:gsub("[^%w]", function (c) return ("%%%02X"):format(c:byte()) end))
end

describe("tags", function ()
  local server

  before_each(function ()
    server = support.start()
    server:make_namespace "prod"
    ok(server:put(SCRIPT, { tags = json.array { "one", "two" } }))
  end)
  after_each(function () server:close() end)

  local function get()
    return ok(server:api("GET", TAGS))
  end

  local function listed()
    return table.concat(get(), " ")
  end

  local function replace(tags)
    return server:api("PUT", TAGS, { json = tags })
  end

  local function add(tag)
    return server:api("PUT", TAGS .. "/" .. escape(tag))
  end

  local function remove(tag)
    return server:api("DELETE", TAGS .. "/" .. escape(tag))
  end

  local function numbered(count)
    local tags = json.array {}
    for i = 1, count do tags[i] = "t" .. i end
    return tags
  end

  local function found(tag)
    return #ok(server:api("GET", "/prod/scripts?tags=" .. escape(tag) .. ":yes"))
  end

  describe("are replaced", function ()
    it("as a whole, in the order given, without repetitions", function ()
      local result = ok(replace(json.array { "three", "one", "three" }))
      assert.same({ "three", "one" }, { table.unpack(result) })
      assert.equal("three one", listed())
    end)

    it("by none, given as an empty array or as null", function ()
      for _, body in ipairs { "[]", "null" } do
        ok(replace(json.array { "x" }))
        local result = ok(server:api("PUT", TAGS, { body = body }))
        assert.is_true(json.is_array(result))
        assert.equal(0, #result)
        assert.is_true(json.is_array(get()))
        assert.equal("", listed())
      end
    end)

    it("by an array of strings and nothing else", function ()
      for _, body in ipairs { "{}", '"one"', "1", "true", "[1]", "[null]", "[[]]" } do
        refused(server:api("PUT", TAGS, { body = body }), 400, 10021)
      end
      for _, body in ipairs { "", "[", "['TAG1', 'TAG2']", '["a",]', '["\xFF"]' } do
        refused(server:api("PUT", TAGS, { body = body }), 400, 10026)
      end
      assert.equal("one two", listed())
    end)

    it("by tags that may be one, and the wrong one is named", function ()
      for _, tag in ipairs { "", "a,b", "a&b", ("x"):rep(1025) } do
        local errors = refused(replace(json.array { "fine", tag }), 400, 10021)
        assert.equal("/1", errors[1].source.pointer)
      end
      assert.equal("Tag is too large",
        refused(replace(json.array { ("é"):rep(513) }), 400, 10021)[1].message)
      ok(replace(json.array { ("é"):rep(512) }))
    end)

    it("by ten at most, with a warning above eight", function ()
      assert.equal(0, #replace(numbered(8)).json.messages)
      local response = replace(numbered(10))
      assert.equal(10, #ok(response))
      assert.equal(1, #response.json.messages)
      assert.truthy(response.json.messages[1].message:find "^10 tags are more than the 8")
      local errors = refused(replace(numbered(11)), 403, 10021)
      assert.equal("You have exceeded the limit of 10 tags per Worker. "
        .. "Remove a tag to add another.", errors[1].message)
      assert.equal(10, #get())
    end)
  end)

  describe("are added", function ()
    it("one by one, behind the others", function ()
      local response = add "three"
      assert.equal(json.null, ok(response))
      assert.equal("one two three", listed())
    end)

    it("without a look at the body", function ()
      for _, body in ipairs { "{", "[]", ("x"):rep(100000) } do
        ok(server:api("PUT", TAGS .. "/three", { body = body }))
      end
      assert.equal("one two three", listed())
    end)

    it("once: a second time changes nothing", function ()
      local before = ok(server:api("GET", SCRIPT))
      assert.equal(json.null, ok(add "two"))
      assert.same(before, ok(server:api("GET", SCRIPT)))
    end)

    it("when they may be one", function ()
      for _, tag in ipairs { "a,b", "a&b", "\xFF", ("x"):rep(1025) } do
        refused(add(tag), 400, 10021)
      end
      assert.equal("Tag is too large", refused(add(("x"):rep(1025)), 400, 10021)[1].message)
      assert.equal("one two", listed())
    end)

    it("up to ten, with a warning above eight", function ()
      ok(replace(numbered(8)))
      local response = add "ninth"
      ok(response)
      assert.equal(1, #response.json.messages)
      ok(add "tenth")
      refused(add "eleventh", 403, 10021)
      ok(add "tenth")
      ok(remove "t1")
      ok(add "eleventh")
      assert.equal(10, #get())
    end)

    it("by many at once, and none is lost", function ()
      ok(replace(json.null))
      local names = {}
      for i = 1, 20 do names[i] = "t" .. i end
      local landed, over = {}, 0
      moonherd.map(names, { concurrency = 20 }, function (tag)
        local response = add(tag)
        if response.status == 200 then
          landed[#landed + 1] = tag
        else
          refused(response, 403, 10021)
          over = over + 1
        end
      end)
      assert.equal(10, over)
      local shown = { table.unpack(get()) }
      table.sort(landed)
      table.sort(shown)
      assert.same(landed, shown)
      for _, tag in ipairs(names) do
        local is_there = table.concat(shown, " "):find(tag .. "%f[%D]") ~= nil
        assert.equal(is_there and 1 or 0, found(tag))
      end
    end)
  end)

  describe("are removed", function ()
    it("one by one", function ()
      assert.equal(json.null, ok(remove "one"))
      assert.equal("two", listed())
      assert.equal(json.null, ok(remove "two"))
      assert.is_true(json.is_array(get()))
      assert.equal("", listed())
    end)

    it("without complaint when they are not there, and then nothing changes", function ()
      local before = ok(server:api("GET", SCRIPT))
      for _, tag in ipairs { "three", "a,b", "\xFF", ("x"):rep(1025) } do
        assert.equal(json.null, ok(remove(tag)))
      end
      assert.same(before, ok(server:api("GET", SCRIPT)))
    end)
  end)

  it("with any letters travel through a path", function ()
    for _, tag in ipairs {
      "a/b", "a%2Fb", "customer:x:yes", "key=value", "a;b", "with space", "ü 東京", "100%", "a+b",
      "a?b#c", "..", "'quoted\"", "\\", "null \0 inside", "line\nbreak",
    } do
      ok(add(tag))
      assert.equal(tag, get()[3])
      assert.equal(1, found(tag))
      ok(remove(tag))
      assert.equal("one two", listed())
      assert.equal(0, found(tag))
    end
  end)

  it("are found by the filter of the list as they change", function ()
    ok(replace(json.array { "three" }))
    assert.same({ 0, 1 }, { found "one", found "three" })
    ok(add "one")
    assert.same({ 1, 1 }, { found "one", found "three" })
    ok(remove "three")
    assert.same({ 1, 0 }, { found "one", found "three" })
  end)

  it("are one set, however they are written", function ()
    ok(add "three")
    assert.equal(3, #ok(server:put(SCRIPT)).tags)
    ok(server:put(SCRIPT, { tags = json.array { "four" } }))
    assert.equal("four", listed())
  end)

  it("need a script that is there, before a body is read", function ()
    for _, request in ipairs {
      { "GET", "" }, { "PUT", "" }, { "PUT", "/t" }, { "PUT", "/" .. ("x"):rep(1025) },
      { "DELETE", "/t" },
    } do
      local method, path = request[1], request[2]
      refused(server:api(method, "/prod/scripts/missing/tags" .. path, { body = "{" }), 404, 10007)
      refused(server:api(method, "/missing/scripts/a/tags" .. path, { body = "{" }), 404, 100119)
      refused(server:api(method, "/prod/scripts/%FF/tags" .. path, { body = "{" }), 400, 10016)
    end
  end)

  it("are never empty in a path", function ()
    refused(server:api("PUT", TAGS .. "/"), 404, 7003)
  end)
end)

describe("two platforms on one state directory", function ()
  it("lose no tag that was added through either", function ()
    local first = support.start()
    first:make_namespace "prod"
    ok(first:put(SCRIPT))
    local second = support.start { state = first.directory }
    moonherd.map({ 1, 2, 3, 4, 5, 6 }, { concurrency = 6 }, function (i)
      ok((i % 2 == 0 and first or second):api("PUT", TAGS .. "/t" .. i))
    end)
    local shown = { table.unpack(ok(first:api("GET", TAGS))) }
    table.sort(shown)
    assert.same({ "t1", "t2", "t3", "t4", "t5", "t6" }, shown)
    second:close()
    first:close()
  end)
end)

describe("a platform with a limit of its own", function ()
  it("takes as many tags as that", function ()
    local server = support.start { tag_limit = 12 }
    server:make_namespace "prod"
    ok(server:put(SCRIPT))
    for i = 1, 12 do ok(server:api("PUT", TAGS .. "/t" .. i)) end
    refused(server:api("PUT", TAGS .. "/more"), 403, 10021)
    server:close()
  end)
end)
