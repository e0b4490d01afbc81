-- 8_audit.lua: which Workers have an old compatibility date or write no logs? Tags those, and puts
-- right what can be put right without a new release.
--   moonherd run --target local examples/8_audit.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "audit"

local function upload(name, date, logs)
  ns:script(name):upload {
    modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
    compatibility_date = date, observability = { enabled = logs }, tags = { "plan:pro" },
  }
end
upload("antique", "2022-03-01", true)
upload("silent", "2026-10-01", false)
upload("sound", "2026-10-01", true)

for script, info in ns:scripts { include = { "settings" }, concurrency = 16 } do
  local settings = info.settings
  if settings.compatibility_date < "2025-01-01" then
    script:add_tag "needs:compat"
    print(script.name, "is from " .. settings.compatibility_date)
  end
  if not settings.observability.enabled then
    script:patch_settings { observability = { enabled = true } }
    print(script.name, "writes logs from now on")
  end
end

for script in ns:scripts { tags = { "needs:compat" } } do
  print("to be rebuilt:", script.name, table.concat(script:tags(), " "))
end
