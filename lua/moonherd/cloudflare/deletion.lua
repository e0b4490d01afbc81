-- namespace:delete_scripts: deletes the scripts that a tag filter selects, after a look at which
-- they are.
--
-- The API's bulk delete takes a filter, not names: which scripts it means is decided when it runs.
-- So they are listed and counted first; no request may delete more than are left of that number;
-- and the ids in the answers, compared with those of the list, tell what else was deleted. A
-- request that may have been carried out is not sent again before they are listed again.
--
-- Such requests go one after another: two at once would mean the same scripts. Those who would
-- rather have a request a script, of which many can go at once and none can mean another script,
-- say how many: then they are deleted by their names.
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local json = require "moonherd.json"
local listing = require "moonherd.cloudflare.listing"
local log = require "moonherd._log"
local loops = require "moonherd._loops"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"
local retries = require "moonherd.cloudflare.retry"
local selection = require "moonherd.cloudflare.selection"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

local WHO = "namespace:delete_scripts"
local MOST_A_CALL = 1000

local OPTIONS = {
  { "tags", "table" }, { "on_progress", "function" }, { "concurrency", "integer", least = 1 },
}
table.move(selection.GUARDS, 1, #selection.GUARDS, #OPTIONS + 1, OPTIONS)

local read = options.reader(WHO, OPTIONS)

-- ---- what to delete ----------------------------------------------------------------------------

-- Lists the scripts: their names in order, and by what an answer may call each: its immutable id,
-- or its name.
local function look(namespace, filter)
  local found = { names = {}, by_id = {} }
  local list = listing.open(namespace, filter)
  for _, info in listing.entries(list) do
    found.names[#found.names + 1] = info.name
    found.by_id[info.name] = found.by_id[info.name] or info.name
    local script = type(info.script) == "table" and info.script or {}
    if type(script.tag) == "string" then found.by_id[script.tag] = info.name end
  end
  found.requests = list.requests
  return found
end

-- ---- deleting ----------------------------------------------------------------------------------

local function refuse(namespace, reason, why)
  errors.raise {
    kind = "api", reason = reason, status = 200, retryable = false, outcome = "unknown",
    message = ("delete scripts of %s: %s"):format(namespace._segment, why),
    hint = "namespace:scripts shows what is left",
  }
end

local function is_list(value)
  return value == nil or json.is_array(value)
end

-- A number below zero would allow one more each time.
local function is_count(value)
  return value == nil or math.type(value) == "integer" and value >= 0
end

-- The ids of a list, each once; nil when anything in it is none.
local function ids_of(list)
  local ids, seen = {}, {}
  for _, item in ipairs(list or {}) do
    local id = type(item) == "table" and item.id or item
    if type(id) ~= "string" then return nil end
    if not seen[id] then ids[#ids + 1] = id end
    seen[id] = true
  end
  return ids
end

-- The ids of an answer and their number; the number is nil when the answer does not say. What is
-- listed is deleted, even where the number says less.
local function deleted_of(namespace, answer)
  if answer == nil then return {} end
  local is_good = type(answer) == "table" and is_list(answer.deleted)
    and is_count(answer.deleted_count)
  local ids = is_good and ids_of(answer.deleted)
  if not ids then refuse(namespace, "bad_answer", "the answer is no result of a bulk delete") end
  local count = answer.deleted_count or answer.deleted and #ids
  return ids, count and math.max(count, #ids)
end

local function confirm(work, name, fresh)
  work.result.names[#work.result.names + 1] = name
  work.unconfirmed[name] = nil
  fresh[#fresh + 1] = name
end

-- Takes what one request has deleted into the result.
local function record(work, ids, count)
  local result, fresh = work.result, {}
  for _, id in ipairs(ids) do
    local name = work.by_id[id]
    if name then
      confirm(work, name, fresh)
    else
      result.unknown_ids[#result.unknown_ids + 1] = id
    end
  end
  result.count = count and result.count + count
  if work.keeper then work.keeper.deleted(fresh) end
end

local function tell(work)
  if work.on_progress then work.on_progress { done = work.result.count, total = work.allowed } end
end

-- One request; whether another one is wanted.
local function delete_some(work)
  local namespace, result = work.namespace, work.result
  local limit = math.min(work.allowed - result.count, MOST_A_CALL)
  local answer, _, requests = transport.call(namespace._client, endpoints.delete_scripts,
    listing.query(work.filter, { limit = limit }), nil, namespace._segment)
  result.requests = result.requests + requests
  local ids, count = deleted_of(namespace, answer)
  record(work, ids, count)
  tell(work)
  result.more = answer ~= nil and answer.has_more == true
  if not result.more then return false end
  if not count or count == 0 then
    refuse(namespace, "no_progress", "more is to be deleted, but nothing was")
  end
  return result.count < work.allowed
end

-- After a request that may have been carried out: what is gone since was its work.
local function recover(work)
  local result, is_there, fresh = work.result, {}, {}
  local found = look(work.namespace, work.filter)
  result.requests = result.requests + found.requests
  for _, name in ipairs(found.names) do is_there[name] = true end
  for name in pairs(work.unconfirmed) do
    if not is_there[name] then
      confirm(work, name, fresh)
      result.count = result.count + 1
    end
  end
  if work.keeper then work.keeper.deleted(fresh) end
end

-- Whether a failed request may be followed by another: only here is it known what is left.
local function may_go_on(work, err)
  local policy = work.namespace._client._retry
  work.result.requests = work.result.requests + (err.requests or 0)
  if not policy or err.outcome ~= "unknown" or not failures.is_passing(err)
    or not work.result.count then
    return false
  end
  work.unclear = work.unclear + 1
  return work.unclear < policy.attempts
end

local function delete_all(work)
  repeat
    local more, err = moonherd_try(delete_some, work)
    if err then
      if not may_go_on(work, err) then error(err, 0) end
      log.write("warn", ("%s: %s; what is left is listed anew"):format(WHO, err.message))
      retries.pause(work.namespace._client, work.unclear, WHO)
      recover(work)
      more = work.result.count < work.allowed
    end
  until not more
end

-- ---- deleting by name --------------------------------------------------------------------------

local function delete_one(work, name)
  local namespace, result = work.namespace, work.result
  local _, err = moonherd_try(function ()
    local _, _, requests = transport.call(namespace._client, endpoints.delete_script, nil, nil,
      namespace._segment, url.encode(name))
    result.requests = result.requests + requests
  end)
  if not err then
    record(work, { name }, 1)
    return tell(work)
  end
  result.requests = result.requests + (err.requests or 0)
  -- Somebody else has deleted it: that is not confirmed by an answer of ours.
  if err.reason ~= "script_not_found" then error(err, 0) end
end

-- One that fails does not stop the others; the first failure is raised at the end.
local function delete_by_name(work)
  local outcome = loops.each("delete_scripts", work.names, work.concurrency, function (name)
    delete_one(work, name)
  end)
  local first = outcome.failed[1]
  if first then error(first.error, 0) end
end

-- What was listed and is in no answer, in the order of the list.
local function unconfirmed(work, names)
  local left = {}
  for _, name in ipairs(names) do
    if work.unconfirmed[name] then left[#left + 1] = name end
  end
  return left
end

local function warn_of(namespace, result)
  local n = #result.unknown_ids
  if n == 0 then return end
  log.write("warn", ("%s: of what was deleted in '%s', %d %s not in the list made before"):format(
    WHO, namespace.name, n, n == 1 and "was" or "were"))
end

local function new_work(namespace, filter, found, opts, keeper)
  local work = {
    namespace = namespace, filter = filter, by_id = found.by_id, names = found.names,
    allowed = #found.names, on_progress = opts.on_progress, concurrency = opts.concurrency,
    keeper = keeper, unconfirmed = {}, unclear = 0,
    result = {
      count = 0, names = {}, dry_run = false, unknown_ids = {}, unconfirmed = {}, more = false,
      requests = found.requests,
    },
  }
  for _, name in ipairs(found.names) do work.unconfirmed[name] = true end
  return work
end

-- What a function of the script raises becomes an error object, as moonherd.try makes it.
local function raising(f, work)
  local ok, err = moonherd_try(f, work)
  if not ok then error(err, 0) end
end

local function delete_found(work)
  local result, ok, err = work.result, true, nil
  if work.allowed > 0 then
    ok, err = pcall(raising, work.concurrency and delete_by_name or delete_all, work)
  end
  result.unconfirmed = unconfirmed(work, work.names)
  warn_of(work.namespace, result)
  if not ok then
    if errors.is(err) then err.progress = result end
    failures.add_outcome(err, "unknown")
    error(err, 0)
  end
  return result
end

-- What a run that was cut short has deleted may be counted as well: its script says the same number
-- again.
local function check_count(namespace, found, opts, deleted_before)
  local count = #found.names
  if opts.expect == count + deleted_before then count = opts.expect end
  selection.check_found(namespace, count, opts, WHO)
end

--- Deletes the scripts of a namespace.
---@async
---@param namespace table  the handle
---@param opts table
---@param keeper? table  takes down what is done: {begin= a function of the names that are listed,
---  returns how many a run that was cut short has deleted; plan= a function of the names that will
---  be deleted; deleted= a function of names that are}
---@return table result
function M.run(namespace, opts, keeper)
  opts = read(opts)
  local filter = selection.filter(opts.tags, opts.all, WHO, "delete")
  local found = transport.prepare(look, namespace, filter)
  check_count(namespace, found, opts, keeper and keeper.begin(found.names) or 0)
  if opts.dry_run then
    return {
      count = #found.names, names = found.names, dry_run = true, unknown_ids = {},
      unconfirmed = {}, more = false, requests = found.requests,
    }
  end
  if keeper then keeper.plan(found.names) end
  return delete_found(new_work(namespace, filter, found, opts, keeper))
end

return M
