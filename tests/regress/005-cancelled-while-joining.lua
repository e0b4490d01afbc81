-- A task that waits for the tasks of its scope is told that it was cancelled, as at any other wait:
-- it must not go on as if its tasks had done their work.
local moonherd = require "moonherd"

local function sleep_for_hours() moonherd.sleep "1h" end
local function map() moonherd.map({ 1, 2, 3 }, { concurrency = 2 }, sleep_for_hours) end

local went_on
local task = moonherd.spawn(function ()
  map()
  went_on = true
end)
moonherd.sleep(0.001)
task:cancel "enough"
local ok, err = pcall(task.wait, task)
assert(not ok and err.kind == "cancelled" and err.message == "enough" and not went_on)

-- Once: its cleanup may wait then.
task = moonherd.spawn(function ()
  local is_done, why = pcall(map)
  moonherd.sleep(0)
  return is_done, why.kind
end)
moonherd.sleep(0.001)
task:cancel()
ok, err = task:wait()
assert(not ok and err == "cancelled")

-- Tasks that end well all the same, because their cleanup does, change nothing.
task = moonherd.spawn(function ()
  return pcall(moonherd.gather, function () pcall(sleep_for_hours) return "done" end)
end)
moonherd.sleep(0.001)
task:cancel()
ok, err = task:wait()
assert(not ok and err.kind == "cancelled")

-- A time limit around the scope is the same.
ok, err = pcall(moonherd.timeout, 0.002, function ()
  map()
  went_on = true
end)
assert(not ok and err.kind == "timeout" and not went_on)

-- A scope that has nothing to wait for is no wait.
task = moonherd.spawn(function ()
  pcall(moonherd.sleep, "1h")
  moonherd.scope(function () end)
  return "ended"
end)
moonherd.sleep(0.001)
task:cancel()
assert(task:wait() == "ended")
