-- A request budget: lets requests go at the pace that the service allows to one credential, or to
-- several of one user, together with everybody else who uses it on this machine. The transport asks
-- before every request, and tells of every answer.
--
-- What is known stands in the book (budget_book.lua), when the next may go is worked out by
-- pace.lua. Here is who waits. Requests are taken from the book some at a time, a lease that holds
-- for a moment, so that a fast pace does not cost a look into the file each. Calls wait in a row:
-- the first of them looks and sleeps for all, the others are woken by it.
local clock = require "moonherd._clock"
local counts = require "moonherd._counts"
local hints = require "moonherd.cloudflare.hints"
local log = require "moonherd._log"
local moonherd_try = require "moonherd.async".try
local pace = require "moonherd.cloudflare.pace"
local ratelimit = require "moonherd.cloudflare.ratelimit"
local task = require "moonherd._task"

local M = {}

local QUOTA <const>, WINDOW <const> = 1200, 300 -- of the service, until it says otherwise
local RESERVE <const> = 1 / 20 -- of the quota
local LONGEST_BLOCK <const> = 900 -- seconds that are believed; then a request finds out
local SLACK <const> = 1.5 -- seconds; what is told in whole seconds differs by one
local COUNTDOWN <const> = 30 -- seconds between two lines of it
local LONG <const> = 5 -- seconds; a wait that is worth a line
local FIRST_ANSWER <const> = 2 -- seconds that it is waited for
local LOOK_AGAIN <const> = 1 -- seconds; answers that are under way change what is left
local WAIT <const> = 0.05 -- seconds; what is shorter is a look into the book
local WHAT <const> = "the request budget"

local Budget = {}
Budget.__index = Budget
Budget.__name = "moonherd.budget"

--- Makes a budget. Opens nothing before it is needed.
---@param name string  for people: "account 0123"
---@param group? string  the name of the group it is of
---@param open fun(): table, string  gives the book, and the name of the allowance in it
---@return table budget
function M.new(name, group, open)
  return setmetatable({
    name = name, group = group, quota = QUOTA, window = WINDOW, _open = open,
    taken = 0, answered = 0, proven_after = 0, waiting = 0, lease = 0, lease_ends = 0,
    unsaid = 0, recent = 0, looked_at = 0, look_at = 0, first_answer = task.waitlist(),
  }, Budget)
end

--- Takes over the options of one more client. The greatest reserve of all counts.
---@param opts table  reserve, quota, window; each may be nil
function Budget:configure(opts)
  self.quota, self.window = opts.quota or self.quota, opts.window or self.window
  if opts.reserve then self.reserve = math.max(self.reserve or 0, opts.reserve) end
end

-- ---- what is known -----------------------------------------------------------------------------

local function read(self, now)
  if not self.book then self.book, self.key = self._open() end
  local since = self.heard and self.heard.ends - self.window or now
  local row = self.book:read(self.key, now, pace.span(self.window), since)
  -- A process that rested for a whole window has been forgotten.
  row.leased = math.max(row.leased, self.taken)
  return row
end

-- What is from the future was written before the clock was set back.
local function forget_future(row, now)
  if row.left_seen and row.left_seen > now + SLACK then row.left_until, row.left_seen = nil, nil end
  if row.blocked_seen and row.blocked_seen > now + SLACK then
    row.blocked_until, row.blocked_seen = nil, nil
  end
end

-- What is left to others: never all, when the service allows less than the reserve.
local function reserve_of(self, quota)
  return math.min(self.reserve or math.tointeger(quota * RESERVE // 1), quota - 1)
end

-- A row as pace.lua wants it.
local function allowance_of(self, row, now)
  forget_future(row, now)
  if self.told then row.told_quota, row.told_window = self.told.quota, self.told.window end
  self.quota, self.window = row.told_quota or self.quota, row.told_window or self.window
  row.quota, row.window = self.quota, self.window
  row.reserve = reserve_of(self, row.quota)
  if not row.left_until then row.left = nil end
  return row
end

local function is_valid(heard, now)
  return heard and heard.ends > now and heard.at <= now + SLACK
end

-- Adds what this process has heard since to what all know.
local function add_heard(self, row, now)
  local block, heard = self.block, self.heard
  if is_valid(block, now) and block.ends > (row.blocked_until or 0) then
    row.blocked_until, row.blocked_seen = block.ends, block.at
  end
  if is_valid(heard, now) and heard.at >= (row.left_seen or 0) then
    -- Requests under way, and those that had no answer, may have been counted since or not.
    row.left = heard.left - self.unsaid - row.others - (row.leased - self.answered)
    row.left_until, row.left_seen = heard.ends, heard.at
    row.left_others = math.max(row.quota - heard.left - row.recent, 0)
  end
end

-- ---- taking ------------------------------------------------------------------------------------

-- A lease that was not used in time goes back into the book.
local function give_back(self, row, slots)
  local rest = row.leased - self.taken
  if rest == 0 then return end
  row.leased = self.taken
  row.due = row.due and row.due - rest * pace.interval(row)
  slots[1] = { start = self.lease_start, taken = -rest }
end

-- What is known is worth nothing: at the beginning, and after a block. From here on one request
-- goes, and the others wait for what its answer tells.
local function forget_proof(self)
  self.proven_after, self.has_waited = self.taken, false
end

-- How many to take at once: one, whose answer tells what is left; then for those who wait, and for
-- as many as came lately, up to what goes in one tick.
local function wanted_of(self, row)
  if self.taken == self.proven_after then return 1 end
  local most = math.max(1, pace.tick(row.window) // pace.interval(row) | 0)
  return math.max(self.waiting, math.min(most, 2 * self.recent), 1)
end

local function sleep_until(self, why, now, wait, row)
  if why == "blocked" then forget_proof(self) end
  -- Some go at once when the pace is fast: a look for each would cost too much.
  if why == "rate" then
    local interval = pace.interval(row)
    local together = math.min(self.waiting, pace.tick(row.window) // interval)
    wait = wait + math.max(together - 1, 0) * interval
  end
  self.why, self.looked_at, self.look_at = why, now, now + wait
end

-- Looks into the book and takes from it what may go now. What a look has taken that was cancelled
-- at the wrong moment shows in the book the next time.
local function look(self)
  local now = clock.wall()
  local row = allowance_of(self, read(self, now), now)
  if now < self.lease_ends and row.leased > self.taken then
    self.lease = row.leased - self.taken
    return
  end
  local slots = {}
  give_back(self, row, slots)
  add_heard(self, row, now)
  local count, due, why, wait = pace.grant(row, wanted_of(self, row), now)
  local tick = pace.tick(row.window)
  row.due, row.leased = due, row.leased + count
  row.left = row.left and row.left - count
  self.lease, self.lease_start, self.lease_ends = 0, now // tick * tick, now + tick
  slots[#slots + 1] = { start = self.lease_start, taken = count }
  if not self.book:write(row, now, pace.span(row.window), self.answered, slots) then return end
  self.lease, self.lease_ends, self.recent = count, clock.wall() + tick, 0
  self.blocked_until = row.blocked_until
  if why then sleep_until(self, why, now, wait, row) end
end

-- ---- waiting -----------------------------------------------------------------------------------

local REASONS = {
  blocked = "the service refuses requests for %d s more",
  service = "nothing is left for %d s: others use it, too",
  window = "nothing is left for %d s",
}

-- A long wait is said when it begins, and counted down.
local function announce(self, now, pause)
  local reason = REASONS[self.why]
  if not reason or pause <= LONG then return end
  local is_new = now + pause > (self.said_until or 0) + SLACK
  if not is_new and now < self.next_line then return end
  if is_new then self.said_until = now + pause end
  self.next_line = now + COUNTDOWN
  log.write(is_new and "warn" or "info", ("budget of %s: %s; calls waiting: %d"):format(self.name,
    reason:format(math.ceil(pause)), self.waiting))
end

local function announce_end(self)
  if not self.said_until then return end
  self.said_until = nil
  log.write("info", ("budget of %s: requests go on"):format(self.name))
end

-- Sleeps for a while, never long: others may have changed what is known, or the clock.
local function rest(self, pause)
  announce(self, clock.wall(), pause)
  local longest = self.why == "service" and LOOK_AGAIN or COUNTDOWN
  task.pause(math.min(pause, longest), WHAT)
  self.look_at = 0
end

-- How long until the next look; none when the clock was set back since the last.
local function pause_of(self)
  local now = clock.wall()
  return self.look_at > now and now >= self.looked_at and self.look_at - now or 0
end

-- Before more is asked for, the first request tells what others have left; not when it is one that
-- takes long.
local function wait_for_first_answer(self)
  if self.taken == self.proven_after or self.answered > self.proven_after or self.has_waited then
    return
  end
  moonherd_try(task.timeout, FIRST_ANSWER, self.first_answer.wait, self.first_answer, WHAT)
  self.has_waited = true
end

-- Only the first of the row is here.
local function wait_for_lease(self)
  wait_for_first_answer(self)
  while self.lease == 0 or clock.wall() >= self.lease_ends do
    local pause = pause_of(self)
    if pause > 0 then rest(self, pause) else look(self) end
  end
  announce_end(self)
end

-- A place in the row; leaving it, in whatever way, puts the next one first.
local Place = {}

local function enter(self)
  local place = setmetatable({ budget = self, before = self.last, turn = task.waitlist() }, Place)
  if self.last then self.last.behind = place else self.first = place end
  self.last = place
  self.waiting = self.waiting + 1
  return place
end

function Place:__close()
  local budget, before, behind = self.budget, self.before, self.behind
  budget.waiting = budget.waiting - 1
  if before then before.behind = behind else budget.first = behind end
  if behind then behind.before = before else budget.last = before end
  if behind and not before then behind.turn:wake() end
end

local function count(self)
  self.lease, self.taken, self.recent = self.lease - 1, self.taken + 1, self.recent + 1
end

local function take_in_turn(self)
  local place <close> = enter(self)
  while self.first ~= place do place.turn:wait(WHAT) end
  wait_for_lease(self)
  count(self)
end

--- Waits until one more request may go, and counts it. Calls are served in order.
---@async
function Budget:take()
  if self.lease == 0 or self.first or clock.wall() >= self.lease_ends then
    local began = clock.now()
    take_in_turn(self)
    local waited = clock.now() - began
    if waited >= WAIT then counts.budget_wait(waited) end
    return
  end
  count(self)
end

-- ---- what answers tell -------------------------------------------------------------------------

local function hear_policy(self, headers)
  local text = headers["ratelimit-policy"]
  if not text or text == self.policy_text then return end
  self.policy_text = text
  local quota, window = ratelimit.policy(headers)
  if quota then self.told = { quota = quota, window = window } end
end

-- Within a window of the service less and less is left: the least counts, in whichever order the
-- answers come.
local function hear_left(self, headers, now)
  local left, reset = ratelimit.left(headers)
  if not left then return end
  self.unsaid = 0
  reset = math.min(reset, math.max(self.window, LONGEST_BLOCK))
  local ends, heard = now + reset, self.heard
  if not heard or ends > heard.ends + SLACK or now >= heard.ends then
    self.heard = { left = left, ends = ends, at = now }
  elseif ends >= heard.ends - SLACK then
    heard.left, heard.at = math.min(left, heard.left), now
  end
end

-- From now on everybody waits; the lease is worth nothing.
local function hear_block(self, headers, now)
  local seconds = hints.pause(headers)
  if not seconds then return end
  self.block = { ends = now + math.min(seconds, LONGEST_BLOCK), at = now }
  self.blocked_until = self.block.ends
  self.lease_ends, self.look_at = 0, 0
  if self.first then return end -- who looks for itself, and tells the other processes by that
  local _ <close> = enter(self)
  look(self)
end

local function hear(self, response)
  local headers, now = response.headers, clock.wall()
  hear_policy(self, headers)
  hear_left(self, headers, now)
  if response.status == 429 then hear_block(self, headers, now) end
end

--- Tells the end of a request that was taken.
---@async
---@param response? table  its answer; nil when none came, or it tells of another allowance
function Budget:note(response)
  self.answered, self.unsaid = self.answered + 1, self.unsaid + 1
  if response then hear(self, response) end
  if self.answered == self.proven_after + 1 then self.first_answer:wake() end
end

--- Whether the service refuses everything for now: calls that ask wait until it is over.
---@return boolean
function Budget:is_blocked()
  return self.blocked_until ~= nil and self.blocked_until > clock.wall()
end

-- ---- showing -----------------------------------------------------------------------------------

--- What is left, as far as this machine knows: see client:budget.
---@async
---@return table view
function Budget:view()
  local now = clock.wall()
  local row = allowance_of(self, read(self, now), now)
  add_heard(self, row, now)
  local is_heard = row.left and row.left_until > now
  local left = pace.limit(row) - row.used
  if is_heard then left = math.min(left, pace.left(row)) end
  left = left + row.leased - self.taken
  local blocked = (row.blocked_until or now) - now
  local ends = is_heard and row.left_until or row.oldest and row.oldest + pace.span(row.window)
  return {
    remaining = blocked > 0 and 0 or math.max(left, 0),
    reset = math.max(blocked, (ends or now) - now, 0),
    limit = row.quota, window = row.window, reserve = row.reserve,
    used = self.taken, waiting = self.waiting, group = self.group,
    blocked = blocked > 0 and blocked or nil,
  }
end

return M
