-- What job_kill.sh runs: a job of uploads. Arguments: the ledger, how many, and "check" to hold
-- every script against what it should be.
local moonherd = require "moonherd"

local ledger, count, what = arg[1], tonumber(arg[2]), arg[3]
local ns = moonherd.connect():ensure_namespace "fleet"

local function code(i)
  return ("export default { fetch() { return new Response('%d') } }"):format(i)
end

local function check()
  local wrong = 0
  for script, info in ns:scripts { include = { "content" }, concurrency = 16 } do
    local i = tonumber(script.name:match "%d+$")
    if info.content.modules["a.mjs"].content ~= code(i) then wrong = wrong + 1 end
  end
  print(("%d scripts, %d wrong"):format(ns:details().script_count, wrong))
end

local function run()
  local job = moonherd.job { name = "kill", ledger = ledger, concurrency = 16 }
  for i = 1, count do
    job:upload(ns, ("site-%d"):format(i), {
      modules = { ["a.mjs"] = code(i) }, compatibility_date = "2026-10-01", tags = { "n:" .. i },
    })
  end
  local report = job:run()
  print(("%d done, %d skipped, %d failed"):format(report.done, report.skipped, #report.failed))
  return #report.failed == 0
end

if what == "check" then return check() end
return run()
