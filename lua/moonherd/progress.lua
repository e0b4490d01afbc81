-- moonherd.progress: how far something long is. It is told through the log, at level info: in a
-- line every few seconds, which the executable turns into a bar on a terminal. A host that wants to
-- draw its own finds the numbers in the member `progress` of the line. What is over before the
-- first line is due says nothing.
local clock = require "moonherd._clock"
local errors = require "moonherd.error"
local host = require "moonherd._host"
local log = require "moonherd._log"
local methods = require "moonherd._methods"
local options = require "moonherd._options"
local printable = require "moonherd._printable"
local sleep = require "moonherd.async".sleep
local time = require "moonherd.time"

local M = {}

local INTERVAL <const> = 5 -- seconds between two lines, unless the host asks for another pace
local WINDOW <const> = 30 -- seconds: the rate is that of the last one or two of these

--- How far something has come, told in the log or as a bar on a terminal.
---@class progress
---@field name string  what it is
---@field total? integer  how much there is to do, in units of whoever counts; nil when not known
---@field done integer  how many units are done; progress:step and progress:update set it
---@field skipped integer  how many were left out
---@field failed integer  how many failed
local Progress = {}
Progress.__index = Progress
Progress.__name = "moonherd.progress"

-- ---- numbers -----------------------------------------------------------------------------------

local function count_of(self)
  return self.done + self.skipped + self.failed
end

-- Where the rate is measured from moves on in steps, so that a pause an hour ago does not count.
local function move_window(self, now)
  if now - self._mark.time < WINDOW then return end
  self._from, self._mark = self._mark, { time = now, count = count_of(self) }
end

local function rate_of(self, now)
  local elapsed = now - self._from.time
  return elapsed > 0 and (count_of(self) - self._from.count) / elapsed or 0
end

-- What is left of the allowance, and the seconds for which nothing of it is given.
local function allowance_of(self)
  local budget = self._client and self._client.budget and self._client:budget()
  if not budget then return nil end
  return budget.remaining, budget.blocked
end

local function numbers_of(self, now)
  local total, count, rate = self.total, count_of(self), rate_of(self, now)
  local remaining, blocked = allowance_of(self)
  local is_known = total and rate > 0 and count < total
  return {
    name = self.name, total = total, done = self.done, skipped = self.skipped,
    failed = self.failed, rate = rate, remaining = remaining, blocked = blocked,
    elapsed = now - self._began, ended = self._has_ended,
    fraction = total and (total > 0 and math.min(count / total, 1) or 1),
    eta = is_known and not self._has_ended and (total - count) / rate + (blocked or 0) or nil,
  }
end

-- ---- the line ----------------------------------------------------------------------------------

local function duration_text(seconds)
  return time.text(math.ceil(seconds))
end

local function counts_text(n)
  local count = n.done + n.skipped + n.failed
  if not n.total then return ("%d"):format(count) end
  return ("%d of %d (%d %%)"):format(count, n.total, n.fraction * 100 // 1)
end

-- What matters most comes first: the end is cut off where there is no room.
local function text_of(n)
  local parts = { ("%s: %s"):format(n.name, counts_text(n)) }
  local function add(is_wanted, format, ...)
    if is_wanted then parts[#parts + 1] = format:format(...) end
  end
  add(n.failed > 0, "%d failed", n.failed)
  add(n.blocked, "waits %s for the allowance", duration_text(n.blocked or 0))
  add(n.eta, "%s left", duration_text(n.eta or 0))
  add(n.skipped > 0, "%d skipped", n.skipped)
  add(n.ended, "took %s", duration_text(n.elapsed))
  add(n.rate > 0 and not n.ended, "%.1f/s", n.rate)
  add(n.remaining, n.remaining == 1 and "%d request left" or "%d requests left", n.remaining)
  return table.concat(parts, ", ")
end

local function show(self, now)
  self._is_shown, self._next_at = true, now + self._interval
  local numbers = numbers_of(self, now)
  log.write("info", text_of(numbers), { progress = numbers })
end

local function show_when_due(self)
  local now = clock.now()
  move_window(self, now)
  if now >= self._next_at then show(self, now) end
end

-- ---- what scripts call -------------------------------------------------------------------------

local read = options.reader("moonherd.progress", {
  { "total", "integer", least = 0 }, { "client", "table" },
})

--- Begins to tell how far something is. `local p <close>` ends it when the block is left.
---@param name string  what it is, a few words
---@param opts? table
---@field opts.total? integer  how much there is to do; without it nothing is said of what is left
---@field opts.client? table  a client: what is left of its allowance is told, too; default none
---@return progress progress
---@error usage usage  when the name is empty or no text
---@example
--- local progress <close> = moonherd.progress("thumbnails", { total = 3 })
--- for _ = 1, 3 do progress:step() end
function M.new(name, opts)
  if type(name) ~= "string" or name == "" then
    errors.usage("moonherd.progress: a name is expected, got %s", type(name))
  end
  opts = read(opts)
  local now, interval = clock.now(), host.options.progress or INTERVAL
  local start = { time = now, count = 0 }
  return setmetatable({
    name = name, total = opts.total, done = 0, skipped = 0, failed = 0, _client = opts.client,
    _began = now, _from = start, _mark = start, _interval = interval, _next_at = now + interval,
    _is_shown = false, _has_ended = false,
  }, Progress)
end

local STATES = { done = true, skipped = true, failed = true }

--- Counts one more.
---@param state? string  "done" (default), "skipped" or "failed"
---@error usage usage  for another state
---@example
--- local progress <close> = moonherd.progress "checks"
--- progress:step "failed"
function Progress:step(state)
  state = state or "done"
  if not STATES[state] then
    errors.usage("progress:step: bad state %s (done, skipped or failed is expected)",
      printable.value(state))
  end
  self[state] = self[state] + 1
  show_when_due(self)
end

local read_update = options.reader("progress:update", {
  { "done", "integer", least = 0 }, { "skipped", "integer", least = 0 },
  { "failed", "integer", least = 0 }, { "total", "integer", least = 0 },
})

--- Sets counts; those that are not given stay. Without any it only tells what there is, when that
--- is due.
---@param counts? table
---@field counts.done? integer  how many units are done; default as it was
---@field counts.skipped? integer  how many were left out; default as it was
---@field counts.failed? integer  how many failed; default as it was
---@field counts.total? integer  how many there are in all; default as it was
---@error usage usage  for a count below zero, or of something else
---@example
--- local progress <close> = moonherd.progress "bytes"
--- progress:update { done = 4096, total = 65536 }
function Progress:update(counts)
  for name, value in pairs(read_update(counts)) do self[name] = value end
  show_when_due(self)
end

--- Tells again and again, also while nothing is counted. Ends with the task it runs in.
---@async
---@error cancelled cancelled  when its task is cancelled
---@example
--- local progress <close> = moonherd.progress("waiting", { total = 1 })
--- moonherd.race(function () progress:watch() end, function () moonherd.sleep "1ms" end)
function Progress:watch()
  while not self._has_ended do
    sleep(self._interval)
    show_when_due(self)
  end
end

--- Ends it: what was told once is told a last time. More than once is allowed.
---@error none
---@example
--- local progress = moonherd.progress("thumbnails", { total = 1 })
--- progress:step()
--- progress:finish()
function Progress:finish()
  if self._has_ended then return end
  self._has_ended = true
  if self._is_shown then show(self, clock.now()) end
end

methods.guard(Progress, "progress")
Progress.__close = Progress.finish

return M
