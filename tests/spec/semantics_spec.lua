-- The language, its coroutines, and the standard functions moonherd replaces, beside plain Lua:
-- what runs under lua5.4 and under moonherd prints the same and ends with the same code.
local moonherd = (os.getenv "B" or "build") .. "/moonherd"

local ONLY_STDOUT, ONLY_STDERR = " 2>/dev/null", " 2>&1 >/dev/null"

-- What a command prints, addresses left out, and its exit code.
local function run(command, redirection)
  local pipe = assert(io.popen("timeout 60 " .. command .. redirection, "r"))
  local output = pipe:read "a"
  local _, _, code = pipe:close()
  return { code, (output:gsub("0x%x+", "0x")) }
end

describe("as in plain Lua:", function ()
  for _, name in ipairs { "coroutines", "closing", "errors", "modules", "output", "numbers",
    "strings", "objects", "system", "levels", "ending" } do
    it("tests/semantics/" .. name .. ".lua", function ()
      local script = (" tests/semantics/%s.lua"):format(name)
      for _, redirection in ipairs { ONLY_STDOUT, ONLY_STDERR } do
        local expected = run("lua5.4" .. script, redirection)
        assert.equal(0, expected[1], expected[2])
        assert.same(expected, run(moonherd .. script, redirection))
      end
    end)
  end
end)

-- name -> how deep it went, and how that ended.
local function depths(program)
  local found = {}
  for name, depth, ending in run(program .. " tests/semantics/depths.lua", ONLY_STDOUT)[2]
    :gmatch "(%S+)\t(%d+)\t([^\n]*)" do
    found[name] = { depth = tonumber(depth), ending = ending }
  end
  return found
end

it("calls on the C stack go as deep as in plain Lua", function ()
  local expected, got = depths "lua5.4", depths(moonherd)
  assert.truthy(expected.resume and expected.parentheses)
  for name, plain in pairs(expected) do
    assert.equal(plain.ending, got[name].ending, name)
    assert.is_true(got[name].depth >= plain.depth, name)
  end
end)

-- What each prints on standard output, and its exit code.
local programs = {
  { "runs to its end", "print 'x'" },
  { "os.exit()", "print 'x' os.exit() print 'y'" },
  { "os.exit(true)", "os.exit(true)" },
  { "os.exit(false)", "os.exit(false)" },
  { "os.exit(7)", "io.write 'no line end' os.exit(7)" },
  { "os.exit(3.0)", "os.exit(3.0)" },
  { "os.exit(256 + 3)", "os.exit(256 + 3)" },
  { "os.exit(-1)", "os.exit(-1)" },
  { "os.exit in a coroutine", "coroutine.wrap(function () os.exit(4) end)() print 'y'" },
  { "os.exit in table.sort", "table.sort({ 2, 1 }, function () os.exit(5) end) print 'y'" },
  { "os.exit in a closed variable",
    "do local _ <close> = setmetatable({}, { __close = function () os.exit(6) end }) end" },
  { "os.exit with a wrong code", "print(pcall(os.exit, {})) print(pcall(os.exit, 1.5))" },
  { "an error", "print 'x' error 'e'" },
  { "an error in a coroutine", "coroutine.wrap(error) 'e'" },
  { "an error that is a table", "error {}" },
  { "a closed variable of the main chunk",
    "local _ <close> = setmetatable({}, { __close = function () print 'closed' end }) print 'x'" },
  { "finalizers at the end",
    "t = setmetatable({}, { __gc = function () print 'collected' io.write 'too' end })" },
  { "a finalizer that fails", "t = setmetatable({}, { __gc = function () error 'e' end })" },
}

describe("a program ends as in plain Lua:", function ()
  for _, program in ipairs(programs) do
    it(program[1], function ()
      local name = os.tmpname()
      local file = assert(io.open(name, "w"))
      file:write(program[2])
      file:close()
      assert.same(run("lua5.4 " .. name, ONLY_STDOUT), run(moonherd .. " " .. name, ONLY_STDOUT))
      os.remove(name)
    end)
  end
end)
