-- Uploads under the real limiter, killed (kill -9) half-way and run again. Arguments: a folder for
-- what outlives a run, how many uploads, behind how many of them to die (0: not at all), and
-- "check" to look at what the runs have left.
local common = require "tests.fleet.common"
local fs = require "moonherd.fs"
local moonherd = require "moonherd"

local folder, COUNT <const>, die_at = arg[1], math.tointeger(arg[2]), math.tointeger(arg[3])
local is_check = arg[4] == "check"
local CONCURRENCY <const> = 16
local QUOTA <const>, WINDOW <const> = 1200, 300

local function name_of(i) return ("site-%05d"):format(i) end

-- One line a run: when it ended, how many requests it made, how many were refused.
local function note(client)
  local path = fs.join(folder, "runs")
  local before, refused = fs.read(path), common.count_requests(client, { status = 429 })
  fs.write(path, ("%s%.3f %d %d\n"):format(before, moonherd.time.wall(), client:stats().requests,
    refused))
end

local function run()
  local client = moonherd.connect { budget = { reserve = 0 } }
  common.set_faults(client, { limit = {} })
  local job = moonherd.job { name = "release", ledger = fs.join(folder, "release.db") }
  local ns = client:ensure_namespace "production"
  for i = 1, COUNT do job:upload(ns, name_of(i), common.spec(i, { "n:" .. i })) end
  job:on_progress(function (p)
    if die_at == 0 or p.state ~= "done" or p.done + p.skipped < die_at then return end
    note(client)
    common.die()
  end)
  local report = job:run()
  note(client)
  common.equal(0, #report.failed, "failed")
  common.equal(COUNT, report.done + report.skipped, "done in all runs")
end

-- What the runs have noted: when the last ended, and the requests and refusals of all.
local function read_runs()
  local ended, requests, refused, count = 0, 0, 0, 0
  for at, sent, turned_away in fs.read(fs.join(folder, "runs")):gmatch "(%S+) (%d+) (%d+)" do
    ended, count = tonumber(at), count + 1
    requests, refused = requests + sent, refused + turned_away
  end
  return ended, requests, refused, count - 2 -- the first line is the start of all
end

-- How often each script was accepted: every upload makes a version.
local function repeated()
  local db = require "moonherd.store.platform".open(os.getenv "STATE" .. "/platform.db").db
  local row = db:read_one {
    [[SELECT count(*) AS scripts, coalesce(sum(number - 1), 0) AS repeated
      FROM script JOIN version ON version.id = script.version_id]],
  }
  db:close()
  common.equal(COUNT, row.scripts, "scripts")
  return row.repeated
end

local function check()
  local ns = moonherd.connect { budget = false }:namespace "production"
  for script, info in ns:scripts { include = { "content" }, concurrency = CONCURRENCY } do
    local i = math.tointeger(tonumber(script.name:match "%d+$"))
    local module = info.content.modules["a.mjs"]
    common.equal(common.spec(i).modules["a.mjs"], module.content, script.name)
  end
  common.equal(COUNT, ns:details().script_count, "scripts")
  local ended, requests, refused, kills = read_runs()
  common.equal(0, refused, "requests refused")
  local most = COUNT + (kills + 1) * (2 + 2 * CONCURRENCY)
  common.check(requests <= most, "%d requests; %d are allowed", requests, most)
  local took = ended - tonumber(os.getenv "START")
  local ideal = COUNT / QUOTA * WINDOW
  common.check(took <= ideal * 1.05, "it took %.0f s; %.0f are the limit's own", took, ideal)
  -- No start of the platform forgets what the limit has counted for longer than a window.
  common.check(took >= (COUNT - QUOTA) / QUOTA * WINDOW, "it took no more than %.0f s", took)
  local again = repeated()
  common.check(again <= kills * CONCURRENCY, "%d uploads were accepted twice", again)
  common.say("%d uploads, %d kills: %d requests, %d accepted twice, %.0f s (limit * %.3f)", COUNT,
    kills, requests, again, took, took / ideal)
end

if is_check then check() else run() end
