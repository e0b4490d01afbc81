-- What scripts were before a job changed them, kept in its ledger, and put back. The values of
-- secrets and the files of assets are in no answer of the API: of secrets the names are kept, and
-- what could not be put back is told.
local connect = require "moonherd.cloudflare".connect
local errors = require "moonherd.error"
local handles = require "moonherd.cloudflare.handles"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local loops = require "moonherd._loops"
local moonherd_try = require "moonherd.async".try
local restore = require "moonherd.fleet.restore"

local M = {}

local PAGE = 100
local NOT_THERE = { script_not_found = true, namespace_not_found = true }

-- ---- keeping ------------------------------------------------------------------------------------

local function details_of(script)
  local details, err = moonherd_try(script.details, script)
  if details then return details.script end
  if not NOT_THERE[err.reason] then error(err, 0) end
  return nil
end

local function content_of(script)
  local content, modules = script:content(), {}
  for name, module in pairs(content.modules) do
    modules[name] = { base64 = hash.base64(module.content), type = module.type }
  end
  return { main_module = content.main_module, body_part = content.body_part, modules = modules }
end

-- What is live, and the number of requests it took; nil when there is no such script.
local function read_live(item)
  local script = item.script
  local details = details_of(script)
  if not details then return nil, 1 end
  local live = { details = details, settings = script:settings() }
  if item.keeps_code then return live, 2 end
  live.content = content_of(script)
  return live, 3
end

-- Keeps what an item's script is now, unless something older is kept already.
local function keep(ledger, item)
  if ledger:has_snapshot(item.key) then
    ledger:set_after(item.key, nil)
    return 0
  end
  local live, requests = read_live(item)
  ledger:add_snapshot(item.key, json.encode(handles.place(item.script)), json.encode {
    live = live, secrets = item.secrets and json.array(item.secrets), assets = item.has_assets,
  })
  return requests
end

-- Keeps what tells the script as this job has left it from one that was changed again.
local function keep_after(ledger, item, result)
  local left, requests = result, 0
  if type(result) ~= "table" or not result.modified_on then
    left, requests = details_of(item.script), 1
  end
  local after = left and { modified_on = left.modified_on, etag = left.etag } or { deleted = true }
  ledger:set_after(item.key, json.encode(after))
  return requests
end

--- The items of a job, each with what keeps a snapshot of its script: `script`; `secrets`, the
--- names that it sets, nil when nobody knows; `keeps_code` when it changes settings alone.
---@param next_item function
---@param ledger table
---@return function next_item
function M.items(next_item, ledger)
  return function ()
    local item = next_item()
    if item and item.script then
      function item.before() return keep(ledger, item) end
      function item.after(result) return keep_after(ledger, item, result) end
    end
    return item
  end
end

-- ---- putting back -------------------------------------------------------------------------------

local function script_of(client, row)
  local place = json.decode(row.place)
  if client.account_id == place.account then
    return client:namespace(place.namespace):script(place.script)
  end
  return errors.raise {
    kind = "usage", reason = "other_account", hint = "pass client = moonherd.connect{…}",
    message = ("job:rollback: '%s' is in the account %s, the client is for %s"):format(row.key,
      place.account, client.account_id),
  }
end

local function rows_of(ledger)
  local page, at, last = {}, 0, ""
  return function ()
    if last and at >= #page then page, at = ledger:list_snapshots(last, PAGE), 0 end
    at = at + 1
    last = page[at] and page[at].key
    return page[at]
  end
end

local function roll_back_one(ledger, row, opts, report)
  local script, state = script_of(opts.client, row), json.decode(row.state)
  local now = details_of(script)
  report.requests = report.requests + 1
  if not opts.force then restore.check(script, now, state, row.after and json.decode(row.after)) end
  -- Killed from here on, the next rollback must not take this one for somebody else.
  ledger:set_after(row.key, nil)
  local left, requests = restore.run(script, now, state)
  report.requests = report.requests + requests
  ledger:roll_back(row.key)
  report.done = report.done + 1
  if left then
    left.key = row.key
    report.not_restored[#report.not_restored + 1] = left
  end
end

-- Items without a single snapshot: "nothing to do" would be taken for "put back".
local function check_snapshots(ledger)
  local counts = ledger:count()
  local has_items = counts.done + counts.failed + counts.running > 0
  if not has_items or ledger:list_snapshots("", 1)[1] then return end
  errors.raise {
    kind = "usage", reason = "no_snapshots", hint = "run it with snapshot = true the next time",
    message = "job:rollback: no snapshots: nothing can be put back",
  }
end

--- Puts back what a ledger has kept.
---@async
---@param ledger table
---@param opts table  {client= or nil, concurrency=, force=}
---@return table report
---@error usage no_snapshots
function M.roll_back(ledger, opts)
  check_snapshots(ledger)
  opts.client = opts.client or connect()
  local report = { done = 0, failed = {}, requests = 0, not_restored = {} }
  local result = loops.each("rollback", rows_of(ledger), opts.concurrency, function (row)
    roll_back_one(ledger, row, opts, report)
  end)
  for i, entry in ipairs(result.failed) do
    report.failed[i] = { key = entry.item.key, error = entry.error }
  end
  table.sort(report.not_restored, function (a, b) return a.key < b.key end)
  return report
end

return M
