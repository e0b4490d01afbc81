-- The allowance of requests: so many in a window, for each user; whoever asks for more is refused
-- everything until a block is over. The service's own numbers are the defaults; every answer says
-- what is left, whether or not the allowance is enforced.

local clock = require "moonherd._clock"

local M = {}

local QUOTA, WINDOW, BLOCK = 1200, 300, 300
local ROUNDING = 1e-3 -- seconds; (now + 120) - now may be a little more than 120

local Limiter = {}
Limiter.__index = Limiter

--- Makes a limiter.
---@param limits? table  without it nobody is ever refused
---@field limits.quota? integer  requests in a window; default 1200
---@field limits.window? number  seconds; default 300
---@field limits.block? number  seconds that a user who asked for more is refused; default 300
function M.new(limits)
  local given = limits or {}
  local quota, window = given.quota or QUOTA, given.window or WINDOW
  return setmetatable({
    is_enforced = limits ~= nil,
    quota = quota,
    window = window,
    block = given.block or BLOCK,
    users = {}, -- user -> { start=, count=, blocked_until= }
    policy = ('"default";q=%d;w=%d'):format(quota, math.ceil(window)),
    untouched = ('"default";r=%d;t=%d'):format(quota, math.ceil(window)),
  }, Limiter)
end

-- The account of a user in the window that is now.
local function account_of(self, user, now)
  local account = self.users[user]
  if not account or now >= account.start + self.window and now >= account.blocked_until then
    account = { start = now, count = 0, blocked_until = -math.huge }
    self.users[user] = account
  end
  return account
end

--- Counts a request. Returns the value of the `ratelimit` header and, for one that is refused, how
--- many seconds to wait.
function Limiter:take(user)
  if not self.is_enforced then
    return self.untouched
  end
  local now = clock.now()
  local account = account_of(self, user, now)
  if now >= account.blocked_until and account.count >= self.quota then
    account.blocked_until = now + self.block
  end
  local ends = math.max(account.start + self.window, account.blocked_until)
  local reset = math.ceil(ends - now - ROUNDING)
  if now < account.blocked_until then
    return ('"default";r=0;t=%d'):format(reset), reset
  end
  account.count = account.count + 1
  return ('"default";r=%d;t=%d'):format(self.quota - account.count, reset)
end

return M
