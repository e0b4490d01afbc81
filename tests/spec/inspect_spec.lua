-- moonherd.inspect: values as people read them.
local moonherd = require "moonherd"
local inspect = moonherd.inspect

describe("inspect", function ()
  local function self_holder()
    local t = { name = "me" }
    t.self = t
    return t
  end

  local cases = {
    { "nil", nil, "nil" },
    { "a boolean", true, "true" },
    { "an integer", 3, "3" },
    { "a float that is whole", 3.0, "3.0" },
    { "a float of few digits", 0.1, "0.1" },
    { "a float of many digits", 0.1 + 0.2, "0.30000000000000004" },
    { "an infinity", -math.huge, "-inf" },
    { "what is no number", 0 / 0, "nan" },
    { "null", moonherd.null, "null" },
    { "text", 'a "b"\n\\', [["a \"b\"\n\\"]] },
    { "a code for a terminal", "\27[2J\u{9b}2J", [["\x1B[2J\u{9B}2J"]] },
    { "bytes that are no UTF-8", "gr\xFC\xDFe, grüße", [["gr\xFC\xDFe, grüße"]] },
    { "an empty table", {}, "{}" },
    { "a list", { 1, "two", false }, '{ 1, "two", false }' },
    { "keys in order", { b = 1, a = 2, ["end"] = 3, [1.5] = 4, [true] = 5 },
      '{ [true] = 5, [1.5] = 4, a = 2, b = 1, ["end"] = 3 }' },
    { "a list with fields", { "x", n = 1 }, '{ "x", n = 1 }' },
    { "tables within", { a = { b = { 1 } } }, "{ a = { b = { 1 } } }" },
    { "a table that holds itself", self_holder(), '{ name = "me", self = <cycle> }' },
    { "a function of C", print, "<function of C>" },
    { "a key that is a table", { [{}] = 1 }, "{ [<table>] = 1 }" },
  }
  for _, case in ipairs(cases) do
    it("shows " .. case[1], function ()
      assert.equal(case[3], inspect(case[2]))
    end)
  end

  it("shows where a function of Lua is", function ()
    assert.truthy(inspect(function () end):find "^<function .*inspect_spec%.lua:%d+>$")
  end)

  it("breaks what is too wide", function ()
    local text = inspect({ name = "production", tags = { "a", "b" } }, { width = 30 })
    assert.equal('{\n  name = "production",\n  tags = { "a", "b" },\n}', text)
  end)

  it("keeps a tree of any depth readable in 20 columns", function ()
    assert.equal('{\n  a = {\n    b = {\n      "four",\n      "words",\n    },\n  },\n}',
      inspect({ a = { b = { "four", "words" } } }, { width = 15 }))
  end)

  it("goes no deeper than it is told", function ()
    assert.equal("{ a = { b = {…} } }", inspect({ a = { b = { c = 1 } } }, { depth = 2 }))
  end)

  it("shows the first of many items", function ()
    assert.equal("{ 1, 2, … 3 more }", inspect({ 1, 2, 3, 4, 5 }, { items = 2 }))
  end)

  it("ends for tables that share each other", function ()
    local shared = { 1 }
    for _ = 1, 40 do shared = { shared, shared, shared } end
    assert.truthy(#inspect(shared, { depth = 30 }) < 1000000)
  end)

  it("shows an object by what it says it is", function ()
    local object = setmetatable({ secret = 1 }, { __tostring = function () return "a\nclient" end })
    assert.equal("{ <a client> }", inspect { object })
  end)

  it("lets nothing through that steers a terminal", function ()
    local said = "a\27[2J\u{9B}2J"
    local object = setmetatable({}, { __tostring = function () return said end })
    assert.equal("<a [2J?2J>", inspect(object))
    local f = load("return function () end", "=" .. said)()
    assert.equal("<function a?[2J?2J:1>", inspect(f))
  end)

  it("shows an object whose __tostring fails", function ()
    assert.equal("<table>", inspect(setmetatable({}, { __tostring = error })))
  end)

  it("shows a list that came as JSON like any other", function ()
    assert.equal('{ "a", { 1 } }', inspect(moonherd.json.decode '["a", [1]]'))
    assert.equal("{}", inspect(moonherd.json.decode "[]"))
  end)

  it("takes an error apart", function ()
    local _, err = moonherd.try(moonherd.inspect, 1, { dept = 2 })
    assert.truthy(inspect(err):find('kind = "usage"', 1, true))
  end)

  it("runs no metamethod of a table", function ()
    local function refuse() error "looked at" end
    local guarded = setmetatable({ a = 1 }, { __index = refuse, __pairs = refuse, __len = refuse })
    assert.equal("{ a = 1 }", inspect(guarded))
  end)

  it("colours values, and breaks lines as without", function ()
    assert.equal('{ a = \27[36m1\27[0m, b = \27[32m"x"\27[0m }',
      inspect({ a = 1, b = "x" }, { colour = true, width = 20 }))
  end)

  it("has nothing but ASCII when asked", function ()
    assert.equal([[{ "\u{FC}", ... 1 more }]], inspect({ "ü", 2 }, { ascii = true, items = 1 }))
  end)

  it("hides secrets", function ()
    moonherd.log.hide "inspected-secret"
    assert.falsy(inspect({ token = "inspected-secret" }):find "inspected")
  end)

  it("shows the beginning of a long text, and no part of a secret in it", function ()
    assert.equal('"abc"… 7 bytes more', inspect("abcdefghij", { bytes = 3 }))
    assert.equal('"é"… 2 bytes more', inspect("éü", { bytes = 3 }))
    assert.equal('"abc"', inspect("abc", { bytes = 3 }))
    moonherd.log.hide "another-inspected-secret"
    assert.equal('"key [hid"… 20 bytes more',
      inspect("key another-inspected-secret", { bytes = 8 }))
    assert.is_true(#inspect(("x"):rep(1000000)) < 10100)
  end)

  it("shows the first of very many fields, in order", function ()
    local many = {}
    for i = 1, 20000 do many[("k%05d"):format((i * 7919) % 20000)] = i end
    assert.matches("^{ k00000 = %d+, k00001 = %d+, … 19998 more }$", inspect(many, { items = 2 }))
  end)

  it("shows no more of what is deep than a person can read", function ()
    local deep = {}
    local inner = deep
    for _ = 1, 10000 do
      inner[1] = {}
      inner = inner[1]
    end
    assert.is_true(#inspect(deep, { depth = math.maxinteger }) < 200000)
  end)

  it("sorts keys of all kinds, also those that do not say what they are", function ()
    local function fail() error "speechless" end
    local a, b = setmetatable({}, { __tostring = fail }), setmetatable({}, { __tostring = fail })
    local text = inspect({ [a] = 1, [b] = 1, [true] = 3, [false] = 4, [-1] = 5, [0.5] = 6, x = 7 },
      { width = 200 })
    assert.equal("{ [false] = 4, [true] = 3, [-1] = 5, [0.5] = 6, x = 7, "
      .. "[<table>] = 1, [<table>] = 1 }", text)
  end)

  it("shows what turns the direction of a text, or is not seen, by its number", function ()
    assert.equal([["a\u{202E}b\u{200B}\u{FEFF}\u{AD}é日"]],
      inspect "a\u{202E}b\u{200B}\u{FEFF}\u{AD}é日")
  end)

  it("names an option that is mistyped", function ()
    local _, err = moonherd.try(inspect, 1, { dept = 2 })
    assert.truthy(err.message:find("did you mean 'depth'", 1, true))
  end)
end)
