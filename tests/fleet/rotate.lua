-- A secret is rotated on the scripts that two tags pick, while the service fails now and then and
-- shuts the door once. Arguments: the ledger, how many are picked, how many are not, the seed, and
-- "again" for the second run.
local common = require "tests.fleet.common"
local moonherd = require "moonherd"

local ledger = arg[1]
local PICKED <const>, OTHERS <const> = math.tointeger(arg[2]), math.tointeger(arg[3])
local seed, is_again = math.tointeger(arg[4]), arg[5] == "again"
local FILTER = { "plan:pro", "region:eu" }
local NAME = "SIGNING_KEY"
local VALUE = os.getenv "NEW_VALUE"
local PUT_SECRET = { method = "PUT", path = "/secrets" }

local function fault(fields)
  for name, value in pairs(PUT_SECRET) do fields[name] = value end
  return fields
end

-- Every other one lacks something: a tag, or a letter of it.
local function tags_of(i)
  if i <= PICKED then return { "plan:pro", "region:eu" } end
  return ({ { "plan:pro", "region:us" }, { "region:eu" }, { "plan:pro2", "region:eu" } })[i % 3 + 1]
end

local function make()
  local client = moonherd.connect { budget = false }
  common.fill(client:ensure_namespace "production", PICKED + OTHERS, tags_of)
  common.set_faults(client, { seed = seed, limit = {}, faults = {
    fault { fault = "rate_limited", skip = PICKED // 3, count = 1, retry_after = 300 },
    fault { fault = "bad_gateway", rate = 0.01 },
    fault { fault = "applied_error", status = 504, rate = 0.002 },
  } })
end

local function rotate()
  local client = moonherd.connect { budget = { reserve = 0 } }
  local report = client:namespace "production":rotate_secret(FILTER, NAME, VALUE, {
    ledger = ledger, expect = PICKED, max = PICKED, concurrency = 16,
  })
  for _, failure in ipairs(report.failed) do error(failure.error, 0) end
  return report, client
end

local function check_secrets(ns)
  local have = 0
  for script, info in ns:scripts { include = { "secrets" }, concurrency = 16 } do
    local i = tonumber(script.name:match "%d+$")
    common.equal(i <= PICKED and 1 or 0, #info.secrets, script.name .. ": secrets")
    have = have + #info.secrets
  end
  common.equal(PICKED, have, "scripts that have it")
end

if is_again then
  local report = rotate()
  common.equal(PICKED, report.skipped, "skipped")
  common.equal(0, report.done, "done")
  common.equal(math.ceil(PICKED / 1000), report.requests, "requests, of the list alone")
  return
end

make()
local began = moonherd.time.now()
local report, client = rotate()
local took = moonherd.time.now() - began
common.equal(PICKED, report.done, "done")
common.equal(1, common.count_requests(client, { status = 429 }), "refused, by the block alone")
common.set_faults(client, {})
check_secrets(moonherd.connect { budget = false }:namespace "production")
common.say("%d rotated with %d requests in %.0f s", report.done, report.requests, took)
