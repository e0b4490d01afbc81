-- What design promises of tasks: waiting wherever Lua can yield, and nowhere else.
local moonherd = require "moonherd"

local PROGRAM = (os.getenv "B" or "build") .. "/moonherd"

local function soon(...) moonherd.sleep(0.001) return ... end

describe("a wait works", function ()
  it("in pcall and xpcall", function ()
    assert.same({ true, 1, 2 }, { pcall(soon, 1, 2) })
    assert.same({ true, 3 }, { xpcall(soon, print, 3) })
    local ok, err = pcall(function () soon() error({ mark = 1 }) end)
    assert.is_false(ok)
    assert.equal(1, err.mark)
  end)

  it("in xpcall's message handler only as a refusal", function ()
    local _, err = xpcall(error, function () return select(2, pcall(moonherd.sleep, 0)) end, "x")
    assert.equal("cannot_wait", err.reason)
  end)

  it("in iterators and their state", function ()
    local function range(n)
      return function (_, i) moonherd.sleep(0) if i < n then return i + 1 end end, nil, 0
    end
    local seen = {}
    for i in range(3) do seen[#seen + 1] = i end
    assert.same({ 1, 2, 3 }, seen)
  end)

  it("in metamethods", function ()
    local mt = {
      __index = function (_, k) return soon(k .. "!") end,
      __newindex = function (t, k, v) rawset(t, k, soon(v)) end,
      __call = function (_, x) return soon(x) end,
      __add = function () return soon "sum" end,
      __concat = function () return soon "joined" end,
      __len = function () return soon(7) end,
      __eq = function () return soon(true) end,
      __lt = function () return soon(true) end,
      __le = function () return soon(true) end,
      __unm = function () return soon "minus" end,
    }
    local a, b = setmetatable({}, mt), setmetatable({}, mt)
    assert.equal("x!", a.x)
    a.y = 5
    assert.equal(5, rawget(a, "y"))
    assert.equal(9, a(9))
    assert.equal("sum", a + b)
    assert.equal("joined", a .. b)
    assert.equal(7, #a)
    assert.is_true(a == b and a < b and a <= b)
    assert.equal("minus", -a)
  end)

  it("in a <close> handler, on the way out and on an error", function ()
    local closed = {}
    local function closing(name)
      return setmetatable({}, { __close = function ()
        moonherd.sleep(0)
        closed[#closed + 1] = name
      end })
    end
    do local _ <close> = closing "block" end
    pcall(function () local _ <close> = closing "error" error "x" end)
    for i = 1, 2 do local _ <close> = closing("loop " .. i) if i == 2 then break end end
    local function returns() local _ <close> = closing "return" return soon "value" end
    assert.equal("value", returns())
    assert.same({ "block", "error", "loop 1", "loop 2", "return" }, closed)
  end)

  it("in a <close> handler of a task that fails", function ()
    local closed = false
    local task = moonherd.spawn(function ()
      local _ <close> = setmetatable({}, { __close = function ()
        moonherd.sleep(0.001)
        closed = true
      end })
      error "on purpose"
    end)
    assert.is_false(pcall(task.wait, task))
    assert.is_true(closed)
  end)

  it("in generators, nested, and generators keep their own yields", function ()
    local function inner() for i = 1, 2 do moonherd.sleep(0) coroutine.yield(i) end return "end" end
    local outer = coroutine.wrap(function ()
      local co = coroutine.create(inner)
      repeat
        local _, value = coroutine.resume(co)
        moonherd.sleep(0)
        coroutine.yield(value)
      until coroutine.status(co) == "dead"
    end)
    assert.same({ 1, 2, "end" }, { outer(), outer(), outer() })
  end)

  it("in dofile, load and string.rep'd code", function ()
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write "local m = require 'moonherd' m.sleep(0) return 'done'"
    file:close()
    assert.equal("done", dofile(name))
    os.remove(name)
    assert.equal("done", load "require 'moonherd'.sleep(0) return 'done'" ())
  end)

  it("at the top level of a required module; a second task waits for the first", function ()
    local loads = 0
    package.preload["spec.slow"] = function ()
      loads = loads + 1
      moonherd.sleep(0.005)
      return { name = "slow" }
    end
    local a, b = moonherd.gather(function () return require "spec.slow" end,
      function () return require "spec.slow" end)
    assert.equal(1, loads)
    assert.equal(a, b)
    package.loaded["spec.slow"], package.preload["spec.slow"] = nil, nil
  end)
end)

describe("a wait is refused, before anything starts, naming what is in the way:", function ()
  local function refused(name, f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.equal("cannot_wait", err.reason)
    assert.truthy(err.message:find(name, 1, true), err.message)
  end
  local function wait() moonherd.sleep(0) end

  it("table.sort", function () refused("table.sort", table.sort, { 2, 1 }, wait) end)
  it("string.gsub", function () refused("string.gsub", string.gsub, "a", "a", wait) end)
  it("load's reader", function ()
    refused("load", function () error(select(2, load(function () wait() end)), 0) end)
  end)
  it("tostring", function ()
    refused("tostring", tostring, setmetatable({}, { __tostring = wait }))
  end)
  it("coroutine.close", function ()
    local err
    local co = coroutine.create(function ()
      local _ <close> = setmetatable({}, { __close = function () err = select(2, pcall(wait)) end })
      coroutine.yield()
    end)
    coroutine.resume(co)
    coroutine.close(co)
    assert.truthy(err.message:find("coroutine.close", 1, true), err.message)
  end)
  it("a coroutine resumed inside table.sort", function ()
    refused("table.sort", table.sort, { 2, 1 }, coroutine.wrap(wait))
  end)
  it("__gc", function ()
    local err
    setmetatable({}, { __gc = function () err = select(2, pcall(wait)) end })
    collectgarbage()
    collectgarbage()
    assert.truthy(err.message:find("__gc", 1, true), err.message)
  end)
end)

describe("a task", function ()
  it("looks like the main thread to the script", function ()
    local thread, is_main = coroutine.running()
    assert.equal("thread", type(thread))
    assert.is_true(is_main)
    assert.is_false(coroutine.isyieldable())
    local ok, err = pcall(coroutine.yield, 1)
    assert.is_false(ok)
    assert.truthy(err:find("attempt to yield from outside a coroutine", 1, true))
    assert.same({ false, "cannot resume non-suspended coroutine" }, { coroutine.resume(thread) })
  end)

  it("gives its results to any number of waiters, also when it has ended", function ()
    local task = moonherd.spawn(soon, 1, nil, 3)
    local a = table.pack(task:wait())
    assert.same({ 1, nil, 3, n = 3 }, a)
    assert.same(a, table.pack(task:wait()))
  end)

  it("raises its error in the waiter, with a trace and who spawned it", function ()
    local task = moonherd.spawn(function () soon() error "broken" end)
    local ok, err = pcall(task.wait, task)
    assert.is_false(ok)
    assert.equal("script", err.kind)
    assert.truthy(err.message:find "broken")
    assert.truthy(err.trace:find "spawned at .*async_spec.lua")
  end)

  it("that fails unobserved cancels its siblings and raises in its parent at a wait", function ()
    local sibling
    local ok, err = pcall(moonherd.scope, function ()
      sibling = moonherd.spawn(moonherd.sleep, "1h")
      moonherd.spawn(function () soon() error "first" end)
      moonherd.sleep "1h"
    end)
    assert.is_false(ok)
    assert.truthy(err.message:find "first")
    assert.equal("failed", sibling:state())
  end)

  it("keeps later failures in `also`", function ()
    local ok, err = pcall(moonherd.scope, function ()
      moonherd.spawn(function ()
        local _ <close> = setmetatable({}, { __close = function () error "second" end })
        moonherd.sleep "1h"
      end)
      moonherd.spawn(function () soon() error "first" end)
    end)
    assert.is_false(ok)
    assert.truthy(err.message:find "first")
    assert.equal(1, #err.also)
    assert.truthy(err.also[1].message:find "second")
  end)

  it("cannot wait for one that waits for it", function ()
    local a, b
    a = moonherd.spawn(function () moonherd.sleep(0) return b:wait() end)
    b = moonherd.spawn(function () moonherd.sleep(0) return a:wait() end)
    local _, err = pcall(a.wait, a)
    assert.equal("deadlock", err.reason)
    pcall(b.wait, b)
  end)

  it("cannot wait for itself", function ()
    local task
    task = moonherd.spawn(function () return task:wait() end)
    local _, err = pcall(task.wait, task)
    assert.equal("deadlock", err.reason)
  end)
end)

describe("cancelling", function ()
  it("raises once at the wait; then cleanup may wait", function ()
    local log = {}
    local task = moonherd.spawn(function ()
      local _ <close> = setmetatable({}, { __close = function ()
        moonherd.sleep(0.001)
        log[#log + 1] = "cleaned"
      end })
      local ok, err = pcall(moonherd.sleep, "1h")
      log[#log + 1] = tostring(ok) .. " " .. err.kind .. " " .. err.message
      moonherd.sleep(0.001)
      log[#log + 1] = "waited"
    end)
    moonherd.sleep(0)
    task:cancel "enough"
    task:wait()
    assert.same({ "false cancelled enough", "waited", "cleaned" }, log)
  end)

  it("twice ends the grace: every wait raises, and has yielded first", function ()
    local raised, turns = 0, 0
    local task = moonherd.spawn(function ()
      for _ = 1, 3 do
        if not pcall(moonherd.sleep, "1h") then raised = raised + 1 end
      end
    end)
    moonherd.sleep(0)
    task:cancel()
    task:cancel()
    while task:state() == "running" do turns = turns + 1 moonherd.sleep(0) end
    assert.equal(3, raised)
    assert.truthy(turns >= 3)
  end)

  it("reaches children, and the parent outlives them", function ()
    local order = {}
    local task = moonherd.spawn(function ()
      moonherd.spawn(function ()
        pcall(moonherd.sleep, "1h")
        moonherd.sleep(0.002)
        order[#order + 1] = "child"
      end)
      moonherd.sleep "1h"
    end)
    moonherd.sleep(0.001)
    task:cancel()
    pcall(task.wait, task)
    order[#order + 1] = "parent"
    assert.same({ "child", "parent" }, order)
  end)

  it("passes through try; a cancelled task that was waited for is a value", function ()
    local reached = false
    local task = moonherd.spawn(function () moonherd.try(moonherd.sleep, "1h") reached = true end)
    moonherd.sleep(0)
    task:cancel()
    local value, err = moonherd.try(task.wait, task)
    assert.is_nil(value)
    assert.equal("cancelled", err.kind)
    assert.is_false(reached)
  end)

  it("does not fail the scope", function ()
    moonherd.scope(function () moonherd.spawn(moonherd.sleep, "1h"):cancel() end)
  end)
end)

describe("timeout", function ()
  it("raises kind timeout where it waits and says for what", function ()
    local ok, err = pcall(moonherd.timeout, 0.005, moonherd.sleep, "1h")
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
    assert.truthy(err.message:find "while waiting for sleep", err.message)
  end)
  it("gives back what the function returns in time", function ()
    assert.same({ 1, 2 }, { moonherd.timeout("10s", soon, 1, 2) })
  end)
  it("cancels tasks of its scope while it joins them", function ()
    local ok, err = pcall(moonherd.timeout, 0.005, function ()
      moonherd.spawn(moonherd.sleep, "1h")
    end)
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
  end)
  it("the nearest one counts; an outer one passes through an inner try", function ()
    local ok, err = pcall(moonherd.timeout, 0.005, function ()
      return moonherd.try(moonherd.timeout, "1h", moonherd.sleep, "2h")
    end)
    assert.is_false(ok)
    assert.truthy(err.message:find "0.005 s", err.message)
    local value, inner = moonherd.try(moonherd.timeout, 0.005, moonherd.sleep, "1h")
    assert.is_nil(value)
    assert.equal("timeout", inner.kind)
  end)
  it("refuses what is no duration", function ()
    for _, bad in ipairs { "fast", -1, true, "5 parsecs", "" } do
      local _, err = pcall(moonherd.timeout, bad, print)
      assert.equal("usage", err.kind)
    end
  end)
end)

describe("gather, race, map, each, collect, try", function ()
  it("gather keeps the order and fails as one", function ()
    assert.same({ "a", "b" }, { moonherd.gather(function () moonherd.sleep(0.003) return "a" end,
      function () return "b" end) })
    local ok, err = pcall(moonherd.gather, function () error "x" end,
      function () moonherd.sleep "1h" end)
    assert.is_false(ok)
    assert.truthy(err.message:find "x")
  end)
  it("race takes the first and ends the others", function ()
    local ended = false
    assert.equal("fast", moonherd.race(function () soon() return "fast" end, function ()
      local _ <close> = setmetatable({}, { __close = function () ended = true end })
      moonherd.sleep "1h"
    end))
    assert.is_true(ended)
    local ok, err = pcall(moonherd.race, function () error "lost" end,
      function () moonherd.sleep "1h" end)
    assert.is_false(ok)
    assert.truthy(tostring(err):find "lost")
  end)
  it("map runs at most `concurrency` at once, in order of the items", function ()
    local now, most = 0, 0
    local results = moonherd.map({ 1, 2, 3, 4, 5, 6 }, { concurrency = 2 }, function (n)
      now = now + 1
      most = math.max(most, now)
      moonherd.sleep(0.001)
      now = now - 1
      return n * 10
    end)
    assert.same({ 10, 20, 30, 40, 50, 60 }, results)
    assert.equal(2, most)
  end)
  it("map begins no more tasks than an iterator has use for", function ()
    local left = 3
    local function next_item()
      left = left - 1
      return left >= 0 and left or nil
    end
    local results = moonherd.map(next_item, { concurrency = math.maxinteger }, function (n)
      return n
    end)
    assert.same({ 2, 1, 0 }, results)
  end)
  it("map takes nil for its options", function ()
    assert.same({ 2, 4 }, moonherd.map({ 1, 2 }, nil, function (n) return n * 2 end))
  end)
  it("map takes iterators that wait, one call at a time", function ()
    local inside, i = false, 0
    local function next_item()
      assert.is_false(inside)
      inside = true
      moonherd.sleep(0)
      inside = false
      i = i + 1
      if i <= 5 then return i, "extra" .. i end
    end
    assert.same({ "1extra1", "2extra2", "3extra3", "4extra4", "5extra5" },
      moonherd.map(next_item, function (n, extra) return n .. extra end))
  end)
  it("each goes on after a failure and reports it", function ()
    local report = moonherd.each({ "a", "b", "c" }, function (item)
      soon()
      if item == "b" then error { reason = "no" } end
    end)
    assert.equal(2, report.done)
    assert.equal("b", report.failed[1].item)
    assert.equal("no", report.failed[1].error.cause.reason)
  end)
  it("each says once how many failed, and of the first what and where", function ()
    local script <close> = moonherd.fs.temp_file { suffix = ".lua" }
    local function said_by(text)
      moonherd.write(script.path, 'local moonherd = require "moonherd"\n' .. text)
      local result = moonherd.sh { PROGRAM, "run", "--target", "local", script.path }
      return (result.stderr:gsub("/%S*%.lua", "script"))
    end
    local said = "moonherd: warning: moonherd.each: "
    for text, expected in pairs {
      ["moonherd.each({ 1, 2, 3 }, function () error 'nothing works' end)"] =
        said .. "3 of 3 failed, the first with: script:2: nothing works\n",
      ["moonherd.each({ '/', '/no' }, function (path)\n moonherd.fs.stat(path) end)"] =
        said .. "1 of 2 failed, the first with: cannot look at '/no': no such file or directory "
        .. "(script:3)\n",
      ["moonherd.each({ 1, 2 }, function () end)"] = "",
    } do
      assert.equal(expected, said_by(text))
    end
  end)
  it("collect reads an iterator to its end", function ()
    assert.same({ "a", "b" }, moonherd.collect(("a b"):gmatch "%a"))
    assert.same({ 1, 2 }, moonherd.collect(ipairs { "x", "y" }))
  end)
  it("try gives results, true for none, nil and an error object on failure", function ()
    assert.same({ 1, 2 }, { moonherd.try(soon, 1, 2) })
    assert.is_true(moonherd.try(soon))
    local value, err = moonherd.try(error, "text")
    assert.is_nil(value)
    assert.same({ "script", "text" }, { err.kind, err.message })
  end)
  it("refuse wrong options by name", function ()
    local _, err = pcall(moonherd.map, {}, { concurency = 3 }, print)
    assert.truthy(err.message:find("did you mean 'concurrency'", 1, true))
    _, err = pcall(moonherd.map, {}, { concurrency = 0 }, print)
    assert.equal("usage", err.kind)
    _, err = pcall(moonherd.spawn, 5)
    assert.truthy(err.message:find("moonherd.spawn", 1, true))
  end)
end)

describe("coroutine functions keep their documented behaviour:", function ()
  it("status, close and wrap's errors", function ()
    local co = coroutine.create(function () coroutine.yield(1) end)
    assert.equal("suspended", coroutine.status(co))
    assert.same({ true, 1 }, { coroutine.resume(co) })
    assert.is_true(coroutine.close(co))
    assert.equal("dead", coroutine.status(co))
    assert.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(co) })
    local ok, err = pcall(coroutine.wrap(function () error "inside" end))
    assert.is_false(ok)
    assert.truthy(err:find "inside")
    local self_status
    co = coroutine.create(function () self_status = coroutine.status(co) end)
    coroutine.resume(co)
    assert.equal("running", self_status)
  end)
  it("a coroutine that waits is not resumable by others", function ()
    local co = coroutine.create(function () moonherd.sleep(0.005) end)
    local task = moonherd.spawn(coroutine.resume, co)
    moonherd.sleep(0.001)
    assert.equal("normal", coroutine.status(co))
    assert.same({ false, "cannot resume non-suspended coroutine" }, { coroutine.resume(co) })
    task:wait()
    assert.equal("dead", coroutine.status(co))
  end)
  it("a deep chain of closes is refused, not a crash", function ()
    local last
    for _ = 1, 400 do
      local target = last
      last = coroutine.create(function ()
        local _ <close> = setmetatable({}, { __close = function ()
          if target then
            local closed, why = coroutine.close(target)
            if not closed then error(why, 0) end
          end
        end })
        coroutine.yield()
      end)
      coroutine.resume(last)
    end
    local ok, err = coroutine.close(last)
    assert.is_false(ok)
    assert.truthy(tostring(err):find "C stack overflow %(200 nested closes", err)
  end)
end)
