-- 21_progress.lua: looks at every Worker of a namespace, and tells how far it has come.
--   moonherd run --target local examples/21_progress.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "plans"

for _, name in ipairs { "acme", "globex", "initech" } do -- so that there is something to look at
  ns:script(name):upload { dir = "workers/shop", main_module = "index.mjs",
    compatibility_date = "2026-10-01" }
end

local names = {}
for script in ns:scripts() do names[#names + 1] = script.name end

local progress <close> = moonherd.progress("look at Workers", { total = #names })
local large = {}
moonherd.map(names, { concurrency = 8 }, function (name)
  local size = 0
  for _, module in ipairs(ns:script(name):content().modules) do size = size + #module.content end
  if size > 1000000 then large[#large + 1] = name end
  progress:step()
end)
progress:finish()
print(progress.done == #names, #large .. " above 1 MB")
