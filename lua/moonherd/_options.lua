-- Reads an options table through a list of descriptors, as runtime/core/options.c does for C.
-- Unknown names and wrong types raise a usage error that names the option and the nearest valid
-- one. Every Lua module with options uses it.
--
--   local read = options.reader("moonherd.connect", {
--     { "target", "string" },
--     { "timeout", "duration", default = 60 },
--   })
--   local opts = read(given)     -- a new table; nil and {} are the same
--
-- Types: string, boolean, number, integer, table, function, null (moonherd.null), any, duration
-- (becomes seconds), list (of strings, in order), file (of io.open, open); several are joined with
-- "|". Further fields of a descriptor: `default`, `required`, `least` (the smallest number),
-- `one_of` (a list of strings), `fields` (the descriptors of a table's own options), `items` and
-- `values` (those of every table of a list, and of a map), `check` (a function that is given the
-- value and returns nil, or what is wrong with it), `convert` (a function that makes of the value
-- what is returned).
local errors = require "moonherd.error"
local words = require "moonherd._words"

local M = {}

-- ---- the nearest name --------------------------------------------------------------------------

local AT_ONCE = 200 -- names; C compares no more than 255

--- The name in a list that is nearest to a mistyped one, or nil when none is near.
---@param name string
---@param names string[]
---@return string? nearest
function M.nearest(name, names)
  if #names <= AT_ONCE then
    return words.nearest(name, names)
  end
  local best = {}
  for first = 1, #names, AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, #names)
    best[#best + 1] = words.nearest(name, table.move(names, first, last, 1, {}))
  end
  return words.nearest(name, best)
end

--- " (did you mean 'x'?)" for messages, or the list of valid names when none is near.
---@param name string
---@param names string[]
---@param what string  what the names are: "options"
---@return string
function M.suggestion(name, names, what)
  local nearest = M.nearest(name, names)
  if nearest then return (" (did you mean '%s'?)"):format(nearest) end
  if #names == 0 then return (" (there are no %s)"):format(what) end
  return (" (%s are %s)"):format(what, table.concat(names, ", "))
end

-- ---- durations ---------------------------------------------------------------------------------

-- Seconds, or nil and what is wrong.
local function to_seconds(value)
  if type(value) == "number" then
    if value >= 0 then return value end
    return nil, "a duration cannot be below zero"
  end
  local seconds = words.seconds(value)
  if seconds then return seconds end
  return nil, 'a duration is seconds or text like "250ms", "5s", "1h30m"'
end

-- A secret is taken where text is.
local function secret_text(value)
  return require "moonherd.secret".reveal(value)
end

-- ---- types -------------------------------------------------------------------------------------

local function is_list_of_strings(value)
  if type(value) ~= "table" then return false end
  local n = 0
  for _ in pairs(value) do n = n + 1 end
  for i = 1, n do
    if type(value[i]) ~= "string" then return false end
  end
  return true
end

local IS = {
  any = function () return true end,
  integer = function (v) return math.type(v) == "integer" end,
  duration = function (v) return type(v) == "number" or type(v) == "string" end,
  list = is_list_of_strings,
  null = function (v) return v == require "moonherd.json".null end,
  file = function (v) return io.type(v) == "file" end,
}
for _, name in ipairs { "string", "boolean", "number", "table", "function" } do
  IS[name] = function (v) return type(v) == name end
end

local EXPECTED = { duration = "number or duration", list = "list of strings" }

-- "string|table" as the list of its checks.
local function checks_of(types)
  local checks = {}
  for name in types:gmatch "[^|]+" do checks[#checks + 1] = IS[name] end
  return checks
end

local function is_of_type(value, checks)
  for i = 1, #checks do
    if checks[i](value) then return true end
  end
  return false
end

local function expected(types)
  return (types:gsub("[^|]+", EXPECTED):gsub("|", " or "))
end

-- ---- readers -----------------------------------------------------------------------------------

local function bad_value(who, name, format, ...)
  errors.usage("%s: bad option '%s' (" .. format .. ")", who, name, ...)
end

local function bad_type(who, descriptor, value)
  local got = IS.null(value) and "null" or type(value)
  if got == "number" and descriptor[2] == "integer" then got = tostring(value) end
  bad_value(who, descriptor[1], "%s expected, got %s", expected(descriptor[2]), got)
end

local function check_value(who, descriptor, value)
  local name = descriptor[1]
  if descriptor.least and type(value) == "number" and value < descriptor.least then
    bad_value(who, name, "at least %s expected, got %s", descriptor.least, value)
  end
  if descriptor.one_of and type(value) == "string" and not descriptor.one_of[value] then
    bad_value(who, name, "got '%s'%s", value, M.suggestion(value, descriptor.names, "values"))
  end
  local why = descriptor.check and descriptor.check(value)
  if why then bad_value(who, name, "%s", why) end
end

local function read_value(who, descriptor, value)
  if type(value) == "table" and descriptor.takes_text then value = secret_text(value) end
  if not is_of_type(value, descriptor.checks) then bad_type(who, descriptor, value) end
  if descriptor[2] == "duration" then
    local seconds, why = to_seconds(value)
    return seconds or bad_value(who, descriptor[1], "%s", why)
  end
  check_value(who, descriptor, value)
  if descriptor.read and type(value) == "table" then value = descriptor.read(value) end
  return descriptor.convert and descriptor.convert(value) or value
end

local function bad_name(who, prefix, name, names, misplaced)
  if type(name) ~= "string" then
    errors.usage("%s: bad option (names are strings, got %s)", who, type(name))
  end
  local advice = misplaced and misplaced[name]
  errors.usage("%s: unknown option '%s%s'%s", who, prefix, name,
    advice and (" (%s)"):format(advice) or M.suggestion(name, names, "options"))
end

local function bad_table(who, prefix, given)
  local what = prefix == "" and "bad options" or ("bad option '%s'"):format(prefix:sub(1, -2))
  errors.usage("%s: %s (table expected, got %s)", who, what, type(given))
end

local make_reader -- a table's own options are read by a reader of their own

-- Reads every table of a list or of a map, whose own options are called "name[].option".
local function each_reader(who, descriptors, name, is_list)
  local read = make_reader(who, descriptors, nil, name .. "[].")
  return function (given)
    local result = {}
    for key, item in pairs(given) do
      if type(key) ~= (is_list and "number" or "string") then
        bad_value(who, name, "a %s is expected", is_list and "list of tables" or "table by name")
      end
      result[key] = read(item)
    end
    return result
  end
end

-- A copy with the full name of the option, `one_of` as a set, what it holds as a reader.
local function compile(descriptor, who, prefix)
  local compiled = {}
  for k, v in pairs(descriptor) do compiled[k] = v end
  compiled[1], compiled.checks = prefix .. descriptor[1], checks_of(descriptor[2])
  compiled.takes_text = descriptor[2]:find "string" ~= nil
  if descriptor.one_of then
    compiled.one_of, compiled.names = {}, descriptor.one_of
    for _, value in ipairs(descriptor.one_of) do compiled.one_of[value] = true end
  end
  if descriptor.fields then
    compiled.read = make_reader(who, descriptor.fields, nil, compiled[1] .. ".")
  elseif descriptor.items or descriptor.values then
    compiled.read = each_reader(who, descriptor.items or descriptor.values, compiled[1],
      descriptor.items ~= nil)
  end
  return compiled
end

function make_reader(who, descriptors, misplaced, prefix)
  local by_name, names, filled = {}, {}, {} -- `filled`: those that are never left out
  for i, descriptor in ipairs(descriptors) do
    by_name[descriptor[1]] = compile(descriptor, who, prefix)
    names[i] = descriptor[1]
    if descriptor.default ~= nil or descriptor.required then filled[#filled + 1] = descriptor end
  end
  return function (given)
    local result = {}
    if given ~= nil and type(given) ~= "table" then bad_table(who, prefix, given) end
    for name, value in pairs(given or result) do
      local descriptor = by_name[name] or bad_name(who, prefix, name, names, misplaced)
      result[name] = read_value(who, descriptor, value)
    end
    for _, descriptor in ipairs(filled) do
      local name = descriptor[1]
      if result[name] == nil then result[name] = descriptor.default end
      if result[name] == nil and descriptor.required then
        errors.usage("%s: option '%s%s' is missing", who, prefix, name)
      end
    end
    return result
  end
end

--- Makes a function that reads an options table: checks it and returns a new table with defaults.
---@param who string  the public name of the function, for messages
---@param descriptors table[]  see the top of this file
---@param misplaced? table<string, string>  advice for names that people try: vars = "use bindings"
---@return fun(given?: table): table read
function M.reader(who, descriptors, misplaced)
  return make_reader(who, descriptors, misplaced, "")
end

return M
