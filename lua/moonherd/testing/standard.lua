-- What Lua has of its own: a test that takes a part of it away, `debug = nil` or
-- `string.format = nil`, must not take the report of its failure with it, nor the tests behind it.
-- What a test puts in the place of a part stays, as with busted.
local error, getmetatable, rawget, rawset, type = error, getmetatable, rawget, rawset, type
local pack, unpack, xpcall = table.pack, table.unpack, xpcall

local M = {}

local LIBRARIES = {
  _G, coroutine, debug, io, math, os, package, string, table, utf8, getmetatable "",
}

-- Of each part: the library it is in, its name, and what it is. Three lists, as all are looked at
-- behind every test.
local libraries, names, values

--- Remembers them as they are.
function M.remember()
  libraries, names, values = {}, {}, {}
  for _, library in ipairs(LIBRARIES) do
    for name, value in pairs(library) do
      local i = #names + 1
      libraries[i], names[i], values[i] = library, name, value
    end
  end
end

-- Stubs and spies of luassert are tables that can be called.
local function stands_in(now, value)
  if type(value) ~= "function" or type(now) ~= "table" then return type(now) == type(value) end
  local meta = getmetatable(now)
  return type(meta) == "table" and rawget(meta, "__call") ~= nil
end

-- Works where every global is gone.
local function restore()
  for i = 1, #names do
    local now, value = rawget(libraries[i], names[i]), values[i]
    if now ~= value and not stands_in(now, value) then rawset(libraries[i], names[i], value) end
  end
end

--- Calls a function; behind it, and before anybody looks at its error, all parts are there again.
---@param run function
---@param on_error fun(value: any)  is told of an error where it is raised
---@param ... any  the arguments
---@return any ...  what it returns
function M.call(run, on_error, ...)
  local result = pack(xpcall(run, function (value)
    restore()
    on_error(value)
    return value
  end, ...))
  restore()
  if not result[1] then error(result[2], 0) end
  return unpack(result, 2, result.n)
end

return M
