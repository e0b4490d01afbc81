-- Faults on demand, for testing whatever deploys: which requests meet which fault. What a fault
-- then does stands in fault_kinds.lua. A list of rules is read from a file or from a control route;
-- the same list and the same order of requests give the same faults.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local kinds = require "moonherd.platform.fault_kinds"
local shape = require "moonherd.platform.shape"

local M = {}

local Faults = {}
Faults.__index = Faults

-- ---- reading ------------------------------------------------------------------------------------

local NAMES = {}
for name in pairs(kinds) do
  NAMES[#NAMES + 1] = name
end
table.sort(NAMES)

local function at_least(least, of)
  return function (value, pointer)
    of(value, pointer)
    if value < least then
      errors.invalid(("`%s` must be at least %g"):format(pointer:sub(2), least), pointer)
    end
  end
end

local NUMBER = shape.number(0, math.huge)

local RULE = {
  fault = shape.one_of(table.unpack(NAMES)),
  method = shape.text,
  path = shape.text,
  script = shape.text,
  rate = shape.number(0, 1),
  count = at_least(0, shape.integer),
  skip = at_least(0, shape.integer),
  retry_after = NUMBER,
  body = shape.one_of("envelope", "null", "empty"),
  status = at_least(400, shape.integer),
  when = shape.one_of("before", "body", "after", "answer"),
  seconds = NUMBER,
}

local LIMIT = {
  quota = at_least(1, shape.integer),
  window = at_least(0.001, NUMBER),
  block = NUMBER,
}

local FILE = {
  seed = shape.integer,
  faults = shape.list(shape.object(RULE, { "fault" })),
  limit = shape.object(LIMIT),
  delete_limit = at_least(1, shape.integer),
}

local function refuse_unknown(value, known, pointer)
  for name in pairs(value) do
    if not known[name] then
      errors.invalid(("There is no field `%s`"):format(name), pointer .. "/" .. name)
    end
  end
end

--- Checks a list of faults as it was decoded from JSON; ends the call, or raises, with 10021 and
--- the place of what is wrong.
---@param given table
---@field given.seed? integer  default 1
---@field given.limit? table  enforce the allowance: quota (1200 requests), window and block (300
---  seconds each)
---@field given.delete_limit? integer  scripts that a call deletes in bulk at most, whatever it asks
---  for; the answer says that there are more
---@field given.faults? table[]  rules; a request meets the first that fits and is due:
---  fault        rate_limited, bad_gateway, gateway_timeout, applied_error, reset, stall, lag,
---               expired_token, no_completion_token: what it does stands in fault_kinds.lua
---  method       the request's method; default any
---  path         the end of its path: "/scripts/*" is any script, and not its content; `*` is
---               anything but a slash; default any
---  script       the script's name, in which `*` is anything; default any request
---  skip, count  the first `skip` that fit pass, then at most `count` meet it; default 0, no limit
---  rate         of those, as a part of one; default 1
---  when         reset: before (the default), body, after, answer; stall: before, after
---  seconds      stall: default 3600; lag: default 5
---  retry_after  rate_limited: the header's value, default none; gateway_timeout: in the body, 120
---  body         rate_limited: envelope (the default), null, empty
---  status       applied_error: default 500
---@return table given
function M.check(given)
  shape.object(FILE)(given, "")
  refuse_unknown(given, FILE, "")
  refuse_unknown(given.limit or {}, LIMIT, "/limit")
  for i, rule in ipairs(given.faults or {}) do
    local pointer = "/faults/" .. i - 1
    refuse_unknown(rule, RULE, pointer)
    if rule.when and not kinds[rule.fault].moments[rule.when] then
      local message = ("A fault `%s` cannot be `%s`"):format(rule.fault, rule.when)
      errors.invalid(message, pointer .. "/when")
    end
  end
  return given
end

-- ---- picking ------------------------------------------------------------------------------------

-- A pattern in which `*` stands for anything within a segment of a path.
local function pattern_of(glob, any)
  return (glob:gsub("%W", function (char)
    return char == "*" and any or "%" .. char
  end))
end

-- A rule as it is used. A path matches from a `/` to the end: "/scripts/*" is any script, and not
-- its content.
local function compile(given)
  local rule = setmetatable({}, { __index = given })
  rule.path_pattern = given.path and pattern_of(given.path, "[^/]*") .. "$"
  rule.script_pattern = given.script and "^" .. pattern_of(given.script, ".*") .. "$"
  rule.kind = kinds[given.fault]
  rule.matches, rule.hits = 0, 0
  return rule
end

--- Makes the faults of a list that has been checked.
function M.new(given)
  local self = setmetatable({
    given = given, rules = {}, delete_limit = given.delete_limit or math.huge,
  }, Faults)
  self.random = given.seed or 1
  for i, rule in ipairs(given.faults or {}) do
    self.rules[i] = compile(rule)
  end
  return self
end

-- The next number from 0 up to 1; the same row for the same seed. A linear congruential generator
-- of 64 bits (Knuth's constants), of which the upper half is good enough for this.
local function roll(self)
  self.random = self.random * 6364136223846793005 + 1442695040888963407
  return (self.random >> 32) / 2 ^ 32
end

local function matches(rule, call, path)
  if rule.method and rule.method:upper() ~= call.method then
    return false
  elseif rule.path_pattern and not path:find(rule.path_pattern) then
    return false
  end
  local script = call.parameters.script
  return not rule.script_pattern or script ~= nil and script:find(rule.script_pattern) ~= nil
end

--- The rule that a request meets, or nil.
function Faults:pick(call, path)
  for _, rule in ipairs(self.rules) do
    if matches(rule, call, path) then
      rule.matches = rule.matches + 1
      local is_due = rule.matches > (rule.skip or 0) and rule.hits < (rule.count or math.huge)
      if is_due and roll(self) < (rule.rate or 1) then
        rule.hits = rule.hits + 1
        return rule
      end
    end
  end
end

--- The faults as they are shown: the list that was given, each rule with how many requests it has
--- matched and how many have met it.
function Faults:to_json()
  local shown = {
    seed = self.given.seed or 1, faults = json.array {}, limit = self.given.limit,
    delete_limit = self.given.delete_limit,
  }
  for i, rule in ipairs(self.rules) do
    local copy = { matches = rule.matches, hits = rule.hits }
    for name, value in pairs(self.given.faults[i]) do
      copy[name] = value
    end
    shown.faults[i] = copy
  end
  return json.encode(shown)
end

return M
