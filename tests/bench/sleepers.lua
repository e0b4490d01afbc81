-- 100,000 tasks asleep at once.
local moonherd = require "moonherd"
local function sleeper() moonherd.sleep "2s" end
for _ = 1, 100000 do moonherd.spawn(sleeper) end
moonherd.sleep(0)
