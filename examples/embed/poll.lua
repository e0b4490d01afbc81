-- Adds up the lists that its host sends, until it sends null.
local moonherd = require "moonherd"
local total = 0

moonherd.on("line", function (numbers)
  if numbers == moonherd.null then
    moonherd.emit("total", total)
    moonherd.off "line"
    return
  end
  local sum = 0
  for _, number in ipairs(numbers) do sum = sum + number end
  moonherd.sleep "1ms" -- lines stay in order, even when a handler waits
  total = total + sum
  moonherd.emit("sum", sum)
end)
