-- One run of a job: takes the items as they come, claims each in the ledger, does it, and takes
-- down how it ended. Nothing of an item is held once it is over, but for the failures.
local async = require "moonherd.async"
local claims = require "moonherd.fleet.claims"
local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"
local owners = require "moonherd.fleet.owner"
local progress = require "moonherd.progress"
local time = require "moonherd.time"

local M = {}

local moonherd_try = async.try
local SHORTEST_WAIT, LONGEST_WAIT = 0.05, 1 -- seconds between two looks at what somebody else does
local PUT_OFF_FACTOR = 4 -- items that others do, kept for later, for each that is done at once

-- ---- what is kept of a result -------------------------------------------------------------------

local KEPT = { "kind", "reason", "code", "status", "ray_id", "outcome" }

-- What the ledger keeps of an error: no more than a line, hidden secrets taken out.
local function error_text(err)
  local kept = { message = log.mask(tostring(err.message or err)) }
  for _, name in ipairs(KEPT) do kept[name] = err[name] end
  return json.encode(kept)
end

local function requests_of(value)
  local n = type(value) == "table" and value.requests
  return math.type(n) == "integer" and n or 0
end

local function failed_elsewhere(row)
  local kept = json.decode(row.error)
  kept.message = kept.message .. " (by another process that shares the job)"
  return errors.new(kept)
end

-- ---- counting -----------------------------------------------------------------------------------

local function tell(run, item, state, err)
  run.progress:step(state)
  if not run.on_progress then return end
  run.on_progress {
    key = item.key, state = state, error = err, total = run.total, done = run.done,
    skipped = run.skipped, failed = #run.failed, requests = run.requests,
  }
end

local function count_skipped(run, item)
  run.skipped = run.skipped + 1
  tell(run, item, "skipped")
end

local function count_failed(run, item, err)
  run.failed[#run.failed + 1] = { index = item.index, key = item.key, error = err }
  if run.on_error == "stop" then run.is_stopped = true end
  tell(run, item, "failed", err)
end

-- ---- one item -----------------------------------------------------------------------------------

-- Whether what was in flight when its owner died was done all the same. What cannot tell is run
-- again.
local function verified(item)
  if not item.verify then return false, 0 end
  local is_done, requests = item.verify()
  return is_done == true, requests or 0
end

local function perform(item, must_verify, spent)
  if must_verify then
    local is_done, requests = verified(item)
    spent.requests = requests
    if is_done then return end
  end
  if item.before then spent.requests = spent.requests + item.before() end
  local result = item.run()
  spent.requests = spent.requests + requests_of(result)
end

local function finish(run, item, err, spent)
  if err then spent.requests = spent.requests + (math.type(err.attempts) == "integer"
    and err.attempts or 0) end
  run.requests = run.requests + spent.requests
  local is_kept = run.ledger:finish(item.key, run.owner_id, {
    state = err and "failed" or "done", ended = time.wall(), requests = spent.requests,
    error = err and error_text(err),
  })
  if is_kept then return end
  log.write("warn", ("job %s: item '%s' was taken over by another process while it ran"):format(
    run.name, item.key))
end

local function do_item(run, item, must_verify)
  local spent = { requests = 0 }
  local ok, err = moonherd_try(function ()
    perform(item, must_verify, spent)
    return true
  end)
  finish(run, item, not ok and err or nil, spent)
  if not ok then return count_failed(run, item, err) end
  run.done = run.done + 1
  tell(run, item, "done")
end

local function twice(item)
  return errors.new {
    kind = "usage", reason = "key_twice", hint = "every item needs a key of its own",
    message = ("moonherd.job: there are two items with the key '%s'"):format(item.key),
  }
end

-- Does an item or leaves it; false when somebody else is at it.
local function settle(run, item)
  local answer, row = claims.take(run, item.key, item.digest)
  if answer == "wait" then return false end
  if answer == "skip" then
    count_skipped(run, item)
  elseif answer == "twice" then
    count_failed(run, item, twice(item))
  elseif answer == "failed" then
    count_failed(run, item, failed_elsewhere(row))
  else
    do_item(run, item, answer == "verify")
  end
  return true
end

-- Waits until nobody else is at an item, then does what is left to do.
local function settle_late(run, item)
  local pause = SHORTEST_WAIT
  while not run.is_stopped and not settle(run, item) do
    async.sleep(pause)
    pause = math.min(pause * 2, LONGEST_WAIT)
  end
end

-- What an item is, before it is taken: its content may have to be read.
local function prepare(run, item)
  if not item.prepare then return true end
  local ok, err = moonherd_try(item.prepare, run.ledger)
  if ok then return true end
  claims.refuse(run, item.key, error_text(err))
  count_failed(run, item, err)
  return false
end

local function step(run, item)
  if not prepare(run, item) or settle(run, item) then return end
  run.put_off[#run.put_off + 1] = item
  if #run.put_off > PUT_OFF_FACTOR * run.concurrency then
    settle_late(run, table.remove(run.put_off, 1))
  end
end

-- ---- the whole run ------------------------------------------------------------------------------

-- The next item, numbered; nil at the end.
local function take(run, next_item)
  local item = next_item()
  if not item then return nil end
  run.index = run.index + 1
  item.index = run.index
  return item
end

-- The items one after another. Where they come from may fail: what is begun is done, then it is
-- raised.
local function source(run, next_item)
  return function ()
    if run.is_stopped or run.source_error then return nil end
    local item, err = moonherd_try(take, run, next_item)
    if item then return item end
    run.source_error = err
    return nil
  end
end

local function work(run, next_item)
  async.map(source(run, next_item), { concurrency = run.concurrency }, function (item)
    step(run, item)
  end)
  local late = run.put_off
  async.map(late, { concurrency = run.concurrency }, function (item) settle_late(run, item) end)
  if run.source_error then error(run.source_error, 0) end
end

local function beat_for_ever(run)
  while true do
    async.sleep(owners.BEAT)
    run.ledger:beat(run.owner_id)
  end
end

-- Whatever ended the run: nothing is held any more. What was in flight stays "running" by an owner
-- that has ended, so that whoever comes next verifies it. On a disk that is full the end of the
-- process has to tell.
local function leave(run)
  moonherd_try(run.ledger.end_owner, run.ledger, run.owner_id, time.wall())
end

local function report(run)
  table.sort(run.failed, function (a, b) return a.index < b.index end)
  for _, entry in ipairs(run.failed) do entry.index = nil end
  return {
    done = run.done, skipped = run.skipped, failed = run.failed, requests = run.requests,
  }
end

--- Runs items through a ledger.
---@async
---@param ledger table  open
---@param opts table  {name=, concurrency=, on_error=, on_progress=, total= how many there are, or
---  nil, client= whose allowance is told, or nil}
---@param next_item function  gives the next {key=, run=, prepare=, digest=, before=, verify=}, nil
---  at the end; it may wait
---@return table report  {done=, skipped=, failed={{key=, error=}, …}, requests=}
function M.run(ledger, opts, next_item)
  local me, began = owners.me(), time.wall()
  local owner_id = ledger:add_owner(me, began)
  local run = {
    ledger = ledger, name = opts.name, concurrency = opts.concurrency, on_error = opts.on_error,
    on_progress = opts.on_progress, total = opts.total, owner_id = owner_id,
    began = began, watch = owners.watch(me, owner_id), put_off = {}, index = 0,
    done = 0, skipped = 0, failed = {}, requests = 0,
    progress = progress.new(opts.name, { total = opts.total, client = opts.client }),
  }
  local bar <close> = run.progress
  local _ <close> = setmetatable({}, { __close = function () leave(run) end })
  async.race(function () work(run, next_item) end, function () beat_for_ever(run) end,
    function () bar:watch() end)
  return report(run)
end

return M
