-- What the documentation of every public name must say, beyond being there: units of numbers, what
-- happens when something is left out, what is raised and that it exists, and an example that uses
-- the name. (Whether the examples run, and wait only where it is said: tests/e2e/docs.sh.)
local fs = require "moonherd.fs"
local index = require "moonherd.docs.index"
local embedded = require "moonherd._embedded"
local comments = require "moonherd.docs.comments"

-- ---- words -------------------------------------------------------------------------------------

-- What a number can be of. A text that holds none of these does not say it.
local UNITS = {
  "seconds", "bytes", "milliseconds", "how many", "how much", "how often", "at most", "number of",
  "columns", "port", "status", "bits", "code", "between %d", "count", "which one", "tables within",
  "the attempt", "a second", "requests", "without a unit", "percent", "digits",
}

-- What tells about an option that is not given.
local WHEN_LACKING = {
  "default", "nil", "else", "without", "unless", "not given", "left out", "instead of", "stays?",
  "in place of", "only", "as well", "none", "^true:", "^false:", "is not",
}

local function says(text, words)
  for _, word in ipairs(words) do
    if text:find(word) then return true end
  end
  return false
end

local function items_of(block)
  local items = {}
  for _, list in ipairs { block.params, block.fields, block.returns, { block.call } } do
    table.move(list, 1, #list, #items + 1, items)
  end
  return items
end

local function name_of(item)
  return item.name or item.type
end

-- ---- what may be raised ------------------------------------------------------------------------

local sources

-- All reasons that stand as a text in the sources, in C too.
local function has_reason(reason)
  if not sources then
    local texts = {}
    for _, module in ipairs(embedded.names()) do texts[#texts + 1] = embedded.source(module) end
    for _, path in ipairs(fs.glob "{bindings,runtime}/**/*.{c,h}") do
      texts[#texts + 1] = fs.read(path)
    end
    sources = table.concat(texts, "\n")
  end
  return sources:find('"' .. reason .. '"', 1, true) or sources:find("%f[%w_]" .. reason .. " = ")
end

local function entry_called(name)
  for entry in index.each() do
    if entry.name == name then return entry end
  end
end

local KINDS = { usage = 1, io = 1, timeout = 1, cancelled = 1, http = 1, api = 1, process = 1,
  script = 1, internal = 1 }

local CHECK = {}

CHECK["none"] = function (entry)
  assert(not entry.block.is_async, "what waits can fail: cancelled, or out of time")
  assert(#entry.block.errors == 1, "nothing, and something else")
end

-- What a function that was given raises.
CHECK["of"] = function (entry, err)
  local known = false
  for _, param in ipairs(entry.block.params) do known = known or param.name == err.name end
  assert(known, ("there is no argument '%s'"):format(err.name))
  assert(err.text:find "%a+ %a+", ("when does '%s' count?"):format(err.name))
end

CHECK["as"] = function (_, err)
  local other = assert(entry_called(err.name), err.name .. " is no public name")
  local first = other.block.errors[1]
  assert(first and first.kind ~= "none", err.name .. " raises nothing")
end

local function check_error(entry, err)
  if CHECK[err.kind] then return CHECK[err.kind](entry, err) end
  assert(KINDS[err.kind], ("'%s' is no kind"):format(err.kind))
  assert(err.reason, "the reason is missing")
  for _, reason in ipairs(err.reasons) do
    assert(has_reason(reason), ("nothing raises '%s'"):format(reason))
  end
  local _, count = err.text:gsub("%a+", "")
  assert(count >= 2, ("when is '%s' raised?"):format(err.reason))
end

-- ---- the rules ---------------------------------------------------------------------------------

local function is_number(kind)
  return kind:find "%f[%a]integer" or kind:find "%f[%a]number"
end

-- Of a class and of results, what is optional is absent.
local function is_option(entry, item)
  if entry.kind ~= "function" or not item.optional then return false end
  for _, result in ipairs(entry.block.returns) do
    if result == item or result.name == item.name:match "^[%w_]+" then return false end
  end
  local is_whole = item.type == "table" and not item.name:find "%."
  return not is_whole
end

local function check_items(entry)
  local lacking = {}
  for _, item in ipairs(items_of(entry.block)) do
    local text = (name_of(item) .. " " .. item.text):lower()
    if is_number(item.type) and not says(text, UNITS) then
      lacking[#lacking + 1] = name_of(item) .. ": a number of what?"
    end
    if is_option(entry, item) and not says(item.text:lower(), WHEN_LACKING) then
      lacking[#lacking + 1] = name_of(item) .. ": and when it is not given?"
    end
  end
  assert(#lacking == 0, table.concat(lacking, "\n"))
end

local function check_roots(entry)
  local known = {}
  for _, list in ipairs { entry.block.params, entry.block.returns } do
    for _, item in ipairs(list) do known[item.name or ""] = true end
  end
  for _, field in ipairs(entry.block.fields) do
    local root = field.name:match "^[%w_]+"
    assert(known[root], ("%s: there is no argument or result '%s'"):format(field.name, root))
  end
end

local function check_example(entry)
  local last = entry.name:match "[%w_]+$"
  for _, example in ipairs(entry.block.examples) do
    if table.concat(example, "\n"):find("%f[%w_]" .. last .. "%f[^%w_]") then return end
  end
  error("no example has " .. last)
end

for entry in index.each() do
  describe(entry.name, function ()
    if entry.kind ~= "module" then
      it("gives units, and what is when something is left out", function () check_items(entry) end)
    end
    if entry.kind ~= "function" then return end
    it("has options of its own arguments and results", function () check_roots(entry) end)
    it("has an example of itself", function () check_example(entry) end)
    it("says what it raises", function ()
      assert(#entry.block.errors > 0, "of errors nothing is said")
      for _, err in ipairs(entry.block.errors) do check_error(entry, err) end
    end)
  end)
end

-- ---- what is said of the code -------------------------------------------------------------------

-- Public modules of Lua with what their doc comments say: {module=, lines=, source=}.
local function documented_modules()
  local list = {}
  for _, module in ipairs(embedded.names()) do
    local is_inner = module:find "^moonherd%.platform" or module:find "^moonherd%.store"
      or module:find "^moonherd%.cli" or module:find "^moonherd%.docs"
    local text = module:find "^moonherd" and not is_inner and embedded.source(module)
    if text then
      list[#list + 1] = { module = module, text = text, source = comments.read(text) }
    end
  end
  return list
end

-- The text of a function, from its first line to the `end` at the start of a line.
local function body_of(text, line)
  local at = 1
  for _ = 2, line do at = text:find("\n", at, true) + 1 end
  local first = text:match("^[^\n]*", at)
  return first:find "%send$" and first or text:match("^.-\nend", at)
end

describe("a function of which no error is told", function ()
  for _, found in ipairs(documented_modules()) do
    for _, f in ipairs(found.source.functions) do
      local err = f.block and f.block.errors[1]
      if err and err.kind == "none" then
        it(("%s.%s of %s raises none"):format(f.owner, f.name, found.module), function ()
          local body = body_of(found.text, f.line)
          for _, word in ipairs { "error", "errors", "checked", "check", "assert" } do
            assert(not body:find("%f[%w_]" .. word .. "%f[^%w_]"), word)
          end
        end)
      end
    end
  end
end)

-- Readers of options, as the modules make them when they are loaded once more: name of the function
-- -> descriptors.
local function readers()
  local found = {}
  local options = setmetatable({ reader = function (who, descriptors, misplaced)
    found[#found + 1] = { who = who, descriptors = descriptors }
    return require "moonherd._options".reader(who, descriptors, misplaced)
  end }, { __index = require "moonherd._options" })
  local env = setmetatable({ require = function (name)
    return name == "moonherd._options" and options or require(name)
  end }, { __index = _G })
  for _, module in ipairs(documented_modules()) do
    local has_readers = module.text:find("options.reader(", 1, true)
    if has_readers then load(module.text, "=" .. module.module, "t", env)(module.module) end
  end
  return found
end

-- What the block of a function says of one of its tables: names as above -> field.
local function documented_options(block, root)
  local fields = {}
  for _, field in ipairs(block.fields) do
    local name = field.name:match("^" .. root .. "%[?%]?%.(.*)$")
    if name then fields[name] = field end
  end
  return fields
end

local function shown(value)
  if type(value) == "string" then return ('"%s"'):format(value) end
  return tostring(value)
end

-- Fields that the API takes under the same names may be told of in the words of the function.
local function is_named(block, name)
  local words = table.concat(block.words, " ") .. " " .. block.params[1].text
  return words:find("%f[%w_]" .. name .. "%f[^%w_]")
end

-- Whether a text tells a default: as it stands, in words, or in another unit.
local function tells_default(text, value)
  local number = type(value) == "number" and value
  local forms = { shown(value), tostring(value) }
  if number then
    forms[#forms + 1] = ("%d ms"):format(number * 1000 // 1)
    forms[#forms + 1] = ("%d GiB"):format(number // (1 << 30))
  end
  if value == false or type(value) == "table" then return true end
  for _, form in ipairs(forms) do
    if text:find(form, 1, true) then return true end
  end
  return value == ""
end

describe("the options of", function ()
  local count = 0
  for _, reader in ipairs(readers()) do
    local found = index.find(reader.who)
    local entry = #found == 1 and found[1]
    local root
    for _, param in ipairs(entry and entry.block.params or {}) do
      if param.type:find "table" and next(documented_options(entry.block, param.name)) then
        root = root or param.name
      end
    end
    if root then
      count = count + 1
      it(entry.name .. " are those that it takes", function ()
        local said = documented_options(entry.block, root)
        for _, descriptor in ipairs(reader.descriptors) do
          local name = descriptor[1]
          local field = said[name]
          local is_said = field or is_named(entry.block, name)
          assert(is_said, ("of '%s' nothing is said"):format(name))
          if field and descriptor.default ~= nil then
            assert(tells_default(field.text, descriptor.default),
              ("the default of '%s' is %s"):format(name, shown(descriptor.default)))
          end
        end
      end)
    end
  end

  it("most functions were looked at", function () assert(count >= 20, count) end)
end)
