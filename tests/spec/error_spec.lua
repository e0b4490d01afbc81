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
