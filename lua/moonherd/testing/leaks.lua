-- What a test may not leave behind: tasks, and handles that are still open (servers, databases,
-- answers that are read in steps, programs, watches). Each handle is remembered weakly with the
-- place that made it, so that one which is garbage is none.
local async = require "moonherd.async"
local task = require "moonherd._task"

local M = {}

local PATIENCE = 10 -- times 20 ms: a server may still be at work for a client that has gone

-- module, the function that makes a handle, what it is called, whether one is still open
local KINDS = {
  { "moonherd._serve", "listen", "server", function (server)
    return tostring(server) ~= "server (closed)"
  end },
  { "moonherd._store", "open", "database", function (database)
    return database:path() ~= nil
  end },
  { "moonherd._http", "open", "HTTP transfer", function (transfer)
    return transfer:is_open()
  end },
  { "moonherd._proc", "start", "program", function (child)
    return not child:is_over()
  end },
  { "moonherd._watch", "new", "watch of files", function (watch)
    return watch:is_open()
  end },
}

local made = setmetatable({}, { __mode = "k" }) -- handle -> {kind, place}

-- ---- handles -----------------------------------------------------------------------------------

-- Keeps one database open as long as the program runs: what all clients know of their allowances.
local KEEPER = "=[moonherd.cloudflare.budget_book]"

-- The first line of the stack that is not moonherd's own; nil for what is to stay open.
local function caller()
  for level = 3, 40 do
    local info = debug.getinfo(level, "Sl")
    if not info then break end
    if info.source == KEEPER then return nil end
    if info.what ~= "C" and info.source:sub(1, 11) ~= "=[moonherd." then
      return ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
  return "?"
end

local function remember(kind, place, handle, ...)
  if place and type(handle) == "userdata" then made[handle] = { kind = kind, place = place } end
  return handle, ...
end

--- Remembers from now on who makes a handle.
function M.watch()
  for _, kind in ipairs(KINDS) do
    local module, name = require(kind[1]), kind[2]
    local make = module[name]
    module[name] = function (...)
      return remember(kind, caller(), make(...))
    end
  end
end

local function list_open(known)
  local open = {}
  for handle, entry in pairs(made) do
    if not known[handle] and entry.kind[4](handle) then open[#open + 1] = entry end
  end
  return open
end

-- Told once is enough: of a test, and not again of its file.
local function forget(open)
  for handle, entry in pairs(made) do
    for _, told in ipairs(open) do
      if entry == told then made[handle] = nil end
    end
  end
end

local function check_handles(known)
  if not list_open(known)[1] then return end
  collectgarbage()
  collectgarbage()
  local open = list_open(known)
  if not open[1] then return end
  forget(open)
  for i, entry in ipairs(open) do
    open[i] = ("a %s was left open, made at %s"):format(entry.kind[3], entry.place)
  end
  table.sort(open)
  error(table.concat(open, "\n"), 0)
end

-- ---- tasks -------------------------------------------------------------------------------------

-- The lines of a dump that tell of tasks which were not there before, without the one that asks.
local function new_tasks(before)
  local lines = {}
  for line in task.dump():gmatch "[^\n]+" do
    local id = tonumber(line:match "^task (%d+)")
    if id and id > before and id ~= task.id() then lines[#lines + 1] = line end
  end
  return lines
end

local function check_tasks(before)
  for _ = 1, PATIENCE do
    if task.counts() <= before.tasks then return end
    async.sleep(0.02)
  end
  local lines = new_tasks(before.last_task)
  if not lines[1] then return end
  error(("%d task%s left: %s"):format(#lines, #lines == 1 and " was" or "s were",
    table.concat(lines, "\n")), 0)
end

local function last_task()
  local last = 0
  for id in task.dump():gmatch "task (%d+)" do last = math.max(last, tonumber(id)) end
  return last
end

--- What is there now.
---@return table before  for M.check
function M.look()
  local known = {}
  for handle in pairs(made) do known[handle] = true end
  return { tasks = task.counts(), last_task = last_task(), handles = known }
end

--- Raises text that names what has been made since and is still there.
---@async
---@param before table
function M.check(before)
  check_tasks(before)
  check_handles(before.handles)
end

return M
