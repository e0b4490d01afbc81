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

-- ---- the same within an allowance: nothing is refused, and little of the time is lost ----------

local QUOTA <const>, WINDOW <const>, SOME <const> = 100, 60, 500

common.set_faults(client, { limit = { quota = QUOTA, window = WINDOW, block = 300 } })
local paced = moonherd.connect { budget = { reserve = 0, quota = QUOTA, window = WINDOW } }
local began, requests = moonherd.time.now(), SOME + SOME // PAGE
for _, info in paced:namespace "production":scripts {
  include = { "settings" }, page_size = PAGE, concurrency = CONCURRENCY, max = SOME,
} do
  assert(info.settings)
end
local took, pace = moonherd.time.now() - began, requests / QUOTA * WINDOW
common.equal(requests, paced:stats().requests, "paced requests")
common.equal(0, common.count_requests(client, { status = 429 }), "refused requests")
common.check(took >= pace - WINDOW and took <= pace * 1.05, "it took %.0f s, not %.0f", took, pace)

common.say("%d scripts; the first after %d requests; %+.0f KiB", seen, first, late - early)
