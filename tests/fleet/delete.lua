-- Bulk delete by tag, where the server deletes a hundred a call and fails once behind a call that
-- was carried out. Arguments: how many scripts have the tag, how many only look as if.
local common = require "tests.fleet.common"
local moonherd = require "moonherd"

local TAGGED <const>, ALIKE <const> = math.tointeger(arg[1]), math.tointeger(arg[2])
local FILTER = { "customer:acme" }

local client = moonherd.connect()
local ns = client:ensure_namespace "production"

common.fill(ns, TAGGED + ALIKE, function (i)
  if i <= TAGGED then return { "customer:acme", "n:" .. i } end
  return { ("customer:acme%d"):format(i), "xcustomer:acme", "Customer:acme" }
end)

-- Plan, guard and deed agree.
local plan = ns:delete_scripts { tags = FILTER, dry_run = true, max = TAGGED }
common.equal(TAGGED, plan.count, "planned")
for _, guard in ipairs { { expect = TAGGED - 1 }, { max = TAGGED - 1 } } do
  guard.tags = FILTER
  local done, err = moonherd.try(ns.delete_scripts, ns, guard)
  common.check(not done, "a guard let %d scripts go", TAGGED)
  common.check(err.reason == "too_many_scripts" or err.reason == "unexpected_count", "%s", err)
end
common.equal(TAGGED + ALIKE, ns:details().script_count, "before")

common.set_faults(client, { delete_limit = 100, faults = {
  { fault = "applied_error", method = "DELETE", path = "/scripts", skip = 1, count = 1 },
} })
local report = ns:delete_scripts { tags = FILTER, expect = TAGGED }
common.equal(1, common.count_requests(client, { fault = "applied_error" }), "failures")
common.equal(TAGGED, report.count, "deleted")
common.equal(0, #report.unknown_ids, "others deleted")
common.equal(ALIKE, ns:details().script_count, "left")
common.equal(0, #moonherd.collect(ns:scripts { tags = FILTER }), "left with the tag")
for script in ns:scripts {} do
  local i = tonumber(script.name:match "%d+$")
  common.check(i > TAGGED, "%s is still there", script.name)
end
common.say("%d deleted in %d requests", report.count, report.requests)
