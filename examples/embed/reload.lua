-- Counts hits, and keeps the score for the script that takes its place.
local moonherd = require "moonherd"
local score = moonherd.kept "score" or 0

moonherd.on("hit", function ()
  score = score + 1
  moonherd.keep("score", score)
  print("score", score)
end)
