local errors = require "moonherd.error"
local json = require "moonherd.json"
local options = require "moonherd._options"

-- The message of the error that a call raises.
local function refusal(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(errors.is(err))
  assert.are.equal("usage", err.kind)
  return err.message
end

describe("an options table", function ()
  local read = options.reader("m.f", {
    { "name", "string" }, { "count", "integer", least = 1 },
    { "timeout", "duration", default = 60 },
    { "mode", "string", one_of = { "fast", "slow" } }, { "tags", "list" }, { "force", "boolean" },
    { "rate", "number|null" }, { "either", "string|table" },
    { "nested", "table", fields = { { "enabled", "boolean" }, { "depth", "integer" } } },
    { "date", "string", check = function (v) return v ~= "today" and "today is expected" end },
    { "list", "table", convert = function (v) return #v end },
  }, { vars = "use bindings" })

  it("is optional and gets its defaults", function ()
    assert.are.same({ timeout = 60 }, read())
    assert.are.same({ timeout = 60 }, read {})
  end)

  it("is copied", function ()
    local given = { name = "a", tags = { "x" } }
    assert.are.same({ name = "a", tags = { "x" }, timeout = 60 }, read(given))
    assert.is_nil(given.timeout)
  end)

  it("turns durations into seconds", function ()
    assert.are.equal(0.25, read { timeout = "250ms" }.timeout)
    assert.are.equal(120, read { timeout = "2m" }.timeout)
    assert.are.equal(1.5, read { timeout = 1.5 }.timeout)
  end)

  it("takes null where it may stand, and converts", function ()
    assert.are.equal(json.null, read { rate = json.null }.rate)
    assert.are.equal(2, read { list = { 1, 2 } }.list)
    assert.is_false(read { force = false }.force)
  end)

  it("names an unknown option and the nearest valid one", function ()
    assert.are.equal("m.f: unknown option 'tiemout' (did you mean 'timeout'?)",
      refusal(read, { tiemout = 1 }))
    assert.are.equal("m.f: unknown option 'nested.enabeld' (did you mean 'enabled'?)",
      refusal(read, { nested = { enabeld = true } }))
  end)

  it("lists the valid ones when none is near", function ()
    assert.are.equal("m.f: unknown option 'nested.xyzzyxyzzy' (options are enabled, depth)",
      refusal(read, { nested = { xyzzyxyzzy = true } }))
  end)

  it("gives the advice there is for a name", function ()
    assert.are.equal("m.f: unknown option 'vars' (use bindings)", refusal(read, { vars = {} }))
  end)

  it("names the option whose type is wrong", function ()
    local function expect(message, given)
      assert.are.equal("m.f: bad option " .. message, refusal(read, given))
    end
    expect("'name' (string expected, got number)", { name = 1 })
    expect("'count' (integer expected, got 1.5)", { count = 1.5 })
    expect("'count' (at least 1 expected, got 0)", { count = 0 })
    expect("'timeout' (number or duration expected, got boolean)", { timeout = true })
    expect("'timeout' (a duration cannot be below zero)", { timeout = -1 })
    expect("'timeout' (a duration is seconds or text like \"250ms\", \"5s\", \"1h30m\")",
      { timeout = "soon" })
    expect("'mode' (got 'fats' (did you mean 'fast'?))", { mode = "fats" })
    expect("'tags' (list of strings expected, got table)", { tags = { "a", 2 } })
    expect("'tags' (list of strings expected, got table)", { tags = { x = "a" } })
    expect("'either' (string or table expected, got boolean)", { either = true })
    expect("'nested.depth' (integer expected, got string)", { nested = { depth = "1" } })
    expect("'date' (today is expected)", { date = "tomorrow" })
    expect("(names are strings, got number)", { "positional" })
    assert.are.equal("m.f: bad options (table expected, got string)", refusal(read, "x"))
  end)
end)

describe("the nearest name", function ()
  local names = { "target", "account_id", "api_token" }

  it("takes a swap of neighbours for one mistake", function ()
    assert.are.equal("target", options.nearest("tagret", names))
    assert.are.equal("account_id", options.nearest("acount_id", names))
  end)

  it("is the one that was shortened", function ()
    local types = { "string", "number", "integer", "list" }
    assert.are.equal("integer", options.nearest("int", types))
  end)

  it("is nothing when every name is another word", function ()
    assert.is_nil(options.nearest("zzz", names))
  end)
end)

describe("an option of a list or a map of tables", function ()
  local function as_list(value) return value ~= json.null and json.array(value) or value end
  local read_all = options.reader("m.f", {
    { "steps", "table|null", convert = as_list,
      items = { { "from", "string", required = true }, { "to", "string" } } },
    { "exports", "table", values = { { "type", "string" } } },
  })

  it("has every table checked and copied", function ()
    local given = { steps = { { from = "a" }, { from = "b", to = "c" } },
      exports = { A = { type = "x" } } }
    local opts = read_all(given)
    assert.are.same(given, opts)
    assert.are_not.equal(given.steps[1], opts.steps[1])
    assert.are.equal(json.null, read_all({ steps = json.null }).steps)
    assert.are.equal("[]", json.encode(read_all({ steps = {} }).steps))
  end)

  it("is refused with the name of the member", function ()
    assert.are.equal("m.f: option 'steps[].from' is missing",
      refusal(read_all, { steps = { {} } }))
    assert.are.equal("m.f: bad option 'steps[].from' (string expected, got number)",
      refusal(read_all, { steps = { { from = 1 } } }))
    assert.are.equal("m.f: unknown option 'steps[].form' (did you mean 'from'?)",
      refusal(read_all, { steps = { { form = "a" } } }))
    assert.are.equal("m.f: bad option 'steps[]' (table expected, got string)",
      refusal(read_all, { steps = { "a" } }))
    assert.are.equal("m.f: bad option 'steps' (a list of tables is expected)",
      refusal(read_all, { steps = { from = {} } }))
    assert.are.equal("m.f: bad option 'exports' (a table by name is expected)",
      refusal(read_all, { exports = { {} } }))
    assert.are.equal("m.f: bad option 'exports' (table expected, got null)",
      refusal(read_all, { exports = json.null }))
  end)
end)
