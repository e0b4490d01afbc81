-- `require`, able to wait: a module's main chunk may call functions that wait, and a task that asks
-- for a module which another one is still loading waits for it. Otherwise as in plain Lua 5.4.
-- Returns the function; runtime/modules.c makes it the global.
local task = require "moonherd._task"
local package = package

local loading = {} -- name -> {name =, by = the id of the task that loads it, waiters = waitlist}
local asks = {} -- id of a task -> the module it waits for

-- Whether waiting for `name` would wait for the asking task itself.
local function is_circular(name, by)
  local seen = {}
  while loading[name] and not seen[name] do
    seen[name] = true
    if loading[name].by == by then return true end
    local next_name = asks[loading[name].by]
    if next_name == nil then return false end
    name = next_name
  end
  return false
end

-- Searchers are called through pcall, a function of C as the plain require is: their errors get no
-- place in this file.
local function call_searcher(searcher, name)
  local ok, loader, extra = pcall(searcher, name)
  if not ok then error(loader, 0) end
  return loader, extra
end

local function find(name)
  local searchers = package.searchers
  if type(searchers) ~= "table" then error("'package.searchers' must be a table", 3) end
  local reasons = {}
  for i = 1, math.huge do
    local searcher = rawget(searchers, i)
    if searcher == nil then
      error(("module '%s' not found:%s"):format(name, table.concat(reasons)), 3)
    end
    local loader, extra = call_searcher(searcher, name)
    if type(loader) == "function" then return loader, extra end
    if type(loader) == "string" then reasons[#reasons + 1] = "\n\t" .. loader end
  end
end

-- Both are marked before anything else can fail: without memory no mark must stay behind.
local is_loaded = { __close = function (entry)
  if loading[entry.name] == entry then loading[entry.name] = nil end
  entry.waiters:wake()
  entry.waiters:untie()
end }
local has_answer = { __close = function (question) asks[question.by] = nil end }

local function load(name, by)
  local entry <close> = setmetatable({ name = name, by = by, waiters = task.waitlist(true) },
    is_loaded)
  loading[name] = entry
  local loader, extra = find(name)
  local value = loader(name, extra)
  if value ~= nil then package.loaded[name] = value end
  if package.loaded[name] == nil then package.loaded[name] = true end
  return package.loaded[name], extra
end

local function wait(entry, by)
  local _ <close> = setmetatable({ by = by }, has_answer)
  asks[by] = entry.name
  entry.waiters:wait("a module that another task loads")
end

local function check_name(...)
  local name = ...
  if type(name) == "string" then return name end
  if type(name) == "number" then return tostring(name) end
  error(("bad argument #1 to 'require' (string expected, got %s)"):format(
    select("#", ...) == 0 and "no value" or type(name)), 3)
end

return function (...)
  local name = check_name(...)
  local me = task.id()
  while true do
    local value = package.loaded[name]
    if value then return value end
    local entry = loading[name]
    if not entry or entry.waiters:is_orphan() then break end
    if is_circular(name, me) then
      error(("module '%s' is being loaded: it requires itself, directly or through others")
        :format(name), 2)
    end
    wait(entry, me)
  end
  return load(name, me)
end
