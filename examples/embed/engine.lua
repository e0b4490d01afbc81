-- A program that keeps its Lua, an engine say, deploys while its frames go on. For a stock lua5.4:
--   make install && lua5.4 examples/embed/engine.lua
local moonherd = require "moonherd"

-- Outside of tasks `spawn` makes one that belongs to nobody; `step` runs it.
local deploy = moonherd.spawn(function ()
  local ns = moonherd.connect { target = "local" }:ensure_namespace "levels"
  return moonherd.each({ "meadow", "cave", "castle" }, function (name)
    ns:script(name):upload {
      script = "addEventListener('fetch', () => {})",
      compatibility_date = "2026-10-01",
    }
  end)
end)

local frames = 0
repeat
  -- Input, update, draw; then two milliseconds for moonherd. A real frame would not sleep: the
  -- second time is how long a step may, while nothing is ready.
  local ok, state = pcall(moonherd.step, "2ms", "1ms")
  if not ok then print("a task has failed: " .. tostring(state)) end
  frames = frames + 1
until state == "done"

print(("%d deployed"):format(deploy:wait().done), frames > 1)
