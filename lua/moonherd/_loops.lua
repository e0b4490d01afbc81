-- Loops that run their steps beside each other: for moonherd.map, moonherd.each, and modules that
-- tell of failures themselves. What is wrong with the items is told in the name of `who`.
local core = require "moonherd._task"
local errors = require "moonherd._error"
local in_turns = require "moonherd._turns"

local M = {}

local AT_ONCE = 1000 -- tasks that are begun before the first of them runs

-- Returns a function that gives the next index and item. An iterator may wait inside: callers take
-- turns, so that it never runs twice at once.
local function source(who, items)
  local index = 0
  if type(items) == "table" and not (getmetatable(items) or {}).__call then
    return function ()
      index = index + 1
      if items[index] == nil then return nil end
      return index, items[index], index
    end, #items
  end
  if type(items) ~= "function" and type(items) ~= "table" then
    local message = "%s: bad argument (list or iterator expected, got %s)"
    error(errors.set {
      kind = "usage", reason = "usage", message = message:format(who, type(items)),
    }, 0)
  end
  local has_ended, control = false, nil
  local function take(first, ...)
    control = first
    has_ended = first == nil
    if has_ended then return nil end
    index = index + 1
    return index, first, ...
  end
  return in_turns(function ()
    if has_ended then return nil end
    return take(items(nil, control))
  end), math.huge
end

--- Calls step(index, item, …) for every item, up to `concurrency` at once.
---@async
---@param who string  for messages
---@param items table|function
---@param concurrency integer
---@param step function
function M.run(who, items, concurrency, step)
  local take, count = source(who, items)
  local has_ended = false
  local function worker()
    local function handle(index, ...)
      if index == nil then
        has_ended = true
        return false
      end
      step(index, ...)
      return true
    end
    while handle(take()) do end
  end
  core.scope(function ()
    for n = 1, math.min(concurrency, count) do
      if has_ended then break end
      if n % AT_ONCE == 0 then core.sleep(0) end -- those before may find that there is no more
      core.spawn(worker)
    end
  end)
end

--- Calls f(item, …) for every item. One that fails does not stop the others.
---@async
---@param who string  for messages
---@param items table|function
---@param concurrency integer
---@param f function
---@return table report  {done=, failed={{item=, error=}, …}}, in the order of the items
function M.each(who, items, concurrency, f)
  local done, failed = 0, {}
  M.run(who, items, concurrency, function (index, item, ...)
    local ok, err = xpcall(f, errors.wrap, item, ...) -- there its trace still leads to the line
    if ok then
      done = done + 1
      return
    end
    if core.must_pass(err) then error(err, 0) end
    failed[#failed + 1] = { index = index, item = item, error = err }
  end)
  table.sort(failed, function (a, b) return a.index < b.index end)
  for _, entry in ipairs(failed) do entry.index = nil end
  return { done = done, failed = failed }
end

return M
