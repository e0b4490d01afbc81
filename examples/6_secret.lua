-- 6_secret.lua: a new value for one secret of every Worker that a tag picks, and of no other.
--   moonherd run --target local examples/6_secret.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "rotation"

for i, plan in ipairs { "pro", "free", "pro" } do
  ns:script("tenant-" .. i):upload {
    modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
    compatibility_date = "2026-10-01",
    bindings = { PAYMENT_KEY = { type = "secret_text", text = "the old key" } },
    tags = { "plan:" .. plan },
  }
end

-- In earnest the new value comes from the environment: os.getenv "NEW_PAYMENT_KEY".
local value = moonherd.hash.hex(moonherd.hash.random(16))
local picked = ns:scripts { tags = { ["plan:pro"] = true } }

local report = moonherd.each(picked, { concurrency = 8 }, function (script)
  script:put_secret("PAYMENT_KEY", value)
  print("rotated", script.name)
end)
for _, failure in ipairs(report.failed) do print(failure.item.name, failure.error) end
print(("%d rotated, %d failed"):format(report.done, #report.failed))
