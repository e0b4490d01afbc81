-- The last requests, for tests that ask who did what and how often. A ring of columns: taking down
-- a request makes no table, and what it holds is bounded.

local clock = require "moonherd._clock"
local json = require "moonherd.json"
local log = require "moonherd._log"
local uri = require "moonherd.platform.uri"

local M = {}

local DEFAULT_SIZE = 10000 -- requests
local LONGEST = 256 -- bytes of a text that are kept; no more is ever shown

local COLUMNS =
  { "time", "method", "target", "status", "received", "sent", "seconds", "user", "agent", "fault" }

local Log = {}
Log.__index = Log

--- Makes a log of the last `size` requests.
function M.new(size)
  local self = setmetatable({ size = size or DEFAULT_SIZE }, Log)
  self:clear()
  return self
end

--- Forgets all requests.
function Log:clear()
  self.count = 0 -- requests since the log was made or cleared
  for _, column in ipairs(COLUMNS) do
    self[column] = {}
  end
end

-- What anybody may send by the kilobyte, also without a credential. Masked first, so that it does
-- not end in half a secret; what is short is masked when it is shown.
local function cut(text)
  return #text > LONGEST and log.mask(text):sub(1, LONGEST) or text
end

-- A text as it is shown: secrets that were sent in odd places are not.
local function shown(text)
  return uri.printable(log.mask(text))
end

--- Takes down a request that has been answered, or not.
function Log:add(call, began)
  local at = self.count % self.size + 1
  self.count = self.count + 1
  self.time[at] = clock.wall()
  self.method[at] = cut(call.method)
  self.target[at] = cut(call.target)
  self.status[at] = call.answered or false
  self.received[at] = call.received
  self.sent[at] = call.sent or 0
  self.seconds[at] = clock.now() - began
  self.user[at] = call.user or false
  self.agent[at] = cut(call.headers["user-agent"] or "")
  self.fault[at] = call.fault or false
end

local function or_null(value)
  return value or json.null
end

-- The request at a place of the ring, as it is shown.
local function entry_at(self, number)
  local at = (number - 1) % self.size + 1
  return {
    number = number,
    time = self.time[at],
    method = self.method[at],
    target = shown(self.target[at]),
    status = or_null(self.status[at]),
    received = self.received[at],
    sent = self.sent[at],
    seconds = self.seconds[at],
    user = or_null(self.user[at]),
    agent = or_null(self.agent[at] ~= "" and shown(self.agent[at])),
    fault = or_null(self.fault[at]),
  }
end

local function fits(entry, wanted)
  return (not wanted.method or entry.method == wanted.method)
    and (not wanted.status or entry.status == wanted.status)
    and (not wanted.fault or entry.fault == wanted.fault)
    and (not wanted.target or entry.target:find(wanted.target, 1, true) ~= nil)
end

--- The requests that fit, oldest first. `wanted` may have `after` (the number of the last one
--- seen), `limit`, `method`, `status`, `fault` and `target` (a part of it).
function Log:list(wanted)
  local list = json.array {}
  -- No number above the count is taken: the largest integer and one is the smallest.
  local after = math.min(wanted.after or 0, self.count)
  for number = math.max(self.count - self.size, after) + 1, self.count do
    if #list == wanted.limit then
      break
    end
    local entry = entry_at(self, number)
    if fits(entry, wanted) then
      list[#list + 1] = entry
    end
  end
  return list
end

return M
