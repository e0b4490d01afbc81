local json = require "moonherd.json"

-- What a function that fails raises.
local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

local function same_number(expected, got)
  assert.are.equal(math.type(expected), math.type(got))
  assert.are.equal(expected, got)
end

describe("json.decode", function ()
  it("reads every kind of value", function ()
    local value = json.decode [[
      {"s": "x", "t": true, "f": false, "n": null, "l": [1], "o": {"a": 2}} ]]
    assert.are.equal("x", value.s)
    assert.is_true(value.t)
    assert.is_false(value.f)
    assert.are.equal(json.null, value.n)
    assert.are.equal(1, value.l[1])
    assert.are.equal(2, value.o.a)
  end)

  it("reads scalars at the top", function ()
    assert.are.equal("x", json.decode '"x"')
    assert.are.equal(false, json.decode "false")
    assert.are.equal(json.null, json.decode "null")
    same_number(7, json.decode " 7 ")
  end)

  local numbers = {
    ["3"] = 3, ["3.0"] = 3, ["3e0"] = 3, ["0.3e1"] = 3, ["-3"] = -3, ["0"] = 0, ["0.0"] = 0,
    ["100000000000000"] = 100000000000000,
    ["123456789012345"] = 123456789012345,
    ["9007199254740993"] = 9007199254740993,
    ["9007199254740993.0"] = 9007199254740993,
    ["1e18"] = 1000000000000000000,
    ["9223372036854775807"] = math.maxinteger,
    ["-9223372036854775808"] = math.mininteger,
    ["9223372036854775808"] = 2.0 ^ 63,
    ["1.5"] = 1.5, ["-0.1"] = -0.1, ["1e-7"] = 1e-7, ["1e300"] = 1e300, ["1E+2"] = 100,
    ["0.30000000000000004"] = 0.1 + 0.2,
    ["1.00000000000000000001"] = 1.0,
  }
  for text, value in pairs(numbers) do
    it("reads the number " .. text, function ()
      same_number(value, json.decode(text))
      same_number(value, json.decode("[" .. text .. "]")[1])
      same_number(value, json.decode('{"a":{"b":' .. text .. "}}").a.b)
    end)
  end

  it("keeps the sign of zero", function ()
    assert.are.equal(-math.huge, 1 / json.decode "-0")
    assert.are.equal("-0", json.encode(json.decode "-0.0"))
  end)

  it("reads escapes", function ()
    assert.are.equal('"\\/\b\f\n\r\t\u{e9}\u{1F600}\0',
      json.decode [["\"\\\/\b\f\n\r\t\u00e9\ud83d\uDE00\u0000"]])
  end)

  it("lets the last of equal names count", function ()
    assert.are.equal(2, json.decode('{"a":1,"a":2}').a)
  end)

  it("tells lists from objects", function ()
    local value = json.decode '{"l":[],"o":{},"n":[[],{}]}'
    assert.is_true(json.is_array(value.l))
    assert.is_false(json.is_array(value.o))
    assert.are.equal('{"l":[],"n":[[],{}],"o":{}}', json.encode(value))
  end)

  it("marks lists that are not empty", function ()
    local list = json.decode '["a"]'
    list[1] = nil
    assert.are.equal("[]", json.encode(list))
  end)

  it("keeps nulls unless told otherwise", function ()
    local text = '{"a":null,"b":[null,{"c":null}],"d":1}'
    assert.are.equal(text, json.encode(json.decode(text)))
    assert.are.equal(text, json.encode(json.decode(text, { nulls = true })))
  end)

  it("drops members that are null, not items of lists", function ()
    local value = json.decode('{"a":null,"b":[null,{"c":null}],"d":{"e":null}}', { nulls = false })
    assert.is_nil(value.a)
    assert.are.equal('{"b":[null,{}],"d":{}}', json.encode(value))
    assert.are.equal(json.null, json.decode("null", { nulls = false }))
  end)

  it("takes no string for a mark", function ()
    for _, text in ipairs { '"1.5"', '"[]"', '"{"', '"\\u00ff[]"', '"\u{ff}1.5"', '["{","a",1]' } do
      local value = json.decode(text)
      assert.are.equal(text:gsub("\\u00ff", "\u{ff}"), (json.encode(value)))
    end
    assert.are.equal("bad_json", failure(json.decode, '"\xFF1.5"').reason)
    assert.are.equal("bad_json", failure(json.decode, '["\xFF{","a",1]').reason)
  end)

  -- text, line, column, message
  local refused = {
    { "", 1, 1, "the text ends too early" },
    { "[1,\n 2", 2, 3, "the text ends too early" },
    { "[1,]", 1, 4, "a comma before ']'" },
    { '{\n  "a": 1,\n}', 3, 1, "a comma before '}'" },
    { "{'a':1}", 1, 2, "a name in double quotes was expected" },
    { "[1 2]", 1, 4, "',' or ']' was expected" },
    { '["\u{e9}\u{20ac}" x]', 1, 7, "',' or ']' was expected" },
    { "nil", 1, 1, "a value was expected" },
    { "NaN", 1, 1, "a value was expected" },
    { "-Infinity", 1, 2, "a digit belongs after the minus" },
    { "0x1F", 1, 2, "something follows the value" },
    { "1.", 1, 3, "the text ends too early" },
    { "[1.]", 1, 4, "a digit belongs after the point" },
    { "[01]", 1, 2, "leading zeros are not allowed" },
    { "+1", 1, 1, "a value was expected" },
    { "[1e400]", 1, 2, "the number is too large" },
    { "[-1e400]", 1, 2, "the number is too large" },
    { "1 1", 1, 3, "something follows the value" },
    { '"a\nb"', 1, 3, "control characters must be escaped in a string" },
    { '"\\x41"', 1, 3, "no escape sequence begins with this character" },
    { '"\\ud800"', 1, 2, "half of a surrogate pair" },
    { '"\\udc00\\ud800"', 1, 2, "half of a surrogate pair" },
    { '"\xC0\xAF"', 1, 2, "invalid UTF-8" },
    { '"\xE0\x80\xAF"', 1, 2, "invalid UTF-8" },
    { '"\xED\xA0\x80"', 1, 2, "invalid UTF-8" },
    { '"\xF4\x90\x80\x80"', 1, 2, "invalid UTF-8" },
    { '"\xE2\x82"', 1, 2, "invalid UTF-8" },
    { "\xEF\xBB\xBF{}", 1, 1, "a byte order mark is in front of the text" },
    { "[1]\0", 1, 4, "something follows the value" },
    { ("["):rep(129) .. ("]"):rep(129), 1, 129, "more than 128 levels deep" },
  }
  for _, case in ipairs(refused) do
    it(("refuses %q"):format(case[1]:sub(1, 20)), function ()
      local err = failure(json.decode, case[1])
      assert.are.equal("usage", err.kind)
      assert.are.equal("bad_json", err.reason)
      assert.are.equal(case[2], err.line)
      assert.are.equal(case[3], err.column)
      assert.are.equal(("json.decode: line %d, column %d: %s"):format(case[2], case[3], case[4]),
        err.message)
    end)
  end

  it("reads 128 levels", function ()
    local text = ("["):rep(128) .. ("]"):rep(128)
    assert.are.equal(text, json.encode(json.decode(text)))
  end)

  it("reads large texts", function ()
    local items = {}
    for i = 1, 20000 do items[i] = ('{"id":%d,"share":%d.5,"tags":[]}'):format(i, i) end
    local text = "[" .. table.concat(items, ",") .. "]"
    local value = json.decode(text)
    same_number(20000.5, value[20000].share)
    assert.are.equal(text, json.encode(value))
  end)

  it("refuses wrong arguments", function ()
    assert.are.equal("json.decode: a string was expected, got nil", failure(json.decode).message)
    assert.are.equal("usage", failure(json.decode, 12).reason)
    assert.matches("did you mean 'nulls'", failure(json.decode, "1", { null = false }).message)
    assert.matches("bad option 'nulls'", failure(json.decode, "1", { nulls = 0 }).message)
  end)
end)

describe("json.encode", function ()
  local texts = {
    { true, "true" }, { json.null, "null" }, { "a/b", '"a/b"' }, { "", '""' },
    { '"\\\n\t\0\1', [["\"\\\n\t\u0000\u0001"]] },
    { "\u{e9}\u{20ac}\u{1F600}", '"\u{e9}\u{20ac}\u{1F600}"' },
    { 0, "0" }, { -7, "-7" }, { 3.0, "3" }, { 1e15, "1000000000000000" },
    { 99999999999999, "99999999999999" }, { 100000000000000, "100000000000000" },
    { -123456789012345678, "-123456789012345678" },
    { math.maxinteger, "9223372036854775807" }, { math.mininteger, "-9223372036854775808" },
    { 0.1, "0.1" }, { 0.1 + 0.2, "0.30000000000000004" }, { 1 / 3, "0.3333333333333333" },
    { 1e300, "1e+300" }, { 2.0 ^ 60, "1152921504606846976" }, { -0.0, "-0" },
    { {}, "{}" }, { json.array(), "[]" }, { { 1, { 2 }, "x" }, '[1,[2],"x"]' },
    { { b = 1, a = { d = 1, c = {} }, ["a b"] = json.array {} },
      '{"a":{"c":{},"d":1},"a b":[],"b":1}' },
    { { ["\u{e9}"] = 1, Z = 2, a = 3, [""] = 4 }, '{"":4,"Z":2,"a":3,"\u{e9}":1}' },
    { { x = { { y = 1.5 } } }, '{"x":[{"y":1.5}]}' },
  }
  for _, case in ipairs(texts) do
    it("writes " .. case[2], function ()
      assert.are.equal(case[2], json.encode(case[1]))
    end)
  end

  it("sorts any number of names", function ()
    local value, parts = {}, {}
    for i = 1, 1000 do
      value[("k%04d"):format(i * 7 % 1001)] = i
    end
    for name, v in pairs(value) do parts[#parts + 1] = ('"%s":%d'):format(name, v) end
    table.sort(parts)
    assert.are.equal("{" .. table.concat(parts, ",") .. "}", json.encode(value))
  end)

  it("leaves the value as it was", function ()
    local value = { a = { 1, 1.5, {} }, b = json.array {} }
    json.encode(value)
    assert.are.same({ 1, 1.5, {} }, value.a)
    assert.is_nil(getmetatable(value.a))
    assert.are.same({}, value.b)
  end)

  local deep = {}
  do
    local inner = deep
    for _ = 1, 128 do
      inner[1] = {}
      inner = inner[1]
    end
  end
  local loop = {}
  loop.self = loop

  -- value, path, message after the path
  local refused = {
    { nil, "", "nil is not a value: json.null is" },
    { 0 / 0, "", "JSON has no NaN" },
    { { a = math.huge }, "a", "JSON has no infinity" },
    { { bindings = { {}, {}, { text = "\xFF" } } }, "bindings[3].text", "invalid UTF-8 at byte 1" },
    { { ["a b"] = { c = -math.huge } }, '["a b"].c', "JSON has no infinity" },
    { { { "ok", "caf\xC3" } }, "[1][2]", "invalid UTF-8 at byte 4" },
    { "\xED\xA0\x80", "", "invalid UTF-8 at byte 1" },
    { "a\xC0\x80", "", "invalid UTF-8 at byte 2" },
    { { x = { ["\xFF"] = 1 } }, "x", "a name with invalid UTF-8" },
    { { x = { 1, 2, nil, 4 } }, "x", "a list with a hole at [3]" },
    { { x = { [2] = 1 } }, "x", "a list with a hole at [1]" },
    { { [0] = 1 }, "", "keys must be names, or places from 1 to n" },
    { { x = { 1, a = 2 } }, "x", "names and places in one table" },
    { json.array { a = 2 }, "", "names and places in one table" },
    { { x = { [1.5] = 1 } }, "x", "keys must be names, or places from 1 to n" },
    { { x = { [true] = 1 } }, "x", "keys must be names, or places from 1 to n" },
    { { x = { a = 1, [true] = 1, b = 2 } }, "x", "keys must be names, or places from 1 to n" },
    { { a = 1, [100] = 2 }, "", "names and places in one table" },
    { { f = print }, "f", "a function is not a JSON value" },
    { { f = { io.stdout } }, "f[1]", "a userdata is not a JSON value" },
    { deep, "[1][1][1][1]", "more than 128 levels deep: does a table contain itself?" },
    { loop, "self.self.self.self", "more than 128 levels deep: does a table contain itself?" },
  }
  for i, case in ipairs(refused) do
    it(("refuses %d: %s"):format(i, case[3]), function ()
      local err = failure(json.encode, case[1])
      assert.are.equal("usage", err.kind)
      assert.are.equal("bad_value", err.reason)
      assert.are.equal(case[2], err.path)
      local place = case[2] == "" and "" or case[2] .. ": "
      assert.are.equal("json.encode: " .. place .. case[3], err.message)
    end)
  end

  it("names what was called when it refuses", function ()
    local moonherd = require "moonherd"
    local bad = { a = { print } }
    local WHY <const> = ": a[1]: a function is not a JSON value"
    local function message(...) return failure(...).message end
    assert.are.equal("json.pretty" .. WHY, message(json.pretty, bad))
    assert.are.equal("log.error" .. WHY, message(moonherd.log.error, "x", bad))
    assert.are.equal("http.post: bad option 'json'" .. WHY,
      message(moonherd.http.post, "http://127.0.0.1:1", { json = bad }))
  end)

  it("can be called by a finalizer in the middle of itself", function ()
    local wide = {}
    for i = 1, 50 do
      wide["name" .. i] = { "x", i + 0.5 }
    end
    local expected = json.encode(wide)
    local calls = 0
    local function litter()
      setmetatable({}, { __gc = function ()
        calls = calls + 1
        json.decode(json.encode { b = { c = 1.5 }, a = {} })
        if calls < 2000 then litter() end
      end })
    end
    litter()
    -- As often as it takes for a collection to fall into an encoding, however full the heap is.
    for n = 1, 100000 do
      assert.are.equal(expected, json.encode(wide))
      if n >= 2000 and calls > 0 then break end
    end
    assert.is_true(calls > 0)
    calls = 2000
  end)

  it("goes on after a refusal", function ()
    pcall(json.encode, { a = { b = print } })
    assert.are.equal('{"a":{"b":1}}', json.encode { a = { b = 1 } })
  end)

  it("takes no string for a mark", function ()
    assert.are.equal('["{","a",1]', json.encode { "{", "a", 1 })
    for _, value in ipairs { "\xFF[]", "\xFF1", "\xFF{" } do
      assert.are.equal("bad_value", failure(json.encode, { value, "a", 1 }).reason)
      assert.are.equal("bad_value", failure(json.encode, { [value] = 1 }).reason)
    end
  end)

  it("writes what reads back the same", function ()
    math.randomseed(1)
    for _ = 1, 2000 do
      local bits = math.random(0)
      local float = string.unpack("d", string.pack("j", bits))
      same_number(bits, json.decode(json.encode(bits)))
      if float - float == 0 then assert.are.equal(float, json.decode(json.encode(float))) end
    end
  end)
end)

describe("json.pretty", function ()
  it("lays a value out", function ()
    local value = { name = "t\n1", tags = { "a,b", 1.5 }, empty = {}, none = json.array() }
    assert.are.equal([[
{
  "empty": {},
  "name": "t\n1",
  "none": [],
  "tags": [
    "a,b",
    1.5
  ]
}]], json.pretty(value))
    assert.are.equal("1", json.pretty(1))
  end)

  it("refuses what json.encode refuses", function ()
    assert.are.equal("x[1]", failure(json.pretty, { x = { print } }).path)
  end)
end)

describe("json.array", function ()
  it("marks and returns the table", function ()
    local list = {}
    assert.are.equal(list, json.array(list))
    assert.are.equal(list, json.array(list))
    assert.is_true(json.is_array(list))
    assert.is_true(json.is_array(json.array()))
  end)

  it("refuses what it cannot mark", function ()
    assert.are.equal("json.array: a table was expected, got number", failure(json.array, 1).message)
    local err = failure(json.array, setmetatable({}, {}))
    assert.are.equal("json.array: the table has a metatable of its own", err.message)
  end)
end)

describe("json.is_array", function ()
  it("knows lists with items, and marked ones", function ()
    assert.is_true(json.is_array { "a" })
    assert.is_false(json.is_array {})
    assert.is_false(json.is_array { a = 1 })
    assert.is_false(json.is_array "a")
    assert.is_false(json.is_array(nil))
  end)
end)

describe("require 'cjson'", function ()
  it("is the stock module, with its own configuration", function ()
    local cjson = require "cjson"
    assert.are.equal("[]", json.encode(json.decode "[]"))
    assert.are.equal(json.null, cjson.null)
    assert.are.equal(0.3, cjson.decode(cjson.encode { 0.1 + 0.2 })[1])
  end)
end)
