-- `require` beyond plain Lua: modules and searchers that wait, several tasks at once. What is as in
-- plain Lua is in tests/semantics/modules.lua.
local moonherd = require "moonherd"

local function define(modules)
  for name, loader in pairs(modules) do
    package.preload[name], package.loaded[name] = loader, nil
  end
end

describe("require", function ()
  it("loads once for all tasks that ask; the others wait for the first", function ()
    local loads = 0
    define { ["spec.slow"] = function ()
      loads = loads + 1
      moonherd.sleep(0.005)
      return { name = "slow" }
    end }
    local tasks, values = {}, {}
    for i = 1, 5 do tasks[i] = moonherd.spawn(function () return require "spec.slow" end) end
    for i, task in ipairs(tasks) do values[i] = task:wait() end
    assert.equal(1, loads)
    for _, value in ipairs(values) do assert.equal(values[1], value) end
  end)

  it("gives what the searcher said of the loader to the task that loaded", function ()
    define { ["spec.data"] = function () moonherd.sleep(0.001) return "value" end }
    local first = moonherd.spawn(function () return require "spec.data" end)
    local second = moonherd.spawn(function () return select("#", require "spec.data") end)
    assert.same({ "value", ":preload:" }, { first:wait() })
    assert.equal(1, second:wait())
  end)

  it("tries again for the next task when loading has failed", function ()
    local loads = 0
    define { ["spec.fails"] = function ()
      loads = loads + 1
      moonherd.sleep(0.001)
      if loads == 1 then error "not yet" end
      return "loaded"
    end }
    local first = moonherd.spawn(function () return pcall(require, "spec.fails") end)
    local second = moonherd.spawn(function () return pcall(require, "spec.fails") end)
    assert.is_false((first:wait()))
    assert.same({ true, "loaded", ":preload:" }, { second:wait() })
  end)

  it("tries again when the task that was loading has been cancelled", function ()
    define { ["spec.cancelled"] = function () moonherd.sleep(3600) end }
    local first = moonherd.spawn(function () return require "spec.cancelled" end)
    local second = moonherd.spawn(function () return require "spec.cancelled" end)
    moonherd.sleep(0)
    define { ["spec.cancelled"] = function () return "loaded" end }
    first:cancel()
    assert.equal("loaded", (second:wait()))
  end)

  it("tries again when a coroutine that was loading has been closed", function ()
    define { ["spec.dropped"] = function () coroutine.yield() end }
    local co = coroutine.create(require)
    coroutine.resume(co, "spec.dropped")
    local ok, message = pcall(require, "spec.dropped")
    assert.is_false(ok)
    assert.equal("module 'spec.dropped' is being loaded: it requires itself, directly or through "
      .. "others", message)
    coroutine.close(co)
    define { ["spec.dropped"] = function () return "loaded" end }
    assert.equal("loaded", (require "spec.dropped"))
  end)

  it("tries again when a task has ended that left a coroutine loading", function ()
    define { ["spec.left"] = function () coroutine.yield() end }
    local co
    moonherd.spawn(function ()
      co = coroutine.create(require)
      coroutine.resume(co, "spec.left")
    end):wait()
    define { ["spec.left"] = function () return "loaded" end }
    assert.equal("loaded", (require "spec.left"))
    assert.is_true(coroutine.close(co))
  end)

  it("stops waiting for another task when it is cancelled, and the other goes on", function ()
    define { ["spec.shared"] = function () moonherd.sleep(0.01) return "loaded" end }
    local first = moonherd.spawn(function () return (require "spec.shared") end)
    local second = moonherd.spawn(function () return pcall(require, "spec.shared") end)
    moonherd.sleep(0)
    second:cancel()
    local ok, err = second:wait()
    assert.is_false(ok)
    assert.equal("cancelled", err.kind)
    assert.equal("loaded", first:wait())
  end)

  it("refuses a module that requires itself", function ()
    define { ["spec.self"] = function () return require "spec.self" end }
    local ok, message = pcall(require, "spec.self")
    assert.is_false(ok)
    assert.matches("^tests/spec/require_spec.lua:%d+: module 'spec.self' is being loaded", message)
  end)

  it("refuses modules that require each other in two tasks, in both", function ()
    define {
      ["spec.a"] = function () moonherd.sleep(0.001) return require "spec.b" end,
      ["spec.b"] = function () moonherd.sleep(0.001) return require "spec.a" end,
    }
    local a = moonherd.spawn(function () return pcall(require, "spec.a") end)
    local b = moonherd.spawn(function () return pcall(require, "spec.b") end)
    for _, task in ipairs { a, b } do
      local ok, message = task:wait()
      assert.is_false(ok)
      assert.matches("requires itself, directly or through others", message)
    end
  end)

  it("lets searchers wait", function ()
    local function searcher(name)
      moonherd.sleep(0.001)
      if name == "spec.searched" then return function (...) return { ... } end, "found" end
      return "searched for " .. name
    end
    table.insert(package.searchers, 1, searcher)
    local module, extra = require "spec.searched"
    local _, message = pcall(require, "spec.none")
    table.remove(package.searchers, 1)
    assert.same({ "spec.searched", "found" }, module)
    assert.equal("found", extra)
    assert.matches("^module 'spec.none' not found:\n\tsearched for spec.none\n", message)
  end)

  it("is not what a wait cannot cross", function ()
    define { ["spec.sorts"] = function ()
      table.sort({ 2, 1 }, function () moonherd.sleep(0) end)
    end }
    local _, err = pcall(require, "spec.sorts")
    assert.matches("cannot wait inside table.sort", err.message)
  end)

  it("names a part of moonherd that there is not", function ()
    local _, message = pcall(require, "moonherd.jsom")
    assert.matches("\n\tno embedded module 'moonherd.jsom'\n", message, 1, true)
  end)
end)
