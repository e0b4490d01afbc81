-- Calls made ahead of the time when their results are wanted, each in a task of its own that never
-- fails: a loop that ends early leaves no error behind. The task belongs to the scope the loop runs
-- in, which ends only after it.
local async = require "moonherd.async"

local M = {}

--- Starts `f(a, b)`.
---@param f function
---@param a any
---@param b any
---@return table call  for take and is_over
function M.start(f, a, b)
  return { f = f, a = a, b = b, task = async.spawn(pcall, f, a, b) }
end

--- Whether taking the results need not wait.
---@param call table
---@return boolean
function M.is_over(call)
  return call.task:state() ~= "running"
end

--- Waits for the call; gives its results or raises its error. Whoever ran the loop before may have
--- been cancelled, and the call with it: then it is made again.
---@async
---@param call table
---@return any first
---@return any second
function M.take(call)
  local ok, first, second = async.try(call.task.wait, call.task)
  if ok then return first, second end
  if first.kind ~= "cancelled" then error(first, 0) end
  return call.f(call.a, call.b)
end

return M
