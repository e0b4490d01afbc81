-- Many things at once: tasks, scopes, and loops that run their steps beside each other. The pieces
-- are in C (moonherd._task); here are the patterns made of them.
local core = require "moonherd._task"
local errors = require "moonherd._error"
local in_turns = require "moonherd._turns"
local race = require "moonherd._race"

local M = {
  spawn = core.spawn,
  scope = core.scope,
  timeout = core.timeout,
  sleep = core.sleep,
}

local DEFAULT_CONCURRENCY = 16
local AT_ONCE = 1000 -- tasks that are begun before the first of them runs

local function usage(format, ...)
  error(errors.set { kind = "usage", reason = "usage", message = format:format(...) }, 0)
end

local function check_callable(who, f)
  local mt = getmetatable(f)
  if type(f) ~= "function" and not (type(mt) == "table" and mt.__call) then
    usage("%s: bad argument (function expected, got %s)", who, type(f))
  end
end

local function tried(ok, ...)
  if not ok then
    local err = errors.wrap((...))
    if core.must_pass(err) then error(err, 0) end
    return nil, err
  end
  if select("#", ...) == 0 then return true end
  return ...
end

--- Calls `f(...)` and turns failure into a value. Being cancelled, and the time limit of an
--- enclosing `moonherd.timeout`, pass through: they are not failures of `f`.
---@async
---@param f function  what to call
---@param ... any  its arguments
---@return any ...  what `f` returns, `true` for nothing; on failure nil and the error object
---@error cancelled cancelled  when the task is cancelled, which is no failure of `f`
---@error timeout timeout  when the time of an enclosing moonherd.timeout is over
---@example
--- local value, err = moonherd.try(error, "no")
--- print(err.kind, err.message)
function M.try(f, ...)
  return tried(pcall(f, ...))
end

--- Runs the functions as tasks beside each other and waits for all. When one fails the others are
--- cancelled and its error is raised.
---@async
---@param ... function  what to run
---@return any ...  the first result of each, in the order of the functions
---@error of ...  of the first that fails
---@example
--- print(moonherd.gather(function () return 1 end, function () return 2 end))
function M.gather(...)
  local functions = table.pack(...)
  for i = 1, functions.n do check_callable("moonherd.gather", functions[i]) end
  local results = {}
  core.scope(function ()
    for i = 1, functions.n do
      core.spawn(function () results[i] = functions[i]() end)
    end
  end)
  return table.unpack(results, 1, functions.n)
end

--- Runs the functions as tasks beside each other until the first of them has ended, well or not;
--- the others are cancelled, and have ended when it returns.
---@async
---@param ... function  what to run, at least one
---@return any ...  the results of the first; its error is raised
---@error of ...  when the first that ends has failed
---@error usage usage  when there are no functions
---@example
--- print(moonherd.race(function () return "fast" end, function () moonherd.sleep "1h" end))
function M.race(...)
  local functions = table.pack(...)
  if functions.n == 0 then usage("moonherd.race: at least one function expected") end
  for i = 1, functions.n do check_callable("moonherd.race", functions[i]) end
  return race("moonherd.race", ...)
end

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
    usage("%s: bad argument (list or iterator expected, got %s)", who, type(items))
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

-- Loaded at the first use: most scripts that only wait never need it.
local function read_options(who, options, f)
  if f == nil then options, f = nil, options end
  check_callable(who, f)
  local read = require "moonherd._options".reader(who, {
    { "concurrency", "integer", default = DEFAULT_CONCURRENCY, least = 1 },
  })
  return read(options).concurrency, f
end

-- Calls step(index, item, …) for every item, up to `concurrency` at once.
local function run(who, items, concurrency, step)
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

--- Calls `f` for every item, several at once, and gives the results in the order of the items. The
--- first error cancels the rest and is raised.
---@async
---@param items table|function  a list, or an iterator such as `ns:scripts {}` returns
---@param options? table  may be left out
---@field options.concurrency? integer  how many calls may run at once; default 16
---@param f function  called with the item and its index, or with all values of the iterator
---@return table results  the first result of each call
---@error of f  of the first call that fails
---@error of items  when it is an iterator that fails
---@example
--- print(table.concat(moonherd.map({ 1, 2, 3 }, function (n) return n * n end), " "))
function M.map(items, options, f)
  local concurrency
  concurrency, f = read_options("moonherd.map", options, f)
  local results = {}
  run("moonherd.map", items, concurrency, function (index, ...)
    results[index] = f(...)
  end)
  return results
end

--- Calls `f` for every item, several at once. An item that fails does not stop the others.
---@async
---@param items table|function  a list, or an iterator such as `ns:scripts {}` returns
---@param options? table  may be left out
---@field options.concurrency? integer  how many calls may run at once; default 16
---@param f function  called with the item and its index, or with all values of the iterator
---@return table report
---@field report.done integer  how many went well
---@field report.failed table[]  the others, in the order of the items
---@field report.failed[].item any  the item, or the first value of the iterator
---@field report.failed[].error error  why
---@error of items  when it is an iterator that fails; failures of `f` are in the report
---@example
--- local report = moonherd.each({ 1, 2 }, function (n) if n == 2 then error "odd ones" end end)
--- print(report.done, #report.failed)
function M.each(items, options, f)
  local concurrency
  concurrency, f = read_options("moonherd.each", options, f)
  local done, failed = 0, {}
  run("moonherd.each", items, concurrency, function (index, item, ...)
    local ok, err = pcall(f, item, ...)
    if ok then
      done = done + 1
      return
    end
    err = errors.wrap(err)
    if core.must_pass(err) then error(err, 0) end
    failed[#failed + 1] = { index = index, item = item, error = err }
  end)
  table.sort(failed, function (a, b) return a.index < b.index end)
  for _, entry in ipairs(failed) do entry.index = nil end
  return { done = done, failed = failed }
end

--- Reads an iterator to its end.
---@async
---@param iterator function  such as `ns:scripts {}` returns; further loop values may follow
---@param state? any  the second value of a generic `for`; default nil
---@param control? any  the third value of a generic `for`; default nil
---@return table list  the first value of every round
---@error of iterator  and nothing is returned
---@example
--- print(#moonherd.collect(("a b c"):gmatch "%a"))
function M.collect(iterator, state, control)
  check_callable("moonherd.collect", iterator)
  local list = {}
  for value in iterator, state, control do list[#list + 1] = value end
  return list
end

return M
