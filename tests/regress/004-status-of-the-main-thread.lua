-- A task's thread is "normal" to a coroutine that runs in it, however the coroutine was resumed.
local main = coroutine.running()
assert(coroutine.wrap(function () return coroutine.status(main) end)() == "normal")
assert(coroutine.wrap(function () return coroutine.resume(main) end)() == false)

local moonherd = require "moonherd"
local thread
moonherd.spawn(function () thread = coroutine.running() return 1, 2 end):wait()
assert(coroutine.status(thread) == "dead")
assert(select(2, coroutine.resume(thread)) == "cannot resume dead coroutine")
