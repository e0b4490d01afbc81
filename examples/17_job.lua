-- 17_job.lua: a release that may be killed at any moment. Run it again, or `moonherd jobs resume`:
-- what is done is not sent twice, what was in flight is looked at first, what changed goes again.
--   moonherd run --target local examples/17_job.lua [VERSION]
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "shops"
local version = arg[1] or "41"

local function release(number)
  local job = moonherd.job { name = "release", concurrency = 8, snapshot = true }
  for _, tenant in ipairs { "acme", "globex", "initech" } do
    job:upload(ns, tenant, {
      modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
      bindings = { VERSION = number }, compatibility_date = "2026-10-01",
    })
  end
  return job, job:run()
end

local job, report = release(version)
print(("%d done, %d skipped"):format(report.done, report.skipped))
local _, second = release(version)
print(("%d done, %d skipped"):format(second.done, second.skipped))

for item in job:results() do print(item.key, item.state, item.attempts) end
for _, failure in ipairs(second.failed) do error(failure.error, 0) end

report = job:rollback()
print(("%d put back, %d failed; acme is there: %s"):format(report.done, #report.failed,
  ns:script "acme":exists()))
