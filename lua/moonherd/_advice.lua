-- What a report adds to an error that nobody has caught, for the person who reads it: a hint where
-- plain Lua had none to give, and the request that failed in one line. Called by runtime/report.c;
-- nothing here runs while a script is well.
local options = require "moonherd._options"

local M = {}

-- ---- did you mean ------------------------------------------------------------------------------

-- "attempt to call a nil value (method 'uplod')"
local CALLED = "attempt to call a nil value %((%a+) '([%w_.]+)'%)"

local SEPARATORS = { method = ":", field = "." }

-- The public names whose last part is nearest: methods where a method was called.
local function nearest_public(kind, name)
  local by_last, lasts = {}, {}
  for entry in require "moonherd.docs.index".each() do
    local separator, last = entry.name:match "([:.])([%w_]+)$"
    if separator == SEPARATORS[kind] then
      if not by_last[last] then lasts[#lasts + 1] = last end
      by_last[last] = by_last[last] and by_last[last] .. " or " .. entry.name or entry.name
    end
  end
  return by_last[options.nearest(name:match "[%w_]+$", lasts) or ""]
end

local function nearest_global(name)
  local names = {}
  for global in pairs(_G) do
    if type(global) == "string" then names[#names + 1] = global end
  end
  return options.nearest(name, names)
end

local function hint_of(message)
  local kind, name = message:match(CALLED)
  if not kind then return nil end
  local nearest
  if SEPARATORS[kind] then nearest = nearest_public(kind, name) end
  if kind == "global" then nearest = nearest_global(name) end
  return nearest and nearest ~= name and ("did you mean %s?"):format(nearest) or nil
end

--- Gives an error of plain Lua a hint, when it has none.
---@param err table  the error object
function M.advise(err)
  if err.kind == "script" and err.hint == nil and type(err.message) == "string" then
    err.hint = hint_of(err.message)
  end
end

-- ---- the request -------------------------------------------------------------------------------

local function counted(n)
  return n == 1 and "1 attempt" or ("%d attempts"):format(n)
end

--- The request of a failed call: "PUT /accounts/…/scripts/x, 5 attempts, ray id 8f…".
---@param err table  the error object
---@return string? line
function M.request(err)
  if type(err.method) ~= "string" or type(err.path) ~= "string" then return nil end
  local parts = { err.method .. " " .. err.path }
  if math.type(err.attempts) == "integer" then parts[#parts + 1] = counted(err.attempts) end
  if type(err.ray_id) == "string" then parts[#parts + 1] = "ray id " .. err.ray_id end
  if err.outcome == "unknown" then parts[#parts + 1] = "it may have been done" end
  return table.concat(parts, ", ")
end

return M
