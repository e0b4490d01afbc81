-- An audit of many scripts: their settings stream past, and nothing of them stays. Argument: how
-- many.
local common = require "tests.fleet.common"
local moonherd = require "moonherd"

local COUNT <const> = math.tointeger(arg[1])
local PAGE <const>, CONCURRENCY <const> = 100, 16

local ns = moonherd.connect():ensure_namespace "production"
common.fill(ns, COUNT, function (i) return { "n:" .. i } end)

local client = moonherd.connect() -- counts from nought
local seen, early, late, first = 0, nil, nil, nil
local scripts = client:namespace "production":scripts {
  include = { "settings" }, page_size = PAGE, concurrency = CONCURRENCY,
}

local function memory()
  collectgarbage()
  return collectgarbage "count"
end

for script, info in scripts do
  seen = seen + 1
  first = first or client:stats().requests
  common.equal("n:" .. tonumber(script.name:match "%d+$"), info.settings.tags[1], script.name)
  if seen == COUNT // 5 then early = memory() end
  if seen == COUNT - PAGE then late = memory() end
end
common.equal(COUNT, seen, "scripts seen")
common.check(first <= 2 + CONCURRENCY, "the first came after %d requests", first)
common.equal(COUNT + math.ceil(COUNT / PAGE), client:stats().requests, "requests")
common.check(late - early < 512, "memory went from %.0f to %.0f KiB", early, late)
common.say("%d scripts; the first after %d requests; %+.0f KiB", seen, first, late - early)
