-- One run of a job: takes the items as they come, claims each in the ledger, does it, and takes
-- down how it ended. Nothing of an item is held once it is over, but for the failures. When the
-- ledger itself fails, no item is begun any more; what is begun is done, then the error is raised.
local async = require "moonherd.async"
local claims = require "moonherd.fleet.claims"
local errors = require "moonherd.error"
local failure = require "moonherd.fleet.failure"
local ledgers = require "moonherd.fleet.ledgers"
local log = require "moonherd._log"
local owners = require "moonherd.fleet.owner"
local places = require "moonherd.fleet.places"
local progress = require "moonherd.progress"
local race = require "moonherd._race"
local time = require "moonherd.time"

local M = {}

local moonherd_try = async.try
local SHORTEST_WAIT, LONGEST_WAIT = 0.05, 1 -- seconds between two looks at what somebody else does
local PUT_OFF_FACTOR = 4 -- items that others do, kept for later, for each that is done at once
local WHOLE_ERRORS = 100 -- failures that are reported with their history; of more, the words
local LOOK = 1 -- seconds between two looks whether the ledger is still there

local function requests_of(value)
  local n = type(value) == "table" and value.requests
  return math.type(n) == "integer" and n or 0
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
  if #run.failed >= WHOLE_ERRORS then err = failure.brief(err) end
  run.failed[#run.failed + 1] = { index = item.index, key = item.key, error = err }
  if run.on_error == "stop" then run.is_stopped = true end
  tell(run, item, "failed", err)
end

-- ---- one item -----------------------------------------------------------------------------------

-- Whether what was in flight when its owner died was done all the same. What cannot tell is run
-- again.
local function verified(item)
  if item.is_needed == false then return true, 0 end
  if not item.verify then return false, 0 end
  local is_done, requests = item.verify()
  return is_done == true, requests or 0
end

local function perform(item, must_verify, spent)
  local is_done, result
  if must_verify then
    is_done, spent.requests = verified(item)
  end
  if not is_done then
    if item.before then spent.requests = spent.requests + item.before() end
    result = item.run()
    spent.requests = spent.requests + requests_of(result)
  end
  if item.after then spent.requests = spent.requests + item.after(result) end
end

local function finish(run, item, err, spent)
  if err then spent.requests = spent.requests + requests_of(err) end
  run.requests = run.requests + spent.requests
  local is_kept = run.ledger:finish(item.key, run.owner_id, {
    state = err and "failed" or "done", ended = time.wall(), requests = spent.requests,
    error = err and failure.text(err),
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
  local answer, row = claims.take(run, item)
  if answer == "wait" then return false end
  if answer == "skip" then
    count_skipped(run, item)
  elseif answer == "twice" then
    count_failed(run, item, twice(item))
  elseif answer == "elsewhere" then
    local place = places.of_script(item.script)
    count_failed(run, item, places.error_of_item(item.key, row.place, place))
  elseif answer == "failed" then
    count_failed(run, item, failure.of_row(row))
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

-- What an item is, before it is taken: its content may have to be read. Without a ledger that is
-- nobody's question.
local function prepare(run, item)
  if not item.prepare or run.ledger.forgets then return true end
  local ok, err = moonherd_try(item.prepare, run.ledger)
  if ok then return true end
  claims.refuse(run, item, failure.text(err))
  count_failed(run, item, err)
  return false
end

local function keep_origin(run)
  if run.has_origin or run.ledger.forgets then return end
  run.has_origin = true
  ledgers.keep_origin(run.ledger)
end

local function settle_or_put_off(run, item)
  if not prepare(run, item) then return end
  keep_origin(run)
  if settle(run, item) then return end
  run.put_off[#run.put_off + 1] = item
  if #run.put_off > PUT_OFF_FACTOR * run.concurrency then
    settle_late(run, table.remove(run.put_off, 1))
  end
end

-- ---- the whole run ------------------------------------------------------------------------------

-- Begins no more items: the first reason is the one that is raised at the end.
local function give_up(run, err)
  run.is_stopped = true
  run.fault = run.fault or err
end

-- A step of the run. An item's own error is taken down; what comes out is the ledger's.
local function guarded(run, f, ...)
  local ok, err = moonherd_try(f, ...)
  if not ok then give_up(run, err) end
end

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
    if run.is_stopped then return nil end
    local item, err = moonherd_try(take, run, next_item)
    if err then give_up(run, err) end
    return item
  end
end

local function work(run, next_item)
  local limit = { concurrency = run.concurrency }
  async.map(source(run, next_item), limit, function (item)
    guarded(run, settle_or_put_off, run, item)
  end)
  async.map(run.put_off, limit, function (item) guarded(run, settle_late, run, item) end)
  guarded(run, run.ledger.check, run.ledger)
end

local function keep_alive(run)
  for tick = 1, math.huge do
    async.sleep(LOOK)
    guarded(run, run.ledger.check, run.ledger)
    if tick * LOOK % owners.BEAT == 0 then
      guarded(run, run.ledger.beat, run.ledger, run.owner_id)
    end
  end
end

local function report(run)
  table.sort(run.failed, function (a, b) return a.index < b.index end)
  for _, entry in ipairs(run.failed) do entry.index = nil end
  return {
    done = run.done, skipped = run.skipped, failed = run.failed, requests = run.requests,
  }
end

local Run = {}
Run.__index = Run

--- Says in a ledger that a run begins: from now on it may claim items. Must be closed.
---@async
---@param ledger table  open
---@param opts table  {name=, concurrency=, on_error=, on_progress=, client= whose allowance is
---  told, or nil}
---@return table run
---@error usage other_place  when the ledger is of another place than the client
function M.begin(ledger, opts)
  if opts.client and not ledger.forgets then places.bind(ledger, opts.client) end
  local me = owners.me()
  local owner_id, err = moonherd_try(ledger.add_owner, ledger, me, time.wall())
  if err then error(ledgers.explain(err, ledger.path), 0) end
  return setmetatable({
    ledger = ledger, name = opts.name, concurrency = opts.concurrency, on_error = opts.on_error,
    on_progress = opts.on_progress, client = opts.client,
    owner_id = owner_id, watch = owners.watch(me, owner_id),
    put_off = {}, index = 0, done = 0, skipped = 0, failed = {}, requests = 0,
  }, Run)
end

-- What dumps and time limits say of it.
local function told_as(self)
  return ("job '%s'"):format(self.name)
end

--- Runs items.
---@async
---@param next_item function  gives the next {key=, run=, prepare=, digest=, before=, after=,
---  verify=, is_needed=}, nil at the end; it may wait
---@param total? integer  how many items there are
---@return table report  {done=, skipped=, failed={{key=, error=}, …}, requests=}
function Run:work(next_item, total)
  local bar <close> = progress.new(self.name, { total = total, client = self.client })
  self.total, self.progress = total, bar
  race(told_as(self), function () work(self, next_item) end,
    function () keep_alive(self) end, function () bar:watch() end)
  if not self.fault then return report(self) end
  local err = ledgers.explain(self.fault, self.ledger.path)
  if errors.is(err) then err.progress = report(self) end
  error(err, 0)
end

--- Calls a function that works through items in its own way; meanwhile others see that this run is
--- alive.
---@async
---@param f function
---@return any result  what it returns
function Run:call(f)
  return race(told_as(self), f, function () keep_alive(self) end)
end

--- Ends the run, whatever became of it: nothing is held any more. What was in flight stays
--- "running" by an owner that has ended, so that whoever comes next verifies it. On a disk that is
--- full the end of the process has to tell.
---@async
function Run:close()
  moonherd_try(self.ledger.end_owner, self.ledger, self.owner_id, time.wall())
end

Run.__close = Run.close

return M
