-- What the end of a line may become: globals and keywords, fields and methods of what is there or
-- of what the documentation has, options of documented functions, modules, and files of :load.
local arguments = require "moonherd.repl.arguments"
local index = require "moonherd.docs.index"
local meaning = require "moonherd.repl.meaning"
local places = require "moonherd.repl.places"
local tokens_of = require "moonherd.repl.tokens".read

local M = {}

local COMMANDS = { "help", "load", "quit", "tasks", "time" }

local function add(names, name, stem)
  if type(name) == "string" and name:sub(1, #stem) == stem then names[name] = true end
end

local function add_identifier(names, name, stem)
  local is_private = stem == "" and type(name) == "string" and name:sub(1, 1) == "_"
  if type(name) == "string" and name:find "^[%a_][%w_]*$" and not is_private then
    add(names, name, stem)
  end
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- ---- code --------------------------------------------------------------------------------------

local function add_fields(names, value, stem, only_functions)
  if type(value) == "string" then value = string end
  for _ = 1, 10 do
    if type(value) ~= "table" then return end
    for name, field in next, value do
      if not only_functions or type(field) == "function" then add_identifier(names, name, stem) end
    end
    local mt = debug.getmetatable(value)
    value = type(mt) == "table" and rawget(mt, "__index") or nil
  end
end

-- The documentation knows what is loaded at its first use, such as moonherd.fs, which until then is
-- not there, the methods of objects, and what a call returns.
local function add_documented(names, class, separator, stem)
  local start = class .. separator
  for entry in index.each() do
    local name = entry.name:sub(1, #start) == start and entry.name:sub(#start + 1)
    if name then add_identifier(names, name:match "^[%w_]+", stem) end
    if entry.name == class and separator == "." and entry.kind == "class" then
      for _, field in ipairs(entry.block.fields) do add_identifier(names, field.name, stem) end
    end
  end
end

local function add_members(names, tokens, stem, globals)
  local separator = tokens[#tokens].text
  local object = meaning.at(tokens, #tokens - 1, globals)
  if not object then return end
  add_fields(names, object.value, stem, separator == ":")
  if object.class then add_documented(names, object.class, separator, stem) end
end

local function add_globals(names, stem, globals)
  for name in next, globals do add_identifier(names, name, stem) end
  for name in pairs(meaning.KEYWORDS) do add(names, name, stem) end
end

local function add_modules(names, tokens)
  local last, before = tokens[#tokens], tokens[#tokens - 1]
  if before and before.text == "(" then before = tokens[#tokens - 2] end
  if not before or before.text ~= "require" then return end
  for name in pairs(places.modules(last.text)) do add(names, name, last.text) end
end

-- Takes the name that is being typed off the tokens.
local function take_stem(tokens, text)
  local last = tokens[#tokens]
  if not last or last.kind ~= "name" or last.last < #text then return "" end
  return table.remove(tokens).text
end

local function names_of_code(text, globals)
  local names = {}
  local tokens, open = tokens_of(text)
  local last = tokens[#tokens]
  if last and last.is_open then
    add_modules(names, tokens)
    return last.text, names
  end
  local stem = take_stem(tokens, text)
  last = tokens[#tokens]
  if last and last.kind == "symbol" and (last.text == "." or last.text == ":") then
    add_members(names, tokens, stem, globals)
    return stem, names
  end
  local options = arguments.names(tokens, open, globals)
  for _, name in ipairs(options or {}) do add(names, name, stem) end
  if not options and stem ~= "" then add_globals(names, stem, globals) end
  return stem, names
end

-- ---- commands ----------------------------------------------------------------------------------

local ARGUMENTS = {}

function ARGUMENTS.load(path)
  local names = {}
  local stem, files = places.files(path)
  for _, name in ipairs(files) do names[name] = true end
  return stem, names
end

-- Every public name, also without what it begins with: map is moonherd.map.
function ARGUMENTS.help(stem)
  local names = {}
  for entry in index.each() do
    add(names, entry.name, stem)
    add(names, entry.name:match "^moonherd%.(.+)$", stem)
  end
  return stem, names
end

ARGUMENTS.time = names_of_code

--- What may stand in the place of the last name of a text.
---@async
---@param text string  the code up to the cursor
---@param globals table
---@return string stem  the part of the name that is there
---@return string[] names  whole names, sorted
function M.names(text, globals)
  local names, stem = {}, text:match "^:(%a*)$"
  local command, rest = text:match "^:(%a+)%s+(.*)$"
  if stem then
    for _, name in ipairs(COMMANDS) do add(names, name, stem) end
  elseif ARGUMENTS[command] then
    stem, names = ARGUMENTS[command](rest, globals)
  elseif command then
    stem = ""
  else
    stem, names = names_of_code(text, globals)
  end
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
