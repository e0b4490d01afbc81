-- The names that may stand in a table which a documented function takes: in
-- `ns:script "a":upload { ma` that is main_module, as the @field lines of script:upload say.
local borrowed = require "moonherd.docs.borrowed"
local meaning = require "moonherd.repl.meaning"

local M = {}

local function is_symbol(token, text)
  return token ~= nil and token.kind == "symbol" and token.text == text
end

-- How many arguments stand before the last one of a call whose bracket opens at a token.
local function commas_behind(tokens, opener)
  local count, i = 0, #tokens
  while i > opener do
    if is_symbol(tokens[i], ",") then count = count + 1 end
    i = (tokens[i].opener or i) - 1
  end
  return count
end

-- Only what is before the table: what is in it has commas of its own.
local function before(tokens, at)
  return table.move(tokens, 1, at - 1, 1, {})
end

-- The function that the table at a token is an argument of, which one, and the names that lead from
-- that argument to the table.
local function call_of(tokens, open, level, path, globals)
  local at = open[level]
  if is_symbol(tokens[at - 1], "=") and tokens[at - 2] and tokens[at - 2].kind == "name"
      and level > 1 and is_symbol(tokens[open[level - 1]], "{") then
    return call_of(tokens, open, level - 1, "." .. tokens[at - 2].text .. path, globals)
  end
  local outer = open[level - 1]
  local is_in_call = outer and is_symbol(tokens[outer], "(")
    and (is_symbol(tokens[at - 1], "(") or is_symbol(tokens[at - 1], ","))
  local callee = meaning.at(tokens, (is_in_call and outer or at) - 1, globals)
  local nth = is_in_call and commas_behind(before(tokens, at), outer) + 1 or 1
  return callee and callee.entry, nth, path
end

--- The options that may be named at the end of a text, which is inside a table.
---@param tokens table[]  of repl/tokens.lua, without the name that is being typed
---@param open integer[]  the brackets that are not closed
---@param globals table
---@return string[]? names  nil: it is no place for the name of an option
function M.names(tokens, open, globals)
  local last = tokens[#tokens]
  local is_place = open[1] and is_symbol(tokens[open[#open]], "{")
    and (is_symbol(last, "{") or is_symbol(last, ",") or is_symbol(last, ";"))
  if not is_place then return nil end
  local entry, nth, path = call_of(tokens, open, #open, "", globals)
  if not entry or not entry.block then return nil end
  local root = (entry.parameters or {})[nth]
  local start, names = (root or "") .. path .. ".", {}
  for _, field in ipairs(root and borrowed.fields(entry) or {}) do
    local name = field.name:sub(1, #start) == start and field.name:sub(#start + 1)
    if name and name:find "^[%a_][%w_]*$" then names[#names + 1] = name end
  end
  return names[1] and names or nil
end

return M
