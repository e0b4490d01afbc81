-- Carries calls to the API: builds the URL, sends, hands the answer to be judged, has retry.lua
-- send again what failed, and raises what stays so. Runs once for every call of a fleet, so the
-- common path makes one table and no function.
local answers = require "moonherd.cloudflare.answer"
local clock = require "moonherd._clock"
local counts = require "moonherd._counts"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local handles = require "moonherd.cloudflare.handles"
local http = require "moonherd.http"
local raw_http = require "moonherd._http"
local log = require "moonherd._log"
local refusals = require "moonherd.cloudflare.refusals"
local retries = require "moonherd.cloudflare.retry"
local task = require "moonherd._task"
local trace = require "moonherd._trace"
local visibility = require "moonherd.cloudflare.visibility"

local M = {}

-- The token of an upload session stands in the place of the client's credential.
local function use_session(headers, token)
  headers["x-auth-email"], headers["x-auth-key"] = nil, nil
  headers.authorization = "Bearer " .. token
end

-- The headers of a body: JSON text shares a table, a form has a boundary of its own.
local function headers_of(client, endpoint, body)
  local connection = handles.connection(client)
  if body == nil then return connection.headers end
  if type(body) == "string" then return connection.json_headers end
  local headers = { ["content-type"] = body.content_type }
  for name, value in pairs(connection.headers) do headers[name] = value end
  if endpoint.auth == "session" then use_session(headers, body.token) end
  return headers
end

-- What is sent of a body, and its length where only the form knows it. A body that is produced
-- while it is sent begins anew with every attempt.
local function content_of(body)
  if type(body) ~= "table" then return body end
  if body.open then return body.open(), body.length end
  return body.segments
end

-- "put content of script production/shop-7"
local function subject(endpoint, a, b)
  if endpoint.scope == "account" then return endpoint.does end
  if endpoint.scope == "namespace" then return endpoint.does .. " " .. a end
  return ("%s %s/%s"):format(endpoint.does, a, b)
end

local function set_outcome(client, endpoint, path, err)
  failures.set_outcome(endpoint, err)
  if err.outcome == "unknown" then visibility.doubt(client, endpoint, path) end
end

-- What moonherd.http raised. Its own errors say whether anything was sent; all others (cancelled, a
-- timeout around the call, wrong arguments) pass, with an outcome.
local function failed_transfer(client, endpoint, path, err)
  if not errors.is(err) then error(err, 0) end
  set_outcome(client, endpoint, path, err)
  if err.sent == nil then error(err, 0) end
  err.retryable = failures.is_transfer_retryable(endpoint, err)
  return nil, err
end

-- Tells the budget how a request ended. Upload sessions have an allowance of their own, of which
-- their answers tell. It may wait, and whoever is stopped there has not seen the answer.
local function note(client, endpoint, path, response)
  local budget = client._budget
  local ok, err = pcall(budget.note, budget, endpoint.auth ~= "session" and response or nil)
  if ok then return end
  if errors.is(err) then set_outcome(client, endpoint, path, err) end
  error(err, 0)
end

-- Waits until the budget lets one more request go. What ends the wait says that nothing was sent.
local function take(budget, endpoint)
  local ok, err = pcall(budget.take, budget)
  if ok then return end
  if errors.is(err) then
    err.sent = false
    failures.set_outcome(endpoint, err)
  end
  error(err, 0)
end

-- Puts a request on the timeline, which leaves out its query: the values may be anything. Looks at
-- one header alone: few answers have theirs taken apart, and the timeline is to cost little.
local function trace_request(began, endpoint, path, number, response, err)
  local status, ray
  if response then status, ray = response.status, raw_http.header(response, "cf-ray") end
  trace.request(began, endpoint.does, endpoint.method, path, status, number, ray,
    err and err.reason)
end

-- Sends once. The only place that does, and that takes from the budget.
local function send_once(client, endpoint, path, headers, body, number)
  local content, length = content_of(body)
  local connection, budget = handles.connection(client), client._budget
  if budget then take(budget, endpoint) end
  client._requests = client._requests + 1
  local began = trace.is_on and trace.now()
  local ok, response = pcall(http.request, {
    method = endpoint.method, url = connection.base .. path, headers = headers,
    body = content, content_length = length,
    timeout = client._timeout or endpoint.timeout,
    unix_socket = connection.socket, ca_file = connection.ca_file,
  })
  if budget then note(client, endpoint, path, ok and response) end
  if not ok then
    local err = errors.is(response) and response
    counts.request(0, number, true)
    if began then trace_request(began, endpoint, path, number, nil, err) end
    return failed_transfer(client, endpoint, path, response)
  end
  local envelope, err = answers.judge(endpoint, response)
  counts.request(response.status, number, err ~= nil)
  if began then trace_request(began, endpoint, path, number, response, err) end
  if err then set_outcome(client, endpoint, path, err) end
  return envelope, err
end

-- Sends once, unless the credential has been refused too often, and tells those who want to know
-- how it went.
local function attempt(client, endpoint, path, headers, body, number)
  local refusal = client._refusals and refusals.check(client, endpoint)
  if refusal then return nil, refusal end
  local envelope, err = send_once(client, endpoint, path, headers, body, number)
  if (err or client._refusals) and endpoint.auth ~= "session" then refusals.note(client, err) end
  if err and type(body) == "table" and body.on_failure then body.on_failure(err) end
  return envelope, err
end

local function warn_of(messages, what)
  for _, entry in ipairs(messages) do
    local code = entry.code and (" (code %d)"):format(entry.code) or ""
    log.write("warn", ("%s: %s%s"):format(what, entry.message or "a message without text", code))
  end
end

-- Puts the messages of a success where scripts find them: on a result that has fields.
local function deliver(client, envelope, endpoint, body, a, b)
  if endpoint.is_noted then visibility.note(client, endpoint, body, a) end
  local result = envelope.result
  local messages = answers.messages(envelope)
  if messages then
    warn_of(messages, subject(endpoint, a, b))
    if type(result) == "table" and result[1] == nil then result.messages = messages end
  end
  return result
end

-- ---- what failed -------------------------------------------------------------------------------

-- A call whose first attempt has failed: what retry.lua works on.
local Call = {}
Call.__index = Call

--- Sends it again.
---@async
---@return table? envelope
---@return table? err
function Call:send()
  self.requests = self.requests + 1
  return attempt(self.client, self.endpoint, self.path .. self.query, self.headers, self.body,
    #self.history + 1)
end

--- Makes another call, which reads; its requests are counted with this one's.
---@async
---@param endpoint table  its row
---@param a? string
---@param b? string
---@return any result
function Call:read(endpoint, a, b)
  local result, _, requests = M.call(self.client, endpoint, nil, nil, a, b)
  self.requests = self.requests + requests
  return result
end

--- Waits before the next attempt; not while the budget is blocked, which makes that wait, too.
---@async
---@param pause number  seconds
function Call:wait(pause)
  local budget = self.client._budget
  if budget and budget:is_blocked() then return end
  task.pause(pause, self.subject)
end

local function fail(call, err)
  if call.client._retry == nil then call.history[1] = failures.history_entry(err) end
  err.history, err.attempts, err.requests = call.history, #call.history, call.requests
  err.method, err.path = call.endpoint.method, call.path
  err.message = ("%s: %s"):format(call.subject, err.message)
  error(err, 0)
end

local function try_again(call, err)
  setmetatable(call, Call)
  call.subject, call.history = subject(call.endpoint, call.a, call.b), {}
  call.requests, call.attempts = refusals.is_refusal(err) and 0 or 1, 0
  local envelope
  if call.client._retry then envelope, err = retries.run(call, err) end
  if not envelope then return fail(call, err) end
  local result = deliver(call.client, envelope, call.endpoint, call.body, call.a, call.b)
  return result, envelope, call.requests
end

--- Sends a call. Gates call it; everybody else calls `call` or `call_path`, which go through the
--- gate of the client when it has one.
---@async
---@param client table
---@param endpoint table  its row
---@param path string  encoded
---@param query string  "" or "?name=value"
---@param body? string|table  as for call
---@param a? string  the first parameter of the path after the account, encoded
---@param b? string  the second
---@param c? string  the third
---@return any result
---@return table envelope  the whole answer
---@return integer requests  how many it took
function M.send(client, endpoint, path, query, body, a, b, c)
  local headers = headers_of(client, endpoint, body)
  local began = clock.wall()
  local envelope, err = attempt(client, endpoint, path .. query, headers, body, 1)
  if envelope then return deliver(client, envelope, endpoint, body, a, b), envelope, 1 end
  return try_again({
    client = client, endpoint = endpoint, path = path, query = query, headers = headers,
    body = body, a = a, b = b, c = c, began = began,
  }, err)
end

--- Calls an operation and raises what failed.
---@async
---@param client table
---@param endpoint table  its row
---@param query? string  "?name=value"
---@param body? string|table  JSON text, or a form: {segments=, content_type=}, or {open=, length=,
---  content_type=, token=} where `open()` gives a function that produces it; `on_failure(err)`,
---  when there is one, is told of every attempt that failed
---@param a? string  the first parameter of the path after the account, encoded
---@param b? string  the second
---@param c? string  the third
---@return any result
---@return table envelope  the whole answer
---@return integer requests  how many it took
function M.call(client, endpoint, query, body, a, b, c)
  local path = endpoint.format:format(client._account, a, b, c)
  local gate = client._gate
  return (gate or M.send)(client, endpoint, path, query or "", body, a, b, c)
end

--- Adds to the requests of a failure those of the same operation that went before.
---@param err any
---@param before integer
function M.count_before(err, before)
  if errors.is(err) then err.requests = (err.requests or 0) + before end
end

local function counted(before, ok, ...)
  if ok then return ... end
  local err = ...
  M.count_before(err, before)
  error(err, 0)
end

--- Calls a function that sends the rest of an operation; when it fails, its error counts the
--- requests that went before.
---@async
---@param before integer
---@param f function
---@param ... any  its arguments
---@return any ...  what it returns
function M.continue(before, f, ...)
  return counted(before, pcall(f, ...))
end

local function unapplied(ok, ...)
  if ok then return ... end
  local err = ...
  failures.add_outcome(err, "not_applied")
  error(err, 0)
end

--- Calls a function that does what goes before the first write of an operation: when it fails,
--- nothing was changed.
---@async
---@param f function
---@param ... any  its arguments
---@return any ...  what it returns
function M.prepare(f, ...)
  return unapplied(pcall(f, ...))
end

--- Calls a path that stands in no row.
---@async
---@param client table
---@param endpoint table  as endpoints.of_request made it
---@param path string  encoded
---@param query string  "" or "?name=value"
---@param body? string|table  as for call
---@return any result
---@return table envelope  the whole answer
---@return integer requests  how many it took
function M.call_path(client, endpoint, path, query, body)
  local gate = client._gate
  return (gate or M.send)(client, endpoint, path, query, body)
end

return M
