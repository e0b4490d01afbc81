-- Runs busted specs inside the host, so that they may wait:
--   moonherd run tests/runner.lua [FILE | FOLDER]… [--filter=PATTERN]
-- After each test no task and no operation may be left, and no more open handles than before; each
-- test has a deadline. The last line is the count.
local moonherd = require "moonherd"
local standard = require "moonherd.testing.standard"
local task = require "moonherd._task"

local DEADLINE = 30 -- seconds for one test

local paths, filter = {}, nil
for _, argument in ipairs(arg) do
  local pattern = argument:match "^%-%-filter=(.*)"
  if pattern then filter = pattern else paths[#paths + 1] = argument end
end
if #paths == 0 then paths = { "tests/spec" } end

-- busted forgets after each file what that has loaded. Parts of moonherd that a table of moonherd
-- keeps are loaded before, or later files would meet two of one.
for name in pairs(require "moonherd._parts") do
  local _ = moonherd[name]
end

local busted = require "busted.core"()

-- ---- what a test may not leave behind ----------------------------------------------------------

local PATIENCE = 50 -- times 20 ms

-- A server may still be at work for a client that has gone, and ends by itself.
local function check_left(before)
  local tasks = task.counts()
  for _ = 1, PATIENCE do
    if tasks <= before.tasks then break end
    moonherd.sleep(0.02)
    tasks = task.counts()
  end
  if tasks > before.tasks then
    error(("%d tasks were left:\n%s"):format(tasks - before.tasks, task.dump()), 0)
  end
end

local function check_open(before)
  local _, ops, handles = task.counts()
  if handles > before.handles then
    collectgarbage()
    collectgarbage()
    moonherd.sleep(0) -- handles close in the next turn of the loop
    _, ops, handles = task.counts()
  end
  if ops > before.ops then error(("%d operations were left open"):format(ops - before.ops), 0) end
  if handles > before.handles then
    error(("%d handles were left open"):format(handles - before.handles), 0)
  end
end

-- A spec that takes a part of Lua away shall not take the report with it.
standard.remember()
local raised -- where the error was: what busted would find is standard.call
local get_trace = busted.getTrace
function busted.getTrace(element, level, message)
  return raised or get_trace(element, level, message)
end

local function call_whole(run)
  return standard.call(run, function (value) raised = raised or get_trace(nil, 4, value) end)
end

local safe = busted.safe
local function safe_whole(descriptor, run, element)
  raised = nil
  local result = table.pack(safe(descriptor, function () return call_whole(run) end, element))
  raised = nil
  return table.unpack(result, 1, result.n)
end

function busted.safe(descriptor, run, element)
  if descriptor ~= "it" or not element.run then return safe_whole(descriptor, run, element) end
  return safe_whole(descriptor, function ()
    local before = {}
    before.tasks, before.ops, before.handles = task.counts()
    moonherd.timeout(DEADLINE, function ()
      run()
      check_left(before)
    end)
    if not (element.env or {}).shares_handles then check_open(before) end
  end, element)
end

require "busted"(busted)

-- ---- what is shown -----------------------------------------------------------------------------

local count = { success = 0, failure = 0, error = 0, pending = 0 }

local function full_name(element)
  local names = {}
  while element and element.descriptor ~= "suite" and element.descriptor ~= "file" do
    table.insert(names, 1, element.name)
    element = busted.context.parent(element)
  end
  return table.concat(names, " ")
end

local function show(element, message, trace)
  local place = element.trace and element.trace.short_src
    and ("%s:%d: "):format(element.trace.short_src, element.trace.currentline) or ""
  print(("not ok %s%s"):format(place, full_name(element)))
  local text = type(message) == "string" and message or tostring(message)
  if type(message) == "table" and message.trace then text = text .. "\n" .. message.trace end
  print("  " .. text:gsub("\n", "\n  "))
  if trace and trace.traceback and trace.traceback ~= "" then
    print("  " .. trace.traceback:gsub("\n", "\n  "))
  end
end

busted.subscribe({ "test", "end" }, function (_, _, status)
  count[status] = count[status] + 1
  return nil, true
end)
busted.subscribe({ "failure" }, function (element, _, message, trace)
  show(element, message, trace)
  return nil, true
end)
busted.subscribe({ "error" }, function (element, _, message, trace)
  -- An error outside of a test (in a file, a setup) counts as a failed test of its own.
  if element.descriptor ~= "it" then count.error = count.error + 1 end
  show(element, message, trace)
  return nil, true
end)

-- ---- running -----------------------------------------------------------------------------------

if filter then
  busted.subscribe({ "register", "it" }, function (name)
    local parents = full_name(busted.context.get())
    return nil, (parents .. " " .. name):find(filter) ~= nil
  end, { priority = 1 })
end

local load_files = require "busted.modules.test_file_loader"(busted, { "lua" })
load_files(paths, { "_spec%.lua$" }, { excludes = {}, recursive = true })
require "busted.execute"(busted)(1, {})

local failed = count.failure + count.error
local skipped = count.pending > 0 and (", %d skipped"):format(count.pending) or ""
print(("%d passed, %d failed%s"):format(count.success, failed, skipped))
return failed == 0 and count.success > 0
