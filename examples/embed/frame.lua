-- Deploys twenty Workers while a game goes on, and tells the game how far it is.
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "arcade"

local deployed = 0
local levels = {}
for i = 1, 20 do levels[i] = ("level-%02d"):format(i) end

moonherd.each(levels, function (level)
  ns:script(level):upload {
    script = "addEventListener('fetch', e => e.respondWith(new Response('" .. level .. "')))",
    compatibility_date = "2026-10-01",
  }
  deployed = deployed + 1
  moonherd.emit("deployed", deployed)
end)
print(#moonherd.collect(ns:scripts()) .. " levels are live")
