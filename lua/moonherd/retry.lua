-- moonherd.retry: calls a function until it succeeds. The calls of the API repeat themselves
-- (cloudflare/retry.lua); this is for everything else.
local async = require "moonherd.async"
local backoffs = require "moonherd.backoff"
local errors = require "moonherd.error"
local log = require "moonherd._log"
local options = require "moonherd._options"
local task = require "moonherd._task"

local M = {}

local WHO = "moonherd.retry"

local read = options.reader(WHO, {
  { "when", "function" }, { "backoff", "duration|function", default = 0.5 },
  backoffs.OPTIONS[1], backoffs.OPTIONS[3],
})
local read_pause = options.reader(WHO, { { "backoff", "duration", required = true } })

-- Wrong arguments stay wrong.
local function is_worth_it(err)
  return err.retryable ~= false and err.kind ~= "usage"
end

-- A server that asks for more time gets it.
local function pause_of(opts, attempt, err)
  if type(opts.backoff) == "function" then
    return read_pause { backoff = opts.backoff(attempt, err) }.backoff
  end
  local first = read_pause { backoff = opts.backoff }.backoff
  local pause = backoffs.pause(attempt, first, opts.max_backoff)
  return math.max(pause, err.retry_after or 0)
end

local function note(history, err)
  history[#history + 1] = {
    kind = err.kind, reason = err.reason, message = err.message, status = err.status,
  }
end

local function fail(err, history)
  if err.history == nil then err.history, err.attempts = history, #history end
  error(err, 0)
end

-- The results, packed with a true before them; nil and the error object.
local function attempt(f, number)
  local results = table.pack(pcall(f, number))
  if results[1] then return results end
  local _, err = async.try(error, results[2], 0) -- raises what must pass
  return nil, err
end

--- Calls `f` until it succeeds: at most `attempts` times, with growing pauses between. What it
--- raised last is raised, with `attempts` and `history`, unless it has its own. Being cancelled and
--- the limits of moonherd.timeout end it at once.
---@async
---@param opts table
---@field opts.attempts? integer  how often `f` is called at most; default 5
---@field opts.backoff? duration|function  the first pause, doubled each time; or a function of
---  the attempt's number and its error that gives the pause; default 0.5 seconds
---@field opts.max_backoff? duration  the longest pause; default 8 seconds
---@field opts.when? function  given the error object and the attempt's number, says whether to call
---  again; default: unless the error says that it is of no use, or the arguments were wrong
---@param f function  is given the number of the attempt, from 1
---@return any ...  what `f` returns
---@error of f  of the last call, with `attempts` and `history`
---@example
--- print(moonherd.retry({ attempts = 3, backoff = "10ms" }, function (attempt)
---   if attempt < 3 then error "not yet" end
---   return attempt
--- end)) --> 3
function M.run(opts, f)
  opts = read(opts)
  if type(f) ~= "function" then
    errors.usage("%s: bad argument (function expected, got %s)", WHO, type(f))
  end
  local history, when = {}, opts.when or is_worth_it
  for number = 1, opts.attempts do
    local results, err = attempt(f, number)
    if results then return table.unpack(results, 2, results.n) end
    note(history, err)
    if number == opts.attempts or not when(err, number) then fail(err, history) end
    local pause = pause_of(opts, number, err)
    log.write("debug", ("%s: attempt %d failed (%s); again in %.3g s"):format(WHO, number,
      err.message, pause))
    task.pause(pause, WHO)
  end
end

return M
