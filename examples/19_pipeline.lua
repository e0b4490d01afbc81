-- 19_pipeline.lua: values through a channel from task to task, a limit that several share, times.
--   moonherd run --target local examples/19_pipeline.lua
local moonherd = require "moonherd"
local time = moonherd.time

-- Whoever builds takes one of two places, however many tasks there are.
local places, building, most = moonherd.limit(2), 0, 0
local function build(name)
  building = building + 1
  most = math.max(most, building)
  moonherd.sleep "5ms"
  building = building - 1
  return name:upper()
end

-- The one who reads waits when four are under way: memory stays small however long the list is.
local built, names = {}, moonherd.channel(4)
moonherd.scope(function ()
  for _ = 1, 8 do
    moonherd.spawn(function ()
      for name in names do
        local made = places:run(build, name) -- waits: others may have added to `built` meanwhile
        built[#built + 1] = made
      end
    end)
  end
  for i = 1, 20 do names:send("tenant-" .. i) end
  names:close()
end)
print(#built .. " built", most .. " at once")

local day = time.parse "2026-02-28T23:30:00-01:00"
print(time.format(day), time.format(day + time.seconds "1d"))
print(time.text(5400), time.text "250ms")
