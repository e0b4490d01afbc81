local errors = require "moonherd.error"

describe("an error object", function ()
  it("is the table it was made of", function ()
    local fields = { kind = "io", reason = "not_found", message = "no such file" }
    local err = errors.new(fields)
    assert.are.equal(fields, err)
    assert.is_true(errors.is(err))
  end)

  it("is raised as it is", function ()
    local ok, err = pcall(errors.raise,
      { kind = "api", reason = "auth", message = "no", code = 10000 })
    assert.is_false(ok)
    assert.are.equal("auth", err.reason)
    assert.are.equal(10000, err.code)
  end)

  it("is one good line as text", function ()
    local err = errors.new {
      kind = "api", reason = "script_not_found", message = "get script a/b: gone", code = 10007,
      status = 404,
    }
    local text = tostring(err)
    for _, part in ipairs { "get script a/b: gone", "10007", "404" } do
      assert.is_truthy(text:find(part, 1, true), part)
    end
    assert.is_nil(text:find "\n")
  end)

  it("for a wrong argument is of kind usage", function ()
    local _, err = pcall(errors.usage, "m.f: %d is too much", 7)
    assert.are.same({ "usage", "m.f: 7 is too much" }, { err.kind, err.message })
  end)

  it("is nothing else", function ()
    for _, value in ipairs { 1, "x", {}, setmetatable({}, {}), print } do
      assert.is_false(errors.is(value))
    end
    assert.is_false(errors.is(nil))
  end)
end)

describe("an error as JSON", function ()
  local json = require "moonherd.json"
  local function report(fields)
    return json.decode(errors.to_json(errors.new(fields)))
  end

  it("has all its fields, other errors as text", function ()
    local inner = errors.new { kind = "io", reason = "io", message = "inner" }
    assert.are.same({ code = 7, message = "outer", cause = "inner", also = { "inner" },
      errors = { { code = 1 } } },
      report { code = 7, message = "outer", cause = inner, also = { inner },
        errors = { { code = 1 } } })
  end)

  it("is made of anything", function ()
    local silent = setmetatable({}, { __tostring = function () error "no" end })
    local odd = report {
      [1] = "one", [3] = "three", [true] = "yes", [0.5] = "half",
      bytes = "a\0b\xff\u{e9}", nan = 0 / 0, inf = -math.huge, f = print, silent = { silent },
      pairs = setmetatable({ x = 1 }, { __pairs = error, __index = error, __len = error }),
    }
    assert.are.same({ "one", "three", "yes", "half" },
      { odd["1"], odd["3"], odd["true"], odd["0.5"] })
    assert.are.equal("a\0b\u{FFFD}\u{e9}", odd.bytes)
    assert.are.equal("-inf", odd.inf)
    assert.are.same({ x = 1 }, odd.pairs)
    assert.are.same({ message = "text" }, json.decode(errors.to_json "text"))
  end)

  it("does not grow without end", function ()
    local cyclic = {}
    for i = 1, 20 do cyclic[i] = cyclic end
    assert.is_true(#errors.to_json(errors.new { cause = cyclic }) < 100000)
    assert.is_true(#errors.to_json(errors.new { message = ("\xff"):rep(1000000) }) < 1000000)
    local wide = {}
    for i = 1, 100000 do wide[i] = i end
    assert.is_true(#errors.to_json(errors.new { cause = wide }) < 100000)
  end)
end)
