-- moonherd as a module of a Lua that knows nothing of it: module.lua STATE_DIR, for a stock lua5.4.
-- Prints a line for each test, and the sum as the last one.
local state_dir = arg[1]

-- All that a program could miss: globals and the members of its libraries.
local function snapshot()
  local seen = {}
  for name, value in pairs(_G) do
    seen[name] = value
    if type(value) == "table" and value ~= _G and value ~= package.loaded then
      for key, member in pairs(value) do seen[name .. "." .. tostring(key)] = member end
    end
  end
  return seen
end

local function difference(a, b)
  for name, value in pairs(a) do if b[name] ~= value then return name end end
  for name in pairs(b) do if a[name] == nil then return name end end
end

local kept_wrap, kept_resume, kept_close = coroutine.wrap, coroutine.resume, coroutine.close
local old_thread = coroutine.create(function ()
  return require "moonherd".run(function () return 5 end)
end)
local before = snapshot()
local moonherd = require "moonherd"

local passed, failed = 0, 0
local function test(name, f)
  local ok, err = pcall(f)
  print((ok and "ok   " or "FAIL ") .. name)
  if ok then passed = passed + 1 else failed = failed + 1 print(err) end
end
local function equal(a, b)
  if a ~= b then error(("%s expected, got %s"):format(a, b), 2) end
end
local function fails(text, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(text, 1, true) then
    error(("an error with '%s' expected, got %s"):format(text, err), 2)
  end
  return err
end
local function step_until(done)
  for _ = 1, 10000 do
    if done() then return end
    moonherd.step(nil, "10ms")
  end
  error "it takes too long"
end

test("a wait outside of a task is refused, and says what helps", function ()
  fails("no task is running; moonherd.run(f) runs f as one", moonherd.sleep, 0)
  fails("no task is running", moonherd.gather, print)
end)

test("run returns what the function returns, and raises its error", function ()
  local a, b = moonherd.run(function (x) moonherd.sleep(0) return x, "b" end, "a")
  equal("ab", a .. b)
  local err = fails("", moonherd.run, function () moonherd.sleep(0) error { reason = "no" } end)
  equal("no", err.cause.reason)
  fails("function expected, got nil", moonherd.run, nil)
end)

test("a coroutine that was there before may drive it", function ()
  local ok, value = coroutine.resume(old_thread)
  equal(true, ok)
  equal(5, value)
end)

test("waits work through pcall, iterators, metamethods and coroutines of tasks", function ()
  local seen = moonherd.run(function ()
    local list = {}
    local wait = setmetatable({}, { __index = function (_, key) moonherd.sleep(0) return key end })
    local ok, err = pcall(function () moonherd.sleep(0) error "caught" end)
    list[1] = not ok and err:match "caught"
    for i in function (_, i) moonherd.sleep(0) if i < 2 then return i + 1 end end, nil, 0 do
      list[#list + 1] = wait["i" .. i]
    end
    for i in coroutine.wrap(function ()
      for i = 1, 2 do moonherd.sleep(0) coroutine.yield("w" .. i) end
    end) do list[#list + 1] = i end
    local co = coroutine.create(function (...) moonherd.sleep(0) return coroutine.yield(...) end)
    list[#list + 1] = select(2, coroutine.resume(co, "c"))
    coroutine.close(co)
    do local _ <close> = setmetatable({}, { __close = function () moonherd.sleep(0) end }) end
    return table.concat(list, " ")
  end)
  equal("caught i1 i2 w1 w2 c", seen)
end)

test("in a coroutine resumed by a function from outside a wait is refused, and the reason told",
  function ()
    moonherd.run(function ()
      fails("was not resumed by moonherd", kept_wrap(function () moonherd.sleep(0) end))
      fails("was not resumed by moonherd", kept_wrap(function ()
        coroutine.wrap(function () moonherd.sleep(0) end)()
      end))
      equal(7, kept_wrap(function () coroutine.yield(7) end)())
    end)
  end)

test("a waiting coroutine that others resume gets nothing, and goes on waiting", function ()
  local co, go
  local task = moonherd.spawn(function ()
    co = coroutine.create(function ()
      while not go do moonherd.sleep "1ms" end
      return "done"
    end)
    return select(2, coroutine.resume(co))
  end)
  step_until(function () return co end)
  for _ = 1, 3 do equal(true, kept_resume(co, 1, 2, 3)) end
  local thread
  local other = moonherd.spawn(function ()
    thread = coroutine.running()
    moonherd.sleep "1ms"
    return 1
  end)
  step_until(function () return thread end)
  kept_resume(thread, "x")
  go = true
  equal("done", moonherd.run(function () return task:wait() end))
  equal(1, moonherd.run(function () return other:wait() end))
end)

test("a waiting coroutine that others close fails the task that waits in it", function ()
  for _, kind in ipairs { "sleep", "read" } do
    local co
    local task = moonherd.spawn(function ()
      co = coroutine.create(function ()
        if kind == "sleep" then moonherd.sleep "1h" else moonherd.read(arg[0]) end
      end)
      return coroutine.resume(co)
    end)
    repeat moonherd.step() until co
    if coroutine.status(co) == "suspended" then kept_close(co) end
    co = nil
    collectgarbage() collectgarbage()
    task:cancel()
    moonherd.run(function () return pcall(task.wait, task) end)
  end
  local thread
  local task = moonherd.spawn(function () thread = coroutine.running() moonherd.sleep "1h" end)
  repeat moonherd.step() until thread
  kept_close(thread)
  task:cancel()
  fails("dead coroutine", moonherd.step)
end)

test("a frame loop deploys to the embedded platform within its budget", function ()
  local frames, uploaded = 0, 0
  local deploy = moonherd.spawn(function ()
    local ns = moonherd.connect { target = "local", state = state_dir }:ensure_namespace "game"
    local report = moonherd.each({ "a", "b", "c", "bad name?" }, function (name)
      ns:script(name):upload { script = "addEventListener('fetch', () => {})",
        compatibility_date = "2026-10-01" }
      uploaded = uploaded + 1
    end)
    return report.done, report.failed[1].error.kind
  end)
  local r
  repeat
    r = moonherd.step("2ms", "5ms")
    frames = frames + 1
  until r == "done"
  equal(3, uploaded)
  assert(frames > 1)
  local done, kind = deploy:wait()
  equal(3, done)
  equal("api", kind)
end)

test("an error that nobody takes is raised by the step, one at a time", function ()
  local first = moonherd.spawn(function () error "one" end)
  moonherd.spawn(function () error "two" end)
  local errors = fails("", moonherd.step).message .. fails("", moonherd.step).message
  assert(errors:find "one.*two", errors)
  equal("done", moonherd.step())
  equal("failed", first:state())
  fails("one", first.wait, first)
end)

test("a step inside a task is refused", function ()
  moonherd.run(function ()
    fails("moonherd.step: called from inside a task", moonherd.step)
    fails("moonherd.run: called from inside a task", moonherd.run, print)
    equal(3, moonherd.spawn(function () return 3 end):wait())
  end)
end)

test("cancel lets tasks clean up, and is no error of the step", function ()
  local is_clean
  moonherd.spawn(function ()
    local _ <close> = setmetatable({}, { __close = function ()
      moonherd.sleep(0)
      is_clean = true
    end })
    moonherd.sleep "1h"
  end)
  moonherd.step()
  moonherd.cancel "enough"
  step_until(function () return moonherd.step() == "done" end)
  equal(true, is_clean)
end)

test("an error of a hook interrupts run", function ()
  local is_running, main = false, coroutine.running()
  debug.sethook(function ()
    if not is_running or coroutine.running() ~= main then return end
    debug.sethook()
    error "interrupted!"
  end, "l")
  fails("interrupted!", moonherd.run, function () is_running = true moonherd.sleep "1h" end)
  step_until(function () return moonherd.step() == "done" end)
end)

test("a module that waits while it loads is refused, naming require", function ()
  package.preload.waits = function () moonherd.sleep(0) return {} end
  fails("moonherd.sleep: cannot wait inside require", moonherd.run, function () require "waits" end)
end)

test("its parts are modules", function ()
  equal("[1]", require "moonherd.json".encode { 1 })
  equal(moonherd.json, require "moonherd.json")
  package.loaded.moonherd = nil
  equal(moonherd, require "moonherd")
end)

test("the state is as it was", function ()
  equal(nil, difference(before, snapshot()))
  equal(kept_wrap, coroutine.wrap)
end)

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0, true)
