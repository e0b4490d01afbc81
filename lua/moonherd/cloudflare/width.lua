-- How much may be in flight at once, found by trying: half as much when the other side shows that
-- it is too much, one more whenever that many have gone well. As TCP does with its window.
local clock = require "moonherd._clock"
local task = require "moonherd._task"

local M = {}

-- Seconds: what fails together was sent together, and says one thing.
local ONE_FAILURE <const> = 1

local Width = {}
Width.__index = Width

--- Makes one.
---@param most integer  what it begins with, and never exceeds
---@param what string  what is waited for, in dumps and errors
---@return table width
function M.new(most, what)
  local self = setmetatable({
    most = most, now = most, busy = 0, good = 0, narrowed_at = -math.huge,
    what = what, waiters = task.waitlist(),
  }, Width)
  self.place = setmetatable({}, { __close = function () self:leave() end })
  return self
end

--- Leaves; called by `run`.
function Width:leave()
  self.busy = self.busy - 1
  self.waiters:wake()
end

--- Calls a function as soon as there is room.
---@async
---@param f function
---@param ... any  its arguments
---@return any ...  what it returns; its errors are raised
function Width:run(f, ...)
  while self.busy >= self.now do self.waiters:wait(self.what) end
  self.busy = self.busy + 1
  local _ <close> = self.place
  return f(...)
end

--- It was too much.
function Width:narrow()
  local now = clock.now()
  if now - self.narrowed_at < ONE_FAILURE then return end
  self.now, self.good, self.narrowed_at = math.max(1, self.now // 2), 0, now
end

--- Something has gone well.
function Width:widen()
  self.good = self.good + 1
  if self.good < self.now or self.now == self.most then return end
  self.now, self.good = self.now + 1, 0
  self.waiters:wake()
end

return M
