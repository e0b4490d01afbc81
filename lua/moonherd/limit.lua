-- moonherd.limit: no more than so many at once, whoever calls, first come, first served.
local core = require "moonherd._task"
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local printable = require "moonherd._printable"

local M = {}

--- No more than so many at once: what moonherd.limit returns.
---@class limit
---@field most integer  how many may run at once
---@field running integer  how many do
local Limit = {}
Limit.__index = Limit
Limit.__name = "moonherd.limit"

local function check_callable(who, f)
  local meta = getmetatable(f)
  if type(f) ~= "function" and not (type(meta) == "table" and meta.__call) then
    errors.usage("%s: bad function (function expected, got %s)", who, type(f))
  end
end

-- A place is handed on to who waits longest, so that nobody who comes meanwhile can take it.
local function leave(self)
  if self._turns:wake(1) == 0 then self.running = self.running - 1 end
end

--- Calls `f(...)` as soon as there is room, and returns what it returns.
---@async
---@param f function
---@param ... any  its arguments
---@return any ...
---@error of f  and its place is free again
---@error usage deadlock  when all tasks wait for each other: a limit in itself, say
---@example
--- local limit = moonherd.limit(2)
--- print(limit:run(string.upper, "one of two"))     --> ONE OF TWO
function Limit:run(f, ...)
  check_callable("limit:run", f)
  if self.running < self.most then self.running = self.running + 1
  else self._turns:wait "limit:run" end
  local _ <close> = setmetatable({}, { __close = function () leave(self) end })
  return f(...)
end

methods.guard(Limit, "limit")

--- Makes a limit that several tasks share: of what is run by it, so many run at once.
---@param most integer  how many may run at once, at least 1
---@return limit limit
---@error usage usage  when it is no such number
---@example
--- local limit = moonherd.limit(4)
--- local lengths = moonherd.map({ "a", "bb" }, function (text)
---   return limit:run(function () return #text end)
--- end)
--- print(lengths[2])     --> 2
function M.new(most)
  if math.type(most) ~= "integer" or most < 1 then
    errors.usage("moonherd.limit: bad number (integer of at least 1 expected, got %s)",
      printable.value(most))
  end
  return setmetatable({ most = most, running = 0, _turns = core.waitlist() }, Limit)
end

return M
