-- A script that does a little of everything the scheduler can do; tests/c/test_faults.c runs it
-- with faults. Undisturbed it returns 0 and prints nothing. It may fail in any way but must end.
local moonherd = require "moonherd"

local function closing(f)
  return setmetatable({}, { __close = f })
end

local function soon(...)
  moonherd.sleep "1ms"
  return ...
end

local parts = {}

function parts.results()
  local task = moonherd.spawn(soon, 1, nil, 3)
  local a, _, c = task:wait()
  assert(a == 1 and c == 3 and select("#", task:wait()) == 3)
end

function parts.patterns()
  local a, b = moonherd.gather(function () return soon "a" end, function () return "b" end)
  assert(a .. b == "ab")
  assert(moonherd.race(function () return soon "fast" end, function () moonherd.sleep "1h" end))
  local squares = moonherd.map({ 1, 2, 3 }, { concurrency = 2 }, function (n)
    return soon(n * n)
  end)
  assert(#squares == 3 and squares[3] == 9)
  local words = ("one two three"):gmatch "%a+"
  local report = moonherd.each(function () return soon(words()) end, function (word)
    if word == "two" then error "even" end
  end)
  assert(report.done == 2 and report.failed[1].item == "two")
  assert(#moonherd.collect(("a b"):gmatch "%a") == 2)
end

function parts.failures()
  local failing = moonherd.spawn(function () soon() error { mark = 1 } end)
  local ok, err = pcall(failing.wait, failing)
  assert(not ok and err.cause.mark == 1)
  local sibling
  ok, err = pcall(moonherd.scope, function ()
    sibling = moonherd.spawn(moonherd.sleep, "1h")
    moonherd.spawn(function () local _ <close> = closing(soon) soon() error "first" end)
    moonherd.spawn(function () local _ <close> = closing(error) moonherd.sleep "1h" end)
    moonherd.sleep "1h"
  end)
  assert(not ok and err.message:find "first" and sibling:state() == "failed")
  assert(moonherd.try(error, "no") == nil and moonherd.try(soon) == true)
end

function parts.limits()
  local ok, err = pcall(moonherd.timeout, "2ms", function ()
    moonherd.spawn(function () pcall(moonherd.sleep, "1h") soon() end)
    moonherd.timeout("1h", moonherd.scope, moonherd.sleep, "1h")
  end)
  assert(not ok and err.kind == "timeout")
  assert(moonherd.timeout("1h", soon, "in time") == "in time")
end

function parts.cancels()
  local log = {}
  local task = moonherd.spawn(function ()
    local _ <close> = closing(function () log.close = soon(true) end)
    moonherd.spawn(function () pcall(moonherd.sleep, "1h") log.child = soon(true) end)
    moonherd.sleep "1h"
  end)
  soon()
  task:cancel "enough"
  assert(not pcall(task.wait, task) and log.close and log.child)
  local stubborn = moonherd.spawn(function ()
    for _ = 1, 3 do pcall(moonherd.sleep, "1h") end
  end)
  soon()
  stubborn:cancel()
  stubborn:cancel()
  stubborn:wait()
end

function parts.coroutines()
  local generate = coroutine.wrap(function ()
    for i = 1, 3 do coroutine.yield(soon(i)) end
  end)
  assert(generate() + generate() + generate() == 6)
  local held = coroutine.create(function ()
    local _ <close> = closing(function () return nil end)
    moonherd.scope(function () moonherd.spawn(moonherd.sleep, "1h") coroutine.yield() end)
  end)
  assert(coroutine.resume(held) and coroutine.close(held))
  coroutine.wrap(function ()
    moonherd.timeout("1ms", function () moonherd.spawn(soon) coroutine.yield() end)
  end)()
  local nested = coroutine.wrap(function () return coroutine.wrap(soon)("deep") end)
  assert(nested() == "deep")
  assert(not pcall(table.sort, { 2, 1 }, function () moonherd.sleep(0) end))
  assert(not pcall(coroutine.wrap(function () soon() error "inside" end)))
end

function parts.modules()
  package.preload["everything.slow"] = function () return { name = soon "slow" } end
  local a, b = moonherd.gather(function () return require "everything.slow" end,
    function () return require "everything.slow" end)
  assert(a == b and a.name == "slow")
  package.loaded["everything.slow"], package.preload["everything.slow"] = nil, nil
  assert(not pcall(require, "everything.missing"))
end

function parts.garbage()
  for i = 1, 10 do
    setmetatable({}, { __gc = function () local _ = ("x"):rep(i) error "in __gc" end })
  end
  local kept = {}
  for i = 1, 100 do kept[i] = { tostring(i) } end
  collectgarbage "step"
  assert(#kept == 100)
end

function parts.log()
  moonherd.log.info("a line", { depth = { 1, 2 }, text = "\u{e9}\n" })
  print "a line"
end

-- Each part by itself, then all at once.
local names = {}
for name in pairs(parts) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do parts[name]() end
moonherd.scope(function ()
  for _, name in ipairs(names) do moonherd.spawn(parts[name]) end
end)
return 0
