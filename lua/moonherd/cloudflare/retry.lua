-- The only place that sends a call again. What is sent again, when, and how often:
--
--   network, 408, 425, 5xx, 409 with code 10035   `attempts` times in all, at growing pauses
--   429                                           not counted: waited out, in all for `max_wait`
--   "does not exist", of what was made just now   not counted: visibility.lua
--
-- No other 4xx is. A server that asks for a longer pause gets it, up to `max_wait`. A write that
-- may have been done is looked for before it is sent again (read_back.lua); where nothing can show
-- it, and a second time might do harm, it is not. A refusal that comes after such a write may be
-- its own doing (a delete finds nothing, a create finds its namespace): it is looked for then, too.
local backoffs = require "moonherd.backoff"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local log = require "moonherd._log"
local options = require "moonherd._options"
local read_back = require "moonherd.cloudflare.read_back"
local task = require "moonherd._task"
local visibility = require "moonherd.cloudflare.visibility"

local M = {}

-- Of a 429 that names no time. The blocks of the API last for minutes.
local FIRST_BLOCK <const>, LONGEST_BLOCK <const> = 1, 60

local OPTIONS = table.move(backoffs.OPTIONS, 1, #backoffs.OPTIONS, 1, {})
OPTIONS[#OPTIONS + 1] = { "max_wait", "duration", default = 900 }

local read = options.reader("moonherd.connect: retry", OPTIONS)

--- Reads the option `retry` of moonherd.connect.
---@param given? table|boolean
---@return table? policy  nil: nothing is sent again
function M.policy(given)
  if given == false then return nil end
  return read(given ~= true and given or nil)
end

-- ---- how long until the next attempt -----------------------------------------------------------

-- At least what the server asks for, and a little more: others were told the same.
local function at_least(pause, hint)
  if not hint or hint < pause then return pause end
  return hint + math.min(hint / 10, 1) * math.random()
end

local function pause_of_block(call, err)
  local policy = call.client._retry
  call.blocks = (call.blocks or 0) + 1
  local pause = err.retry_after and at_least(0, err.retry_after)
    or backoffs.pause(call.blocks, FIRST_BLOCK, LONGEST_BLOCK)
  call.blocked = (call.blocked or 0) + pause
  return call.blocked <= policy.max_wait and pause or nil
end

local function pause_of_failure(call, err)
  local policy = call.client._retry
  call.attempts = call.attempts + 1
  if call.attempts >= policy.attempts then return nil end
  local pause = at_least(backoffs.pause(call.attempts, policy.backoff, policy.max_backoff),
    err.retry_after)
  return pause <= policy.max_wait and pause or nil
end

--- Waits before a call is made again that only its caller can repeat.
---@async
---@param client table
---@param attempt integer  how often it has failed
---@param what string  what is waited for
function M.pause(client, attempt, what)
  local policy = client._retry
  task.pause(backoffs.pause(attempt, policy.backoff, policy.max_backoff), what)
end

-- The seconds to wait before the next attempt, nil when there is to be none; and whether it is only
-- waited until what was made just now can be seen.
local function next_pause(call, err)
  local unseen = visibility.pause(call, err)
  if unseen then return unseen, true end
  if not failures.is_passing(err) then return nil end
  if call.is_unclear and not read_back.may_send_again(call.endpoint) then return nil end
  if err.reason == "rate_limited" then return pause_of_block(call, err) end
  return pause_of_failure(call, err)
end

-- ---- the attempts ------------------------------------------------------------------------------

local function note(call, err)
  call.history[#call.history + 1] = failures.history_entry(err)
  if err.outcome == "unknown" then call.is_unclear, call.doubt = true, err end
end

-- That a thing is not seen at once is usual: a warning when it stays so.
local function announce(call, err, pause, is_unseen)
  local number = #call.history
  call.history[number].pause = pause
  log.write(number == 1 and is_unseen and "debug" or "warn",
    ("%s: attempt %d failed (%s); again in %.3g s"):format(call.subject, number, err.message,
      pause))
end

-- A write that was done after all gives an envelope.
local function look(call, refusal)
  local status = call.doubt.status
  local is_done, result = read_back.look(call, refusal)
  if not is_done then return nil end
  log.write("info", ("%s: %s, but a look shows that it was done"):format(call.subject,
    status and ("the answer was %d"):format(status) or "no answer came"))
  return { success = true, result = result }
end

-- Before the next attempt: what is not there is not unclear any more.
local function look_before(call)
  local envelope = look(call)
  call.is_unclear = false
  return envelope
end

local function is_refusal(err)
  return err.status ~= nil and err.outcome == "not_applied" and not failures.is_passing(err)
end

-- After the last attempt.
local function look_at_last(call, err)
  if not call.doubt then return nil end
  if call.is_unclear or is_refusal(err) then return look(call, is_refusal(err) and err) end
end

-- The read that should show whether it was done failed: then it stays open, and what failed first
-- is what is wrong.
local function try_to_look(how, call, err)
  local ok, envelope = pcall(how, call, err)
  if ok then return true, envelope end
  if task.must_pass(envelope) then error(envelope, 0) end
  err.cause = err.cause or envelope
  call.requests = call.requests + (errors.is(envelope) and envelope.requests or 0)
  return false
end

local function send_again(call, err)
  note(call, err)
  local pause, is_unseen = next_pause(call, err)
  while pause do
    announce(call, err, pause, is_unseen)
    call:wait(pause)
    if call.is_unclear then
      local has_looked, envelope = try_to_look(look_before, call, err)
      if envelope or not has_looked then return envelope, err end
    end
    local envelope
    envelope, err = call:send()
    if envelope then return envelope end
    note(call, err)
    pause, is_unseen = next_pause(call, err)
  end
  local _, envelope = try_to_look(look_at_last, call, err)
  return envelope, err
end

-- An error that ended the attempts from outside tells what they were.
local function add_history(call, err)
  if not errors.is(err) then return end
  err.history, err.attempts, err.requests = call.history, #call.history, call.requests
  if call.doubt then
    err.outcome = "unknown"
  elseif call.endpoint.class ~= "read" then
    failures.add_outcome(err, "not_applied")
  end
end

--- Sends a call again that has failed once, as long as there is hope.
---@async
---@param call table  {client=, endpoint=, a=, b=, c=, body=, subject=, history={}, requests=1,
---  attempts=0} with the methods `send`, `read` and `wait`
---@param err table  what the first attempt gave
---@return table? envelope
---@return table? err  what the last attempt gave
function M.run(call, err)
  local ok, envelope, last = pcall(send_again, call, err)
  if not ok then
    add_history(call, envelope)
    error(envelope, 0)
  end
  if not envelope and call.doubt then last.outcome = "unknown" end
  return envelope, last
end

return M
