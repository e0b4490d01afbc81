-- What scripts were before a job changed them, kept in its ledger, and put back. The values of
-- secrets and the files of assets are in no answer of the API: of secrets the names are kept, and
-- what could not be put back is told.
local async = require "moonherd.async"
local connect = require "moonherd.cloudflare".connect
local errors = require "moonherd.error"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local types = require "moonherd.cloudflare.binding_types"

local M = {}

local moonherd_try = async.try
local PAGE = 100
local NOT_THERE = { script_not_found = true, namespace_not_found = true }
local OLDEST_DATE = "2021-11-02" -- what the API takes for a script without a date

-- What an upload takes of the settings as they are read.
local SETTINGS = {
  "bindings", "compatibility_date", "compatibility_flags", "usage_model", "limits", "logpush",
  "tags", "tail_consumers", "observability", "placement", "cache_options",
  "streaming_tail_consumers",
}

-- ---- keeping ------------------------------------------------------------------------------------

local function content_text(content)
  local modules = {}
  for name, module in pairs(content.modules) do
    modules[name] = { base64 = hash.base64(module.content), type = module.type }
  end
  return { main_module = content.main_module, body_part = content.body_part, modules = modules }
end

-- What is live, and the number of requests it took; nil when there is no such script.
local function read_live(script)
  local settings, err = moonherd_try(script.settings, script)
  if not settings then
    if NOT_THERE[err.reason] then return nil, 1 end
    error(err, 0)
  end
  return { settings = settings, content = content_text(script:content()) }, 2
end

--- Keeps what an item's script is now, unless something older is kept already.
---@async
---@param ledger table
---@param item table  with `script`; `secrets` are the names that it sets, nil when nobody knows
---@return integer requests
function M.keep(ledger, item)
  if ledger:has_snapshot(item.key) then return 0 end
  local script = item.script
  local live, requests = read_live(script)
  local place = { account = script._client.account_id, namespace = script._home.name,
    script = script.name }
  ledger:add_snapshot(item.key, json.encode(place), json.encode {
    live = live, secrets = item.secrets and json.array(item.secrets), assets = item.has_assets,
  })
  return requests
end

-- ---- putting back -------------------------------------------------------------------------------

local function names_of(script)
  local names = {}
  for _, secret in ipairs(script:secrets()) do names[secret.name] = true end
  return names
end

-- The bindings to send, and the names of the secrets that may have another value now, or none.
local function bindings_of(kept, live, changed)
  local list, lost = {}, {}
  for _, binding in ipairs(kept or {}) do
    local is_secret = types.is_secret(binding.type)
    local is_live = live[binding.name]
    if is_secret and (not is_live or changed == nil or changed[binding.name]) then
      lost[#lost + 1] = binding.name
    end
    if not is_secret or is_live then list[#list + 1] = binding end
  end
  return list, lost
end

local function set_of(list)
  if not list then return nil end
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

local function spec_of(live)
  local content = live.content
  local spec = { main_module = content.main_module, body_part = content.body_part, modules = {} }
  for name, module in pairs(content.modules) do
    spec.modules[name] = { content = hash.unbase64(module.base64), type = module.type }
  end
  for _, name in ipairs(SETTINGS) do spec[name] = live.settings[name] end
  spec.compatibility_date = spec.compatibility_date or OLDEST_DATE
  -- A secret that the job has added goes again.
  spec.keep_bindings = false
  return spec
end

local function remove(script)
  local ok, err = moonherd_try(script.delete, script)
  if not ok and err.reason ~= "script_not_found" then error(err, 0) end
  return nil, 1
end

-- What could not be put back, or nil; and the number of requests.
local function restore(script, state)
  local live = state.live
  if not live then return remove(script) end
  local spec = spec_of(live)
  local list, lost = bindings_of(spec.bindings, names_of(script), set_of(state.secrets))
  spec.bindings = list
  local requests = script:upload(spec).requests + 1
  if #lost == 0 and not state.assets then return nil, requests end
  return { secrets = lost, assets = state.assets or false }, requests
end

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
    if at >= #page then page, at = ledger:list_snapshots(last, PAGE), 0 end
    at = at + 1
    last = page[at] and page[at].key
    return page[at]
  end
end

local function roll_back_one(ledger, client, row, report)
  local left, requests = restore(script_of(client, row), json.decode(row.state))
  report.requests = report.requests + requests
  ledger:roll_back(row.key)
  report.done = report.done + 1
  if left then
    left.key = row.key
    report.not_restored[#report.not_restored + 1] = left
  end
end

--- Puts back what a ledger has kept.
---@async
---@param ledger table
---@param client? table
---@param concurrency integer
---@return table report
function M.roll_back(ledger, client, concurrency)
  client = client or connect()
  local report = { done = 0, failed = {}, requests = 0, not_restored = {} }
  local result = async.each(rows_of(ledger), { concurrency = concurrency }, function (row)
    roll_back_one(ledger, client, row, report)
  end)
  for i, entry in ipairs(result.failed) do
    report.failed[i] = { key = entry.item.key, error = entry.error }
  end
  table.sort(report.not_restored, function (a, b) return a.key < b.key end)
  return report
end

return M
