-- What the bulk verbs share: the scripts that a filter selects are listed and counted before the
-- first is changed; then each is an item of a run, with a ledger or without.
local errors = require "moonherd.error"
local handles = require "moonherd.cloudflare.handles"
local ledgers = require "moonherd.fleet.ledgers"
local listing = require "moonherd.cloudflare.listing"
local loops = require "moonherd._loops"
local no_ledger = require "moonherd.fleet.no_ledger"
local options = require "moonherd._options"
local runs = require "moonherd.fleet.run"
local selection = require "moonherd.cloudflare.selection"
local snapshots = require "moonherd.fleet.snapshots"

local M = {}

--- The options of every verb.
M.OPTIONS = {
  { "concurrency", "integer", least = 1, default = 16 },
  { "ledger", "string", check = ledgers.path_problem },
  { "on_progress", "function" }, { "snapshot", "boolean" },
  { "on_error", "string", one_of = { "continue", "stop" }, default = "continue" },
}
table.move(selection.GUARDS, 1, #selection.GUARDS, #M.OPTIONS + 1, M.OPTIONS)

--- A reader of these options.
---@param who string  the public name of the verb
---@return function read
function M.reader(who)
  local read = options.reader(who, M.OPTIONS)
  return function (given)
    local opts = read(given)
    if opts.snapshot and not opts.ledger then
      errors.usage("%s: option 'snapshot' needs a ledger, which keeps what scripts were", who)
    end
    return opts
  end
end

local function open(opts, name, client)
  if opts.ledger then return ledgers.open(name, opts.ledger, client) end
  return no_ledger.new()
end

--- Calls a function with a run: what is wrong with the ledger is said before it is called.
---@async
---@param name string  of the job in the ledger
---@param namespace table  the handle
---@param opts table
---@param f function  is given what works through the items of a function, as run:work does
---@return table report  what `f` returned
function M.with_run(name, namespace, opts, f)
  local client = handles.client(namespace)
  local ledger <close> = open(opts, name, client)
  local run <close> = runs.begin(ledger, {
    name = name, concurrency = opts.concurrency, on_error = opts.on_error,
    on_progress = opts.on_progress, client = client,
  })
  local report = f(function (next_item, total)
    if opts.snapshot then next_item = snapshots.items(next_item, ledger) end
    return run:work(next_item, total)
  end)
  report.dry_run = false
  return report
end

-- ---- scripts that a filter selects --------------------------------------------------------------

-- Lists them: {{script=, tags=}, …} and `requests`.
local function select(namespace, tags, opts, who)
  local list = listing.open(namespace, selection.filter(tags, opts.all, who, "change"))
  local found = {}
  for script, info in listing.entries(list) do
    found[#found + 1] = { script = script, tags = info.tags }
  end
  found.requests = list.requests
  selection.check_found(namespace, #found, opts, who)
  return found
end

local function planned(names, skipped, requests)
  return {
    done = #names, skipped = skipped, failed = {}, requests = requests, dry_run = true,
    names = names,
  }
end

local function is_needed(verb, entry)
  return not verb.is_needed or verb.is_needed(entry)
end

local function plan_of(found, verb)
  local names = {}
  for _, entry in ipairs(found) do
    if is_needed(verb, entry) then names[#names + 1] = entry.script.name end
  end
  return planned(names, #found - #names, found.requests)
end

-- One that is as it should be is an item all the same: a run that was killed may have left it so.
local function item_of(entry, verb)
  local item = {
    key = entry.script.name, script = entry.script, is_needed = is_needed(verb, entry),
    secrets = verb.secrets, keeps_code = true,
  }
  function item.run() return { requests = verb.change(entry) } end
  function item.prepare(ledger) item.digest = ledgers.digest(ledger, verb.digest) end
  item.verify = verb.verify and function () return verb.verify(entry) end
  return item
end

local function items_of(found, verb)
  local at = 0
  return function ()
    at = at + 1
    return found[at] and item_of(found[at], verb)
  end
end

--- Changes the scripts that a filter selects, or tells which would be changed.
---@async
---@param namespace table  the handle
---@param filter? table
---@param opts table
---@param verb table  {name=, title= with what it changes, or nil, change= a function of an entry
---  {script=, tags=}, returns the requests it took; is_needed= a function of an entry, or nil;
---  verify= a function of an entry: whether the change is live, and the requests it took to know,
---  or nil; digest= text: changed once with it, a script is skipped; secrets= the names of those it
---  sets}
---@return table report
function M.change(namespace, filter, opts, verb)
  local who = "namespace:" .. verb.name
  if opts.dry_run then return plan_of(select(namespace, filter, opts, who), verb) end
  local name = ("%s in %s"):format(verb.title or verb.name, namespace.name)
  return M.with_run(name, namespace, opts, function (work)
    local found = select(namespace, filter, opts, who)
    local report = work(items_of(found, verb), #found)
    report.requests = report.requests + found.requests
    return report
  end)
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
  local result = loops.each("plan", next_pair, concurrency, function (script, spec)
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
