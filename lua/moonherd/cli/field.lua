-- Picks values out of JSON by a path such as result[].name or errors[0].message: names between
-- dots, [] for every item of a list, [N] for one of them, counted from 0.
local json = require "moonherd.json"

local M = {}

--- Reads a path.
---@param path string
---@return table? steps  names, numbers of items, and true for every item; nil when it is none
function M.compile(path)
  local steps, at = {}, 1
  while at <= #path do
    -- The first name stands alone, the others behind a dot.
    local name, after = path:match(at == 1 and "^([^.%[%]]+)()" or "^%.([^.%[%]]+)()", at)
    local index, behind = path:match("^%[(%d*)%]()", at)
    if name then
      steps[#steps + 1], at = name, after
    elseif index then
      steps[#steps + 1], at = index == "" or math.tointeger(tonumber(index)), behind
    else
      return nil
    end
  end
  return #steps > 0 and steps or nil
end

-- The names that a table has, in order.
local function names_in(value)
  local names = {}
  for name in pairs(value) do names[#names + 1] = type(name) == "string" and name or nil end
  table.sort(names)
  return names
end

local function pick(value, steps, i, found)
  local step = steps[i]
  if step == nil then
    found[#found + 1] = value
  elseif type(value) ~= "table" then
    return
  elseif step == true then
    for _, item in ipairs(value) do pick(item, steps, i + 1, found) end
  else
    local member = value[math.type(step) and step + 1 or step]
    if member ~= nil then return pick(member, steps, i + 1, found) end
    if type(step) == "string" then found.missing = { name = step, names = names_in(value) } end
  end
end

--- The values at a path.
---@param value any  decoded JSON
---@param steps table  as M.compile gave them
---@return any[] values  in order; what is not there is left out
---@return table? missing  when there are none because of a name that is nowhere, in a list of
---  some: {name=, names=}, with the names that were there
function M.values(value, steps)
  local found = {}
  pick(value, steps, 1, found)
  local missing = not found[1] and found.missing or nil
  found.missing = nil
  return found, missing
end

--- A value as one line: text as it is, everything else as JSON.
---@param value any
---@return string line
function M.line(value)
  return type(value) == "string" and value or json.encode(value)
end

return M
