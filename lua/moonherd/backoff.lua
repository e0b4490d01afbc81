-- Growing pauses between attempts. There is chance in them, so that many who failed together do not
-- come again together; math.randomseed makes them repeatable.
local M = {}

--- The descriptors of what pauses are made of, for moonherd._options.
M.OPTIONS = {
  { "attempts", "integer", default = 5, least = 1 },
  { "backoff", "duration", default = 0.5 },
  { "max_backoff", "duration", default = 8 },
}

--- The pause after an attempt: `first` doubled for each attempt before, at most `most`, less up to
--- half of it.
---@param attempt integer  the number of the attempt, from 1
---@param first number  seconds
---@param most number  seconds
---@return number seconds
function M.pause(attempt, first, most)
  return math.min(first * 2.0 ^ (attempt - 1), most) * (1 - math.random() / 2)
end

return M
