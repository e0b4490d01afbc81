-- Every option of every command, for options.sh: options.lua PROGRAM. Which ones there are comes
-- from the help of the program and the parsers of its commands, so that a new one is tried too.
-- Each is given without a value, twice, with a wrong value or one it does not take, and misspelt:
-- always one line on stderr that names it, nothing on stdout, exit code 2.
local moonherd = require "moonherd"
local parser = require "moonherd.cli.parser"
local known = require "moonherd._own_options"
local program = arg[1]

local WITHOUT_MODULE = { run = true, version = true }

-- What must stand in front of the options for a call to be right but for them.
local POSITIONS = {
  api = { "GET", "/x" }, jobs = { "list" }, types = { "out" }, docs = { "out" }, new = { "shop" },
  completion = { "bash" }, help = { "run" }, test = { "spec" },
}

-- Values that are right, where a plain word is not.
local RIGHT = {
  ["--target"] = "local", ["--log"] = "error", ["--timeout"] = "9s", ["--clock"] = "virtual",
  ["--json"] = "1", ["--query"] = "a=b", ["--form"] = "a=b", ["--listen"] = "127.0.0.1:0",
  ["--env-file"] = "some.env", ["--output"] = "tap", ["--guard"] = "guard.json",
}

-- And wrong ones, where not every text is right. A file that is not there is one, too.
local WRONG = {
  ["--target"] = "locl", ["--log"] = "loud", ["--timeout"] = "soon", ["--clock"] = "sun",
  ["--json"] = "{", ["--query"] = "a", ["--form"] = "a", ["--listen"] = "x", ["--field"] = "a..b",
  ["--env-file"] = "none.env", ["--guard"] = "none.json", ["--filter"] = "[", ["--output"] = "tab",
  ["--faults"] = "none.json", ["--result"] = "none/r", ["--trace"] = "none/t",
  ["--token-file"] = "none.token",
}

-- ---- what there is -----------------------------------------------------------------------------

local function rows_of(text, title)
  local rows = {}
  for line in (text:match("\n" .. title .. ":\n(.-)\n\n") or ""):gmatch "[^\n]+" do
    local name, arguments = line:match "^  (%S+) ?(%S*)"
    if name then rows[#rows + 1] = { name = name, arguments = arguments, text = name } end
  end
  assert(#rows > 5, "the help has no " .. title)
  return rows
end

local help = moonherd.sh({ program, "help" }).stdout
local commands, common = rows_of(help, "commands"), rows_of(help, "options")
parser.words = { commands = commands, options = common, forms = {}, exit_codes = {}, foreign = {} }
parser.load_command = function (name) return require("moonherd.cli." .. name) end

-- What moonherd.args knows of them is what there is.
for _, option in ipairs(common) do
  assert(known[option.name] or option.name == "--help", option.name .. " is not known")
end
for name in pairs(known) do assert(help:find("\n  " .. name, 1, true), name .. " is none") end

local function is_asked_for_help(name)
  return name == "-h" or name == "--help" or name == "--version"
end

local function own_options(command)
  local list = {}
  for _, option in ipairs(parser.new(command)._options) do
    local name = option._aliases[#option._aliases]
    if not is_asked_for_help(name) then
      list[#list + 1] = {
        name = name, takes_value = option._maxargs > 0, is_list = option._maxcount > 1,
      }
    end
  end
  return list
end

local function common_options()
  local list = {}
  for _, entry in ipairs(common) do
    if not is_asked_for_help(entry.name) then
      list[#list + 1] = {
        name = entry.name, takes_value = entry.arguments ~= "",
        is_list = entry.name == "--env-file",
      }
    end
  end
  return list
end

-- ---- the cases ---------------------------------------------------------------------------------

local cases = {}

-- `front`: the words before; `says`: what the line must hold; nil: nothing of its own.
local function case(what, front, words, says)
  local argv = { program }
  table.move(front, 1, #front, 2, argv)
  table.move(words, 1, #words, #argv + 1, argv)
  cases[#cases + 1] = { what = what, argv = argv, says = says }
end

-- Without one of its letters, which is not the first.
local function misspelt(name)
  return name:sub(1, -3) .. name:sub(-1)
end

local function add_cases(front, option, behind)
  local name = option.name
  local value = RIGHT[name] or "word"
  local function words(...)
    local list = { ... }
    return table.move(behind, 1, #behind, #list + 1, list)
  end
  case("misspelt", front, words(misspelt(name)), ("did you mean '%s'"):format(name))
  if not option.takes_value then
    case("a value it does not take", front, words(name .. "=yes"), name)
    case("twice", front, words(name, name), name)
    return
  end
  case("without a value", front, { name }, name)
  if not option.is_list then case("twice", front, words(name, value, name, value), name) end
  if WRONG[name] then case("a wrong value", front, words(name, WRONG[name]), nil) end
end

for _, option in ipairs(common_options()) do
  add_cases({}, option, { "-" })
  -- Behind a command they are the same; that of `api` stands for all that are written in Lua.
  add_cases({ "api", "GET", "/x" }, option, {})
end
for _, command in ipairs(commands) do
  if not WITHOUT_MODULE[command.name] then
    local front = { command.name }
    local positions = POSITIONS[command.name] or {}
    table.move(positions, 1, #positions, 2, front)
    for _, option in ipairs(own_options(command.name)) do add_cases(front, option, {}) end
    case("an option there is not", front, { "--zzzzzzzzzzzz" }, "--zzzzzzzzzzzz")
  end
end

-- ---- running -----------------------------------------------------------------------------------

moonherd.fs.mkdir "spec"
moonherd.fs.write("spec/a_spec.lua", "it('is', function () end)")
moonherd.fs.write("some.env", "A=b")
moonherd.fs.write("guard.json", "{}")

local function complaint(result, says)
  local _, lines = result.stderr:gsub("\n", "")
  if result.code ~= 2 then return "exit code " .. tostring(result.code) end
  if lines ~= 1 then return lines .. " lines" end
  if result.stdout ~= "" then return "something on stdout" end
  if says and not result.stderr:find(says, 1, true) then return "does not say " .. says end
end

local passed, failed = 0, 0
moonherd.each(cases, { concurrency = 4 }, function (it)
  local result = moonherd.sh(it.argv, { check = false, timeout = "20s" })
  local why = complaint(result, it.says)
  local line = table.concat(it.argv, " ", 2)
  print(why and "FAIL" or "ok  ", line .. ": " .. it.what)
  if why then
    failed = failed + 1
    print(why, result.stderr)
  else
    passed = passed + 1
  end
end)
print(("%d passed, %d failed"):format(passed, failed))
return failed == 0 and #cases > 120
