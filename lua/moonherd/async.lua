-- Many things at once: tasks, scopes, and loops that run their steps beside each other. The pieces
-- are in C (moonherd._task); here are the patterns made of them.
local core = require "moonherd._task"
local errors = require "moonherd._error"
local loops = require "moonherd._loops"
local race = require "moonherd._race"

local M = {
  spawn = core.spawn,
  scope = core.scope,
  timeout = core.timeout,
  sleep = core.sleep,
}

local DEFAULT_CONCURRENCY = 16

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

-- Loaded at the first use: most scripts that only wait never need it.
local function read_options(who, options, f)
  if f == nil then options, f = nil, options end
  check_callable(who, f)
  local read = require "moonherd._options".reader(who, {
    { "concurrency", "integer", default = DEFAULT_CONCURRENCY, least = 1 },
  })
  return read(options).concurrency, f
end

-- The line of the script that failed, when the message does not say it.
local function place_of(err)
  local place = err.trace and err.trace:match "\n\t([^%[\n][^\n]-:%d+): "
  if not place or err.message:find(place, 1, true) then return "" end
  return (" (%s)"):format(place)
end

-- A report that nobody reads must not be the end of what went wrong.
local function tell_failures(report)
  local count = #report.failed
  if count == 0 then return end
  local first = report.failed[1].error
  local text = "moonherd.each: %d of %d failed, the first with: %s%s"
  require "moonherd._log".write("warn",
    text:format(count, report.done + count, first.message, place_of(first)))
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
  loops.run("moonherd.map", items, concurrency, function (index, ...)
    results[index] = f(...)
  end)
  return results
end

--- Calls `f` for every item, several at once. An item that fails does not stop the others; when
--- some have failed, a warning at the end says how many, and what the first of them was.
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
  local report = loops.each("moonherd.each", items, concurrency, f)
  tell_failures(report)
  return report
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
