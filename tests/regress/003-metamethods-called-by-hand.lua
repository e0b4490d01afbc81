-- What scripts can reach through getmetatable and debug does not crash, whatever it is given.
local moonherd = require "moonherd"

local function attack(object)
  for _, metamethod in pairs(debug.getmetatable(object)) do
    if type(metamethod) == "function" then
      pcall(metamethod)
      pcall(metamethod, object)
      pcall(metamethod, io.stdin, 1)
    end
  end
end

local task = moonherd.spawn(function () moonherd.sleep(0.001) return "alive" end)
attack(task)
attack(require "moonherd._task".waitlist())
local ok = pcall(error, setmetatable({}, getmetatable(moonherd.error)))
assert(not ok)
assert(task:wait() == "alive")

-- A scope lies on the stack of the coroutine that opened it.
local co = coroutine.create(function ()
  moonherd.scope(function () moonherd.spawn(moonherd.sleep, 0.001) coroutine.yield() end)
  return "went on"
end)
coroutine.resume(co)
local found = 0
for level = 0, 10 do
  if not debug.getinfo(co, level) then break end
  for i = 1, 10 do
    local _, value = debug.getlocal(co, level, i)
    if type(value) == "userdata" then
      found = found + 1
      attack(value)
    end
  end
end
assert(found > 0)
assert(select(2, coroutine.resume(co)) == "went on")

-- Nor the main thread, which no script should see.
local main = debug.getregistry()[1]
assert(coroutine.status(main) == "normal")
assert(not coroutine.resume(main) and not pcall(coroutine.close, main))
