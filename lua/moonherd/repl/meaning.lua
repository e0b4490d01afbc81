-- What the expression before the cursor stands for: the value it has, as far as that can be known
-- without calling anything, and the class that the documentation has of it. Looks without
-- metamethods, so that looking changes nothing.
local index = require "moonherd.docs.index"

local M = {}

local classes, entries

local function read_index()
  if classes then return end
  classes, entries = {}, {}
  for entry in index.each() do
    entries[entry.name] = entries[entry.name] or entry
    if entry.kind == "class" then classes[entry.name] = true end
  end
end

-- The class of a value by the name of its metatable: "moonherd.http.response" is a response.
local function class_of(value)
  if value ~= nil and value == package.loaded.moonherd then return "moonherd" end
  local mt = debug.getmetatable(value)
  local name = type(mt) == "table" and rawget(mt, "__name")
  return type(name) == "string" and name:match "^moonherd%.?.-([%w_]+)$" or nil
end

local function field_of(value, name)
  if type(value) == "string" then value = string end
  for _ = 1, 10 do
    if type(value) ~= "table" then return nil end
    local field = rawget(value, name)
    if field ~= nil then return field end
    local mt = debug.getmetatable(value)
    value = type(mt) == "table" and rawget(mt, "__index") or nil
  end
end

local meaning_at

local function meaning_of_global(name, globals)
  local value = rawget(globals, name)
  local class = class_of(value)
  local usual = index.with_class(name)
  if value == nil then class = classes[usual] and usual or nil end
  if name == "moonherd" and value == nil then class = "moonherd" end
  return { value = value, class = class, entry = entries[name] }
end

local function meaning_of_member(object, separator, name)
  local value = field_of(object.value, name)
  local public = object.class and object.class .. separator .. name
  local entry = entries[public or ""]
  local is_module = entry and entry.kind == "module"
  return { value = value, class = class_of(value) or is_module and public or nil, entry = entry }
end

local function meaning_of_call(callee)
  local block = callee.entry and callee.entry.block
  local result = block and block.returns[1]
  local class = result and result.type:match "^[%w_]+"
  return { class = classes[class or ""] and class or nil }
end

-- The call whose arguments end at a token: a bracket, a string or a table behind what is called.
local function meaning_of_closed(tokens, i, globals)
  local first = tokens[i].opener or i
  local callee = first > 1 and meaning_at(tokens, first - 1, globals)
  if callee then return meaning_of_call(callee) end
  if tokens[i].text == ")" and tokens[i].opener then return meaning_at(tokens, i - 1, globals) end
  return { value = tokens[i].kind == "string" and tokens[i].text or nil }
end

--- What the expression that ends with a token stands for.
---@param tokens table[]  of repl/tokens.lua
---@param i integer  the token's index
---@param globals table
---@return table? meaning  `value`, `class` and `entry` of the documentation, where they are known;
---  nil: no expression ends there
function meaning_at(tokens, i, globals)
  read_index()
  local token = tokens[i]
  if not token then return nil end
  if token.kind == "string" or token.text == ")" or token.text == "}" then
    return meaning_of_closed(tokens, i, globals)
  end
  if token.kind ~= "name" or M.KEYWORDS[token.text] then return nil end
  local before = tokens[i - 1]
  local separator = before and before.kind == "symbol" and before.text
  if separator ~= "." and separator ~= ":" then return meaning_of_global(token.text, globals) end
  local object = meaning_at(tokens, i - 2, globals)
  return object and meaning_of_member(object, separator, token.text) or {}
end

M.at = meaning_at

--- The words of the language.
M.KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
    return then true until while]]):gmatch "%a+" do
  M.KEYWORDS[word] = true
end

return M
