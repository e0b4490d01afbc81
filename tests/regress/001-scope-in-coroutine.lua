-- A scope that a coroutine holds while it is suspended concerns nobody else: not the tasks that its
-- caller spawns meanwhile, not the waits of its caller.
local moonherd = require "moonherd"

local function holding(f)
  local co = coroutine.create(function () return f(coroutine.yield) end)
  assert(coroutine.resume(co))
  return co
end

-- The collector must not cancel a task that was spawned beside a scope it collects.
holding(function (yield)
  moonherd.scope(function () moonherd.spawn(moonherd.sleep, "1h") yield() end)
end)
local innocent = moonherd.spawn(function () moonherd.sleep(0.002) return "done" end)
collectgarbage()
collectgarbage()
assert(innocent:wait() == "done")

-- A time limit that expires meanwhile is told when the coroutine goes on.
local co = holding(function (yield)
  return pcall(moonherd.timeout, 0.001, function () yield() moonherd.sleep "1h" end)
end)
moonherd.sleep(0.005)
local _, ok, err = coroutine.resume(co)
assert(not ok and err.kind == "timeout")

-- Closing the coroutine ends its scope and cancels what it spawned.
local child
co = holding(function (yield)
  moonherd.timeout(0.001, function () child = moonherd.spawn(moonherd.sleep, "1h") yield() end)
end)
assert(coroutine.close(co))
moonherd.sleep(0.005)
assert(child:state() == "failed")

-- The scope around it does not end before the tasks inside.
local has_ended = false
moonherd.scope(function ()
  co = holding(function (yield)
    moonherd.scope(function ()
      moonherd.spawn(function () moonherd.sleep(0.002) has_ended = true end)
      yield()
    end)
    return "went on"
  end)
end)
assert(has_ended)
assert(select(2, coroutine.resume(co)) == "went on")

-- Nor does the task. Its scopes are gone when it has ended.
moonherd.spawn(function ()
  co = holding(function (yield)
    moonherd.scope(function () moonherd.spawn(moonherd.sleep, 0.002) yield() end)
    return "went on"
  end)
end):wait()
collectgarbage()
collectgarbage()
assert(select(2, coroutine.resume(co)) == "went on")

-- While it lasts no other task can go on inside its scope.
local task = moonherd.spawn(function ()
  co = holding(function (yield) moonherd.scope(yield) return "went on" end)
  moonherd.sleep(0.002)
  return select(2, coroutine.resume(co))
end)
moonherd.sleep(0.001)
ok, err = coroutine.resume(co)
assert(not ok and err == "cannot resume a coroutine inside a scope of another task")
assert(task:wait() == "went on")

-- It ends where it cannot wait: its tasks are cancelled, and the task stays as it was.
co = holding(function (yield)
  moonherd.scope(function () child = moonherd.spawn(moonherd.sleep, "1h") yield() end)
end)
table.sort({ 2, 1 }, function () ok, err = coroutine.resume(co) end)
assert(not ok and err.reason == "cannot_wait")
assert(not pcall(moonherd.timeout, 0.001, moonherd.sleep, "1h"))
assert(child:state() == "failed")

-- A failure in it is not lost with it.
ok, err = pcall(moonherd.scope, function ()
  co = holding(function (yield)
    moonherd.scope(function () moonherd.spawn(error, "lost") yield() end)
  end)
  moonherd.sleep(0)
  coroutine.close(co)
  moonherd.sleep "1h"
end)
assert(not ok and err.message == "lost")
