-- An iterator that may wait inside, for callers that take turns: it never runs twice at once, so
-- that several tasks can share a loop.
local core = require "moonherd._task"

--- Makes a function one that its callers enter one after the other.
---@param f function  may wait
---@return function in_turns  takes and returns what `f` does
return function (f)
  local is_busy, turns = false, core.waitlist()
  local turn = setmetatable({}, { __close = function ()
    is_busy = false
    turns:wake(1)
  end })
  return function (...)
    while is_busy do turns:wait "the next item" end
    is_busy = true
    local _ <close> = turn
    return f(...)
  end
end
