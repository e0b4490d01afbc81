-- Tasks, a deadline, and cleanup: nothing here blocks, and nothing is left behind.
local moonherd = require "moonherd"

local function visit(name, seconds)
  local _ <close> = setmetatable({}, { __close = function () print("left " .. name) end })
  moonherd.sleep(seconds)
  return "seen " .. name
end

print(moonherd.gather(
  function () return visit("Oslo", 0.02) end,
  function () return visit("Rome", 0.01) end))

local answer, err = moonherd.try(moonherd.timeout, "50ms", visit, "the Moon", 3600)
print(answer, err.kind, err.message)
