-- What time it is, by the clock of the handle: a virtual one when the host has chosen so.
local clock = require "moonherd._clock"

local M = {}

--- Seconds on a clock that only goes forward: for measuring how long something takes.
---@return number seconds
---@example
--- local started = moonherd.time.now()
--- moonherd.sleep "10ms"
--- print(moonherd.time.now() - started >= 0.01)
function M.now()
  return clock.now()
end

--- Seconds since the beginning of 1970, UTC, with a fraction.
---@return number seconds
---@example
--- print(os.date("!%Y-%m-%d", moonherd.time.wall() // 1))
function M.wall()
  return clock.wall()
end

return M
