-- namespace:delete_scripts with a ledger. The whole plan is taken down before the first is deleted,
-- each script as an item that this run holds; what a run that was killed has left is seen in the
-- list: a script that is not in it any more was deleted. Only one process may do it at a time, as a
-- filter cannot be shared.
local deletion = require "moonherd.cloudflare.deletion"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local handles = require "moonherd.cloudflare.handles"
local ledgers = require "moonherd.fleet.ledgers"
local moonherd_try = require "moonherd.async".try
local owners = require "moonherd.fleet.owner"
local progress = require "moonherd.progress"
local race = require "moonherd._race"
local runs = require "moonherd.fleet.run"
local time = require "moonherd.time"

local M = {}

local WHO = "namespace:delete_scripts"

-- What another run has left, which must not be at work any more.
local function left_by_others(ledger, run)
  local left = ledger:list_held()
  for _, owner in ipairs(left[1] and ledger:list_owners() or {}) do
    if owner.held > 0 and run.watch:is_working(ledger, owner) then
      owners.raise_busy(WHO, ledger, owner)
    end
  end
  return left
end

-- What takes down the plan and how far it is.
local function keeper_of(ledger, run)
  local began
  local keeper = {}

  function keeper.begin(names)
    local left = left_by_others(ledger, run)
    if #left == 0 then return 0 end
    local is_there, gone = {}, {}
    for _, name in ipairs(names) do is_there[name] = true end
    for _, row in ipairs(left) do
      began = math.min(began or row.began, row.began)
      if not is_there[row.key] then gone[#gone + 1] = row.key end
    end
    ledger:put_ends(gone, time.wall())
    return ledger:count_done_of(began)
  end

  function keeper.plan(names)
    began = began or time.wall()
    ledger:put_plan(names, run.owner_id, began)
    ledgers.keep_origin(ledger)
  end

  function keeper.deleted(names) ledger:put_ends(names, time.wall()) end

  return keeper
end

local function run_with(namespace, opts, path, delete)
  local name = "delete_scripts in " .. namespace.name
  local ledger <close> = ledgers.open(name, path, handles.client(namespace))
  local run <close> = runs.begin(ledger, { name = name, client = handles.client(namespace) })
  local result, err = moonherd_try(run.call, run, function ()
    return delete(namespace, opts, keeper_of(ledger, run))
  end)
  if err then error(ledgers.explain(err, ledger.path), 0) end
  return result
end

-- Tells how far it is, beside what the script itself is told.
local function with_bar(namespace, opts, f)
  local name = "delete_scripts in " .. namespace.name
  local bar <close> = progress.new(name, {
    client = handles.client(namespace),
  })
  local given = opts.on_progress
  if given == nil or type(given) == "function" then
    opts.on_progress = function (counts)
      bar:update(counts)
      if given then given(counts) end
    end
  end
  return race(name, f, function () bar:watch() end)
end

-- Calls f(delete). It works in tasks of its own: who is stopped while it waits for them is told by
-- an error that knows nothing of the work, and gets what is known of it.
local function told(f)
  local known = {}
  local function delete(...)
    local ok, result = pcall(deletion.run, ...)
    if ok then
      known = { outcome = "unknown", progress = result }
      return result
    end
    known = errors.is(result) and result or known
    error(result, 0)
  end
  local ok, result = pcall(f, delete)
  if ok then return result end
  if errors.is(result) then
    result.outcome, result.progress = known.outcome, known.progress
    failures.add_outcome(result, "not_applied")
  end
  error(result, 0)
end

--- Deletes scripts, with the ledger that the options name, if they do.
---@async
---@param namespace table  the handle
---@param opts table
---@return table result  as deletion.run gives it
function M.run(namespace, opts)
  if type(opts) ~= "table" then return deletion.run(namespace, opts) end
  local path, others = opts.ledger, {}
  if path ~= nil and type(path) ~= "string" then
    errors.usage("%s: bad option 'ledger' (string expected, got %s)", WHO, type(path))
  end
  local problem = path and ledgers.path_problem(path)
  if problem then errors.usage("%s: bad option 'ledger' (%s)", WHO, problem) end
  for field, value in pairs(opts) do others[field] = field ~= "ledger" and value or nil end
  return told(function (delete)
    return with_bar(namespace, others, function ()
      if path then return run_with(namespace, others, path, delete) end
      return delete(namespace, others)
    end)
  end)
end

return M
