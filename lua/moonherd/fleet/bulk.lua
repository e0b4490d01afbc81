-- What the bulk verbs share: the scripts that a filter selects are listed and counted before the
-- first is changed; then each is an item of a run, with a ledger or without.
local async = require "moonherd.async"
local ledgers = require "moonherd.fleet.ledgers"
local listing = require "moonherd.cloudflare.listing"
local no_ledger = require "moonherd.fleet.no_ledger"
local options = require "moonherd._options"
local runs = require "moonherd.fleet.run"
local selection = require "moonherd.cloudflare.selection"

local M = {}

--- The options of every verb.
M.OPTIONS = {
  { "concurrency", "integer", least = 1, default = 16 }, { "ledger", "string" },
  { "on_progress", "function" },
  { "on_error", "string", one_of = { "continue", "stop" }, default = "continue" },
}
table.move(selection.GUARDS, 1, #selection.GUARDS, #M.OPTIONS + 1, M.OPTIONS)

--- A reader of these options.
---@param who string  the public name of the verb
---@return function read
function M.reader(who)
  return options.reader(who, M.OPTIONS)
end

--- Lists what a filter selects.
---@async
---@param namespace table  the handle
---@param tags? table  the filter
---@param opts table
---@param who string
---@return table found  {{script=, tags=}, …} and `requests`
function M.select(namespace, tags, opts, who)
  local list = listing.open(namespace, selection.filter(tags, opts.all, who, "change"))
  local found = {}
  for script, info in listing.entries(list) do
    found[#found + 1] = { script = script, tags = info.tags }
  end
  found.requests = list.requests
  selection.check_count(namespace, #found, opts, who)
  return found
end

local function open(opts, name)
  if opts.ledger then return ledgers.open(name, opts.ledger) end
  return no_ledger.new()
end

--- Runs items, in the ledger that the options name.
---@async
---@param name string  of the job in the ledger
---@param opts table
---@param next_item function  as fleet.run takes it
---@param total? integer  how many items there are
---@return table report
function M.run(name, opts, next_item, total)
  local ledger <close> = open(opts, name)
  if opts.ledger then ledgers.keep_origin(ledger) end
  local report = runs.run(ledger, {
    name = name, concurrency = opts.concurrency, on_error = opts.on_error,
    on_progress = opts.on_progress, total = total,
  }, next_item)
  report.dry_run = false
  return report
end

local function planned(names, skipped, requests)
  return {
    done = #names, skipped = skipped, failed = {}, requests = requests, dry_run = true,
    names = names,
  }
end

-- What needs the change, and its names.
local function needed(found, verb)
  local work, names = {}, {}
  for _, entry in ipairs(found) do
    if not verb.is_needed or verb.is_needed(entry) then
      work[#work + 1], names[#names + 1] = entry, entry.script.name
    end
  end
  return work, names
end

local function item_of(entry, verb)
  local item = { key = entry.script.name }
  function item.run() return { requests = verb.change(entry) } end
  function item.prepare(ledger) item.digest = ledgers.digest(ledger, verb.digest) end
  return item
end

--- Changes what was found, or tells which would be changed.
---@async
---@param name string  of the job in the ledger
---@param opts table
---@param found table  as M.select gave it
---@param verb table  {change= a function of an entry, returns the requests it took; is_needed= a
---  function of an entry, or nil; digest= text: changed once with it, a script is skipped}
---@return table report
function M.change(name, opts, found, verb)
  local work, names = needed(found, verb)
  local unneeded, at = #found - #work, 0
  if opts.dry_run then return planned(names, unneeded, found.requests) end
  local report = M.run(name, opts, function ()
    at = at + 1
    return work[at] and item_of(work[at], verb)
  end, #work)
  report.skipped, report.requests = report.skipped + unneeded, report.requests + found.requests
  return report
end

local function would_change(plan)
  if not plan.exists then return true end
  for _, entry in ipairs(plan.diff) do
    if entry.change ~= "keep" then return true end
  end
  return false
end

--- Tells what uploads would change.
---@async
---@param next_pair function  gives a script and the options of its upload
---@param concurrency integer
---@return table report
function M.plan_uploads(next_pair, concurrency)
  local names, skipped, requests = {}, 0, 0
  local result = async.each(next_pair, { concurrency = concurrency }, function (script, spec)
    local copy = {}
    for field, value in pairs(spec) do copy[field] = value end
    copy.dry_run = true
    local plan = script:upload(copy)
    requests = requests + plan.requests
    if would_change(plan) then names[#names + 1] = script.name else skipped = skipped + 1 end
  end)
  table.sort(names)
  local report = planned(names, skipped, requests)
  for i, entry in ipairs(result.failed) do
    report.failed[i] = { key = entry.item.name, error = entry.error }
  end
  return report
end

return M
