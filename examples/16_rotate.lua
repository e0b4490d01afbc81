-- 16_rotate.lua: a new secret for every Worker of a plan. First a dry run, then the same with the
-- number it found. The ledger knows the value by a keyed digest: a second run writes nothing.
--   API_KEY=… moonherd run --target local examples/16_rotate.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "rotation"
local value = moonherd.log.hide(os.getenv "API_KEY" or "sk_demo_51H8f")

for name, plan in pairs { acme = "pro", globex = "pro", initech = "free" } do
  ns:script(name):upload {
    modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
    compatibility_date = "2026-10-01", tags = { "plan:" .. plan },
  }
end

local filter, state <close> = { "plan:pro" }, moonherd.fs.temp_dir()
local plan = ns:rotate_secret(filter, "API_KEY", value, { dry_run = true })
print("would rotate: " .. table.concat(plan.names, ", "))

for _ = 1, 2 do
  local report = ns:rotate_secret(filter, "API_KEY", value, {
    expect = plan.done, concurrency = 16, ledger = moonherd.fs.join(state.path, "rotation.db"),
  })
  print(("%d done, %d skipped, %d failed"):format(report.done, report.skipped, #report.failed))
end

for script in ns:scripts() do print(script.name, #script:secrets()) end
