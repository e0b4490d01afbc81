-- One request on its way through the platform: what a handler needs to know and to say. Handlers
-- are functions of a call; they return the JSON text of `result` and, for lists, that of
-- `result_info`.

local async = require "moonherd.async"
local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local log = require "moonherd._log"
local task = require "moonherd._task"
local time = require "moonherd.time"
local uri = require "moonherd.platform.uri"

local M = {}

local Call = {}
Call.__index = Call

local CHUNK = 64 * 1024 -- bytes read at once
local JSON_LIMIT = 1024 * 1024 -- bytes of a JSON body, unless told otherwise
-- A change that another process gets in the way of is made again: at once, then with pauses whose
-- length is left to chance, so that processes that go in step get out of it.
local EAGER_ATTEMPTS = 4
local PAUSE = 0.02 -- seconds at most
local PATIENCE = 5 -- seconds: as long as for the lock of the database
local WARNING = 10021 -- the code of what goes into `messages`

--- Makes the call of a request. `query` is the text behind the `?`, or nil.
function M.new(platform, request, parameters, query)
  return setmetatable({
    platform = platform,
    store = platform.store,
    request = request,
    method = request.method,
    target = request.target,
    headers = request.headers,
    parameters = parameters,
    query_text = query,
    messages = nil,
    user = nil,
    status = 200, -- of a success
    has_begun = false, -- the answer is on its way: no other can be given
    allowance = nil, -- what is left, as the `ratelimit` header says it
    answered = nil, -- the status that has been sent, and
    sent = 0, -- the bytes of the body
    received = 0, -- bytes of the request's body that were read
    fault = nil, -- the name of the fault it has met
  }, Call)
end

--- A parameter of the query, or nil.
function Call:query(name)
  self.query_values = self.query_values or uri.query(self.query_text or "")
  return self.query_values[name]
end

--- Adds a warning to the answer.
function Call:warn(message, pointer)
  self.messages = self.messages or {}
  table.insert(self.messages, {
    code = WARNING,
    message = message,
    source = pointer and { pointer = pointer } or nil,
  })
end

--- Writes a line to the log, with the request it is about.
function Call:log(level, message, fields)
  fields = fields or {}
  fields.method = self.method
  fields.path = uri.printable(self.target:match "^[^?]*")
  log.write(level, message, fields)
end

local MICROSECONDS = 1000000 -- in a second

local function stamp_of(microseconds)
  local seconds, fraction = microseconds // MICROSECONDS, microseconds % MICROSECONDS
  return ("%s.%06dZ"):format(os.date("!%Y-%m-%dT%H:%M:%S", seconds), fraction)
end

-- The moment right behind a stamp. The fraction is read for itself: a float would not hold it.
local function moment_behind(stamp)
  local seconds, fraction = stamp:match "^(.*)%.(%d+)Z$"
  return math.tointeger(time.parse(seconds .. "Z")) * MICROSECONDS + math.tointeger(fraction) + 1
end

--- The time now as it is shown: RFC 3339, UTC, microseconds. Clocks stand still or are set back:
--- given the stamp of the change before, the one of this change is greater all the same.
function Call.stamp(last)
  local text = stamp_of(math.floor(clock.wall() * MICROSECONDS))
  local is_stamp = last ~= nil and last:find "^%d.*%.%d+Z$" ~= nil
  return is_stamp and text <= last and stamp_of(moment_behind(last)) or text
end

--- The kind of client, by its User-Agent, as `last_deployed_from` names it.
function Call:source()
  local agent = self.headers["user-agent"] or ""
  return agent:find "^wrangler/" and "wrangler" or agent:find "^Mozilla/" and "dash" or "api"
end

--- The content type of the body without parameters, "" when it has none.
function Call:media_type()
  return (self.headers["content-type"] or ""):lower():match "^%s*([^;%s]*)"
end

local function too_large(limit)
  local message = "Your Worker exceeded the size limit of %g MB"
  errors.refuse(10027, { message = message:format(limit / 1024 / 1024) })
end
M.too_large = too_large

-- Refuses from the headers what they show to be too large, or packed.
local function check_headers(call, limit)
  local coding = call.headers["content-encoding"]
  if coding and coding:lower() ~= "identity" then
    errors.refuse(10001, { message = "A body with a Content-Encoding is not supported" })
  elseif (call.request.content_length or 0) > limit then
    too_large(limit)
  end
end

-- The server has a limit of its own; what it refuses to read gets the same answer.
local function read_chunk(request)
  local is_read, chunk = pcall(request.read, request, CHUNK)
  if is_read then
    return chunk
  elseif type(chunk) == "table" and chunk.reason == "too_large" then
    errors.refuse(10027)
  end
  error(chunk, 0)
end

--- Returns a function that reads the body piece by piece, nil at its end.
function Call:chunks(limit)
  check_headers(self, limit)
  local size = 0
  return function ()
    local chunk = read_chunk(self.request)
    size = size + #(chunk or "")
    self.received = size
    if size > limit then
      too_large(limit)
    end
    return chunk
  end
end

--- Reads the body as one string of at most `limit` bytes.
function Call:text(limit)
  local pieces = {}
  for chunk in self:chunks(limit) do
    pieces[#pieces + 1] = chunk
  end
  return table.concat(pieces)
end

--- Reads the body as JSON; nulls are kept.
function Call:json(limit)
  local is_read, value = pcall(json.decode, self:text(limit or JSON_LIMIT), { nulls = true })
  if not is_read then
    errors.refuse(10026)
  end
  return value
end

-- The headers of every answer.
local function complete(self, headers)
  local platform = self.platform
  local limiter = platform.limiter
  platform.ray = platform.ray + 1
  headers["ratelimit"] = self.allowance or limiter.untouched
  headers["ratelimit-policy"] = limiter.policy
  headers["cf-ray"] = ("%016x-LUA"):format(platform.ray)
  return headers
end

local function size_of(body)
  if type(body) ~= "table" then
    return #(body or "")
  end
  local size = 0
  for _, piece in ipairs(body) do
    size = size + #piece
  end
  return size
end

--- Answers with a body, a string or a list of strings.
function Call:respond(status, headers, body)
  self.has_begun, self.answered, self.sent = true, status, size_of(body)
  self.request:respond(status, complete(self, headers), body)
end

--- Cuts the connection instead of answering, or in the middle of an answer.
function Call:reset()
  self.has_begun = true
  self.request:reset()
end

--- Answers with JSON.
function Call:respond_json(status, body, more)
  local headers = { ["content-type"] = "application/json" }
  for name, value in pairs(more or {}) do
    headers[name] = value
  end
  self:respond(status, headers, body)
end

--- Begins an answer whose body is written piece by piece.
function Call:begin(status, headers, length)
  self.has_begun, self.answered, self.sent = true, status, length
  self.request:begin(status, complete(self, headers), length)
end

--- Lets the host's step end here when its time is over: a change in one go would hold a frame.
function Call.give_way()
  task.give_way "the embedded platform"
end

-- Drops the warnings behind the first `count`: a change that is run again says them again.
local function forget(messages, count)
  for i = #(messages or {}), count + 1, -1 do
    messages[i] = nil
  end
end

-- Waits before another attempt, or ends the call.
local function rest(self, began, attempts)
  if clock.now() - began > PATIENCE then
    self:log("error", "the same script was changed by others too often", { attempts = attempts })
    errors.refuse(10013)
  end
  async.sleep(math.random() * PAUSE)
end

--- Runs a change again while others get in its way: `attempt` reads, decides and writes, and
--- returns nil when a guard of its write missed. `key` names what is changed.
function Call:settle(key, attempt)
  local said = #(self.messages or {})
  return self.platform.locks:run(key, function ()
    local began, try = clock.now(), 1
    while true do
      forget(self.messages, said)
      local result = attempt(try)
      if result then
        return result
      elseif try >= EAGER_ATTEMPTS then
        rest(self, began, try)
      end
      try = try + 1
    end
  end)
end

return M
