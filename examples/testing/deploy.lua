-- Deploys a Worker for every tenant that is named. Its tests: moonherd test examples/testing
local moonherd = require "moonherd"

if #arg == 0 then
  print "usage: deploy.lua TENANT..."
  os.exit(2)
end

local ns = moonherd.connect():ensure_namespace "tenants"
local report = moonherd.each({ ... }, function (tenant)
  ns:script(tenant):upload {
    script = "addEventListener('fetch', () => {})",
    compatibility_date = "2026-10-01", tags = { "customer:" .. tenant },
  }
end)
for _, entry in ipairs(report.failed) do
  print(("failed %s: %s"):format(entry.item, entry.error.reason))
end
print(("%d deployed, %d failed"):format(report.done, #report.failed))
return #report.failed == 0
