-- Makes a site to measure with: N files of 1 to 7 KB in folders of 250.
--   moonherd tests/bench/asset_files.lua DIR N
local fs = require "moonherd.fs"

local dir, count = arg[1], math.tointeger(tonumber(arg[2]))
local EXTENSIONS <const> = { "html", "js", "css", "png" }

math.randomseed(1)
local noise = {}
for i = 1, 1024 do noise[i] = string.pack("<i8", math.random(0)) end
local bytes = table.concat(noise)

for i = 0, count - 1 do
  local folder = ("%s/d%d"):format(dir, i // 250)
  if i % 250 == 0 then fs.mkdir(folder, nil, true) end
  local file <close> = assert(io.open(("%s/f%d.%s"):format(folder, i, EXTENSIONS[i % 4 + 1]), "wb"))
  file:write(("%08d"):format(i), bytes:sub(1, math.random(1000, 7000)))
end
