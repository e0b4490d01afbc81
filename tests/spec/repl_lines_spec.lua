-- Lines that are typed or pasted become code, whose last statement may be an expression.
local lines = require "moonherd.repl.lines"

-- What a text gives, as one: its results, what is wrong, or that more belongs to it.
local function result_of(...)
  local session, chunk, why = lines.new(), nil, nil
  for _, text in ipairs { ... } do chunk, why = session:add(text) end
  if chunk then return table.concat({ chunk() }, " ") end
  return why or "more"
end

describe("lines of the REPL", function ()
  for name, case in pairs {
    ["an expression has a value"] = { "1 + 1", "2" },
    ["with an equals sign, too"] = { "= 3", "3" },
    ["statements have none"] = { "local x = 1", "" },
    ["several lines may end in an expression"] = { "local a = 2\na*3", "6" },
    ["which may end in a line break"] = { "local a = 2\na*3\n", "6" },
    ["or be a name, which alone is half a statement"] = { "local q = 2\nq\n", "2" },
    ["or go over several lines"] = { "local t = { 4 }\nt[\n1\n]\n", "4" },
    ["or be a call"] = { "local f = function ()\nreturn 7\nend\nf()", "7" },
    ["or a table"] = { "local function f() return 1 end\n#{\nf(),\n}", "1" },
    ["the longest one counts"] = { "local function f() return 5 end\nf()\n-3", "2" },
    ["a bracket goes on with the line before"] = { "local f = tostring\nlocal x = f\n(1)", "" },
    ["so does a text"] = { "local x = tostring\n'f()'", "" },
    ["a line within a text is none"] = { "local x = [[\ntostring(1)\n]]", "" },
    ["nor is one within a block"] = { "if true then\ntostring(1)\nend", "" },
    ["a return stays one"] = { "return\n4", "4" },
    ["comments are no statements"] = { "local a = 2\na -- two\n-- the end", "2" },
    ["an open block asks for more"] = { "for i = 1, 2 do", "more" },
    ["so does an open expression"] = { "1 +", "more" },
    ["and one behind statements"] = { "local a = 2\na +", "more" },
    ["a mistake in the first of two lines"] = {
      "local a = = 1\na", "repl:1: unexpected symbol near '='" },
    ["a mistake in the last one"] = {
      "local a = 1\na b", "repl:2: syntax error near 'b'" },
  } do
    it(name, function ()
      assert.equal(case[2], result_of(case[1]))
    end)
  end

  it("go on until they are whole", function ()
    assert.equal("5", result_of("local a = 2\na +", "3"))
    assert.equal("3", result_of("(1 +", "2)"))
    assert.equal("8", result_of("local x = 3\nmath.max(", "x,", "8)"))
  end)

  it("are forgotten when they are dropped", function ()
    local session = lines.new()
    session:add "local x = 1\nmath.max("
    session:drop()
    assert.equal(2, session:add "2" ())
  end)

  it("may be very many", function ()
    assert.equal("true", result_of(("do local x = 1 end\n"):rep(5000) .. "'true'"))
  end)
end)
