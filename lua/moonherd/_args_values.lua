-- The values of moonherd.args: from the words of a command line, and those that stand in for what
-- is not given.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local printable = require "moonherd._printable"
local secret = require "moonherd.secret"
local words_of = require "moonherd._words"

local M = {}

local function finite(value)
  return value and value - value == 0 and value or nil
end

-- Each gives the value, or nil and what is expected.
local READ = {
  string = function (text) return text end,
  secret = function (text) return text ~= "" and secret.new(text) or nil, "a secret" end,
  integer = function (text) return math.tointeger(tonumber(text)), "an integer" end,
  number = function (text) return finite(tonumber(text)), "a number" end,
  duration = function (text)
    return words_of.seconds(text), 'a duration such as "90s" or "1h30m"'
  end,
}

M.TYPES = { "string", "integer", "number", "duration", "boolean", "secret" }

-- What a value of an option can be that is not given, by its type.
local IS_DEFAULT = {
  integer = function (value) return math.type(value) == "integer" end,
  number = function (value) return type(value) == "number" end,
  boolean = function (value) return type(value) == "boolean" end,
  duration = function (value)
    return type(value) == "number" or type(value) == "string" and words_of.seconds(value) ~= nil
  end,
}

local function is_one_of(text, choices)
  for _, choice in ipairs(choices) do
    if choice == text then return true end
  end
  return false
end

--- A function that makes of a word its value; nil and what is wrong with it else.
---@param item table  as args.lua describes it
---@return function convert
function M.converter(item)
  local read = READ[item.type]
  return function (text)
    local value, expected = read(text)
    if value == nil then
      local got = item.type == "secret" and "what was given" or ("'%s'"):format(text)
      return nil, ("%s: %s is not %s"):format(item.shown, got, expected)
    end
    if not item.one_of or is_one_of(text, item.one_of) then return value end
    return nil, ("%s: got '%s'%s"):format(item.shown, text,
      options.suggestion(text, item.one_of, "values"))
  end
end

--- Refuses a default that is no value of the item.
---@param item table
function M.check_default(item)
  local default, is_right = item.default, IS_DEFAULT[item.type]
  if default == nil or item.many then return end
  if is_right and not is_right(default) then
    errors.usage("moonherd.args: '%s': bad default (%s expected, got %s)", item.shown, item.type,
      printable.value(default))
  end
  if item.one_of and not is_one_of(tostring(default), item.one_of) then
    errors.usage("moonherd.args: '%s': bad default (got %s%s)", item.shown,
      printable.value(default), options.suggestion(tostring(default), item.one_of, "values"))
  end
end

local function default_of(item)
  local default = item.default
  if item.type == "duration" and type(default) == "string" then return words_of.seconds(default) end
  if item.type == "secret" and type(default) == "string" then return secret.new(default) end
  if default == nil and item.type == "boolean" then return false end
  return default
end

--- Puts in what was not given.
---@param items table[]
---@param values table
---@return string? problem  an option that must be given
function M.fill(items, values)
  for _, item in ipairs(items) do
    local name = item.target
    local is_missing = values[name] == nil or item.many and #values[name] == 0
    if is_missing then
      local default = default_of(item)
      if default ~= nil then values[name] = default end
      if item.required and default == nil then
        return ("option '%s' is required"):format(item.shown)
      end
    end
  end
end

--- What --help says of a value that stands in for one that is not given; nil when there is none.
--- A secret is not shown.
---@param item table
---@return string? text
function M.shown_default(item)
  if item.default == nil or item.default == false then return nil end
  if item.type == "secret" or secret.is(item.default) then return "***" end
  if type(item.default) == "table" then return nil end
  return tostring(item.default)
end

return M
