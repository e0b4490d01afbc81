-- When the next requests may go: arithmetic on what is known of an allowance, and nothing else. No
-- clock, no file, no waiting; times are seconds of one clock, whichever it is.
--
-- Two rules hold at once. The log: in any stretch as long as the window no more requests go than
-- the quota, wherever the service lets its windows begin. The rate: they go at even distances. A
-- run that begins may be ahead of the rate by a part of the quota; the fuller the log, the less, so
-- that it is on the rate when the first window is full, and never meets an empty one.
local M = {}

-- The log is kept a little longer than the window: requests do not arrive at the distances at which
-- they were sent. One that is too many costs five minutes, this costs three seconds of them.
local LONGER <const> = 1.01
local BURST <const> = 1 / 10 -- of the quota, when the log is empty
local TICKS <const> = 300 -- of a window
local LONGEST_TICK <const> = 1

--- The grain of time: requests are logged, and taken in advance, for so long.
---@param window number  seconds
---@return number seconds
function M.tick(window)
  return math.min(window / TICKS, LONGEST_TICK)
end

--- How long a request stays in the log.
---@param window number  seconds
---@return number seconds
function M.span(window)
  return window * LONGER
end

--- The most requests of a window that are ours.
---@param allowance table  {quota=, reserve=}
---@return integer count
function M.limit(allowance)
  return math.max(allowance.quota - allowance.reserve, 1)
end

--- The distance between two requests.
---@param allowance table  {quota=, window=, reserve=}
---@return number seconds
function M.interval(allowance)
  return M.span(allowance.window) / M.limit(allowance)
end

-- How far the requests may be ahead of the rate. Never less than what is taken at once.
local function lead_of(allowance, interval, used)
  local limit = M.limit(allowance)
  local burst = BURST * limit * (1 - used / limit)
  return M.tick(allowance.window) + interval * (1 + math.max(burst, 0))
end

--- What is left for us of what the service has left: others have their reserve, less what they have
--- used of it.
---@param allowance table  {left=, left_others=, reserve=}
---@return integer count
function M.left(allowance)
  return allowance.left - math.max(allowance.reserve - (allowance.left_others or 0), 0)
end

-- That, while the word of the service holds.
local function left_of(allowance, now)
  if not allowance.left or now >= allowance.left_until then return math.huge end
  return M.left(allowance)
end

-- Why not one more, and for how long; nil when it may go.
local function obstacle(allowance, now, used, left, ahead)
  if used >= M.limit(allowance) then
    return "window", (allowance.oldest or now) + M.span(allowance.window) - now
  end
  if left <= 0 then return "service", allowance.left_until - now end
  if ahead > 0 then return "rate", ahead end
end

--- How many of `wanted` requests may go now.
---@param allowance table  quota, window, reserve; `used`: of the log; `oldest`: from when
---  its oldest entry is; `due`: when the rate has the next request (nil: now); `left`,
---  `left_until`, `left_others`: what the service says is left, until when that holds, and how many
---  were used by others; `blocked_until`
---@param wanted integer
---@param now number
---@return integer count
---@return number? due  then
---@return string? why  there are not more: "blocked", "window" (the log is full), "service" (others
---  use the allowance), "rate"
---@return number? wait  seconds until there may be another one
function M.grant(allowance, wanted, now)
  local blocked = (allowance.blocked_until or now) - now
  if blocked > 0 then return 0, allowance.due, "blocked", blocked end
  local interval = M.interval(allowance)
  local used, left, due = allowance.used, left_of(allowance, now), allowance.due or now
  -- Further ahead than it can get by itself: the clock was set back.
  due = math.min(due, now + lead_of(allowance, interval, 0) + interval)
  for count = 0, wanted - 1 do
    local ahead = due - lead_of(allowance, interval, used) - now
    local why, wait = obstacle(allowance, now, used, left, ahead)
    if why then return count, due, why, wait end
    used, left, due = used + 1, left - 1, math.max(due, now) + interval
  end
  return wanted, due
end

return M
