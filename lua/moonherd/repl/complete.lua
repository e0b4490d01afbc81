-- What a name at the end of a line may become: globals and keywords, fields, methods, and the
-- public names that the documentation has of an object of its class.
local index = require "moonherd.docs.index"

local M = {}

local KEYWORDS = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
  "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

local COMMANDS = { "help", "load", "tasks", "time" }

-- Looks without metamethods, so that looking changes nothing.
local function field_of(value, name)
  for _ = 1, 10 do
    if type(value) ~= "table" then break end
    local field = rawget(value, name)
    if field ~= nil then return field end
    local mt = debug.getmetatable(value)
    value = type(mt) == "table" and rawget(mt, "__index") or nil
  end
end

-- What a path of names stands for; nil when there is no such thing.
local function value_of(path, globals)
  local value = globals
  for name in path:gmatch "[%a_][%w_]*" do
    if value == globals then value = rawget(globals, name)
    elseif type(value) == "table" then value = field_of(value, name)
    else return nil end
  end
  return value
end

local function add(names, name, stem)
  if type(name) == "string" and name:find "^[%a_][%w_]*$" and name:sub(1, #stem) == stem then
    names[name] = true
  end
end

local function add_fields(names, value, stem, only_functions)
  for _ = 1, 10 do
    if type(value) ~= "table" then return end
    for name, field in next, value do
      local is_private = type(name) == "string" and name:sub(1, 1) == "_" and stem == ""
      if not is_private and (not only_functions or type(field) == "function") then
        add(names, name, stem)
      end
    end
    local mt = debug.getmetatable(value)
    value = type(mt) == "table" and rawget(mt, "__index") or nil
  end
end

-- The documentation knows what is loaded at its first use, such as moonherd.fs, which until then is
-- not there, and the methods of objects.
local function add_documented(names, path, value, separator, stem)
  local mt = debug.getmetatable(value)
  local own = type(mt) == "table" and rawget(mt, "__name")
  local class = value == package.loaded.moonherd and "moonherd"
    or type(own) == "string" and own:match "^moonherd%.([%w_]+)$"
    or value == nil and path:match "^moonherd%..+$"
  if not class then return end
  local start = class .. separator
  for entry in index.each() do
    local name = entry.name:sub(1, #start) == start and entry.name:sub(#start + 1)
    if name then add(names, name:match "^[%w_]+", stem) end
  end
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- What may stand in the place of the last name of a text.
---@param text string  the line up to the cursor
---@param globals table
---@return string stem  the part of the name that is there
---@return string[] names  whole names, sorted
function M.names(text, globals)
  local names = {}
  local command = text:match "^:(%a*)$"
  if command then
    for _, name in ipairs(COMMANDS) do add(names, name, command) end
    return command, sorted(names)
  end
  local path, separator, stem = text:match "([%a_][%w_%.]*)([%.:])([%w_]*)$"
  if path then
    local value = value_of(path, globals)
    if type(value) == "string" then value = string end
    add_fields(names, value, stem, separator == ":")
    add_documented(names, path, value, separator, stem)
    return stem, sorted(names)
  end
  stem = text:match "[%a_][%w_]*$" or ""
  if stem == "" then return stem, {} end
  for name in next, globals do add(names, name, stem) end
  for _, name in ipairs(KEYWORDS) do add(names, name, stem) end
  return stem, sorted(names)
end

--- The longest text that all names begin with.
---@param names string[]
---@return string
function M.common(names)
  local common = names[1] or ""
  for _, name in ipairs(names) do
    while name:sub(1, #common) ~= common do common = common:sub(1, -2) end
  end
  return common
end

return M
