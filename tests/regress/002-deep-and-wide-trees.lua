-- Trees of tasks, deep or wide, are cancelled, fail and are waited for without recursion on the C
-- stack, and in linear time.
local moonherd = require "moonherd"
local DEEP <const>, COUNT <const> = 60000, 20000

local function nest(depth, leaf)
  if depth == 0 then return leaf() end
  moonherd.spawn(nest, depth - 1, leaf)
  moonherd.sleep "1h"
end

local has_reached = false
local deep = moonherd.spawn(nest, DEEP, function () has_reached = true moonherd.sleep "1h" end)
while not has_reached do moonherd.sleep(0) end
deep:cancel()
local ok, err = pcall(deep.wait, deep)
assert(not ok and err.kind == "cancelled")

ok, err = pcall(moonherd.scope, nest, COUNT, function () error("leaf", 0) end)
assert(not ok and err.message == "leaf")
assert(#err.trace < 10000)

ok, err = pcall(moonherd.scope, function ()
  for i = 1, COUNT do
    moonherd.spawn(function () moonherd.sleep(0) error(i, 0) end)
  end
end)
assert(not ok and err.cause == 1 and #err.also == COUNT - 1)

local function wait_below(depth)
  if depth > 0 then return moonherd.spawn(wait_below, depth - 1):wait() + 1 end
  return 0
end
assert(wait_below(COUNT) == COUNT)

local one = moonherd.spawn(function () moonherd.sleep(0.01) return "result" end)
local got = 0
moonherd.scope(function ()
  for _ = 1, COUNT do
    moonherd.spawn(function () if one:wait() == "result" then got = got + 1 end end)
  end
end)
assert(got == COUNT)
