-- 11_dry_run.lua: what would an upload change? Nothing is sent; what would vanish comes first.
--   moonherd run --target local examples/11_dry_run.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "plans"
local script = ns:script "acme"

script:upload {
  modules = { ["worker.mjs"] = "export default { fetch() { return new Response('one') } }" },
  compatibility_date = "2025-10-01",
  bindings = {
    MODE = "live", CURRENCY = "CHF",
    API_KEY = { type = "secret_text", text = "nobody reads it" },
  },
}

local plan = script:upload {
  modules = { ["worker.mjs"] = "export default { fetch() { return new Response('two') } }" },
  compatibility_date = "2026-10-01",
  bindings = { MODE = "test" },
  dry_run = true,
}
print(plan.text)
