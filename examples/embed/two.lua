-- One of two players: the ball goes to and fro until its count is down.
local moonherd = require "moonherd"

moonherd.on("ball", function (count)
  print(count > 0 and "I play it back, " .. count .. " to go" or "I keep it")
  io.stdout:flush()
  moonherd.emit("ball", count - 1)
  if count <= 1 then moonherd.off "ball" end
end)
