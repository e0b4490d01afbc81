-- namespace:delete_scripts: deletes the scripts that a tag filter selects, after a look at which
-- they are.
--
-- The API's bulk delete takes a filter, not names: which scripts it means is decided when it runs.
-- So they are listed and counted first; no request may delete more than are left of that number;
-- and the ids in the answers, compared with those of the list, tell what else was deleted. A
-- request that may have been carried out is not sent again before they are listed again.
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local json = require "moonherd.json"
local listing = require "moonherd.cloudflare.listing"
local log = require "moonherd._log"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"
local retries = require "moonherd.cloudflare.retry"
local selection = require "moonherd.cloudflare.selection"
local transport = require "moonherd.cloudflare.transport"

local M = {}

local WHO = "namespace:delete_scripts"
local MOST_A_CALL = 1000

local OPTIONS = { { "tags", "table" }, { "on_progress", "function" } }
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

-- Takes what one request has deleted into the result.
local function record(work, ids, count)
  local result = work.result
  for _, id in ipairs(ids) do
    local name = work.by_id[id]
    if name then
      result.names[#result.names + 1] = name
      work.unconfirmed[name] = nil
    else
      result.unknown_ids[#result.unknown_ids + 1] = id
    end
  end
  result.count = count and result.count + count
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
  if work.on_progress then work.on_progress { done = result.count, total = work.allowed } end
  result.more = answer ~= nil and answer.has_more == true
  if not result.more then return false end
  if not count or count == 0 then
    refuse(namespace, "no_progress", "more is to be deleted, but nothing was")
  end
  return result.count < work.allowed
end

-- After a request that may have been carried out: what is gone since was its work.
local function recover(work)
  local result, is_there = work.result, {}
  local found = look(work.namespace, work.filter)
  result.requests = result.requests + found.requests
  for _, name in ipairs(found.names) do is_there[name] = true end
  for name in pairs(work.unconfirmed) do
    if not is_there[name] then
      result.names[#result.names + 1] = name
      result.count, work.unconfirmed[name] = result.count + 1, nil
    end
  end
end

-- Whether a failed request may be followed by another: only here is it known what is left.
local function may_go_on(work, err)
  local policy = work.namespace._client._retry
  work.result.requests = work.result.requests + (err.attempts or 0)
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

local function delete_found(namespace, filter, found, on_progress)
  local work = {
    namespace = namespace, filter = filter, by_id = found.by_id, allowed = #found.names,
    on_progress = on_progress,
    unconfirmed = {}, unclear = 0, result = {
      count = 0, names = {}, dry_run = false, unknown_ids = {}, unconfirmed = {}, more = false,
      requests = found.requests,
    },
  }
  local result = work.result
  for _, name in ipairs(found.names) do work.unconfirmed[name] = true end
  local ok, err = true, nil
  if work.allowed > 0 then ok, err = moonherd_try(delete_all, work) end
  result.unconfirmed = unconfirmed(work, found.names)
  warn_of(namespace, result)
  if not ok then
    err.progress = result
    error(err, 0)
  end
  return result
end

--- Deletes the scripts of a namespace.
---@async
---@param namespace table  the handle
---@param opts table
---@return table result
function M.run(namespace, opts)
  opts = read(opts)
  local filter = selection.filter(opts.tags, opts.all, WHO, "delete")
  local found = look(namespace, filter)
  selection.check_count(namespace, #found.names, opts, WHO)
  if not opts.dry_run then return delete_found(namespace, filter, found, opts.on_progress) end
  return {
    count = #found.names, names = found.names, dry_run = true, unknown_ids = {}, unconfirmed = {},
    more = false, requests = found.requests,
  }
end

return M
