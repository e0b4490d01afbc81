-- The script of the frames bench: so many tasks upload 2 KB each to the embedded platform, one
-- after the other, until the host says stop. The host counts in frames how long an upload takes.
local moonherd = require "moonherd"
local host = require "host"
local ns = moonherd.connect():ensure_namespace "bench"
local source = "addEventListener('fetch', () => {}) // " .. ("x"):rep(2000)

local stopped = false
moonherd.on("stop", function ()
  stopped = true
  moonherd.off "stop"
end)

for i = 1, tonumber(arg[1]) do
  moonherd.spawn(function ()
    local script = ns:script("script-" .. i)
    while not stopped do
      local started = host.frame()
      script:upload { script = source, compatibility_date = "2026-10-01" }
      host.uploaded(host.frame() - started)
    end
  end)
end
