-- 7_offboard.lua: a customer leaves. All their Workers go, and nothing else: first a dry run, then
-- the same again with the number it found, so that what has changed in between stops it.
--   moonherd run --target local examples/7_offboard.lua [CUSTOMER]
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "customers"
local customer = arg[1] or "acme"

for _, name in ipairs { "acme-shop", "acme-blog", "acmestore" } do
  ns:script(name):upload {
    modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
    compatibility_date = "2026-10-01",
    tags = { "customer:" .. (name:match "^(%w+)%-" or "other") },
  }
end

local theirs = { ["customer:" .. customer] = true }
local plan = ns:delete_scripts { tags = theirs, dry_run = true }
print(("would delete %d: %s"):format(plan.count, table.concat(plan.names, ", ")))

local gone = ns:delete_scripts { tags = theirs, expect = plan.count }
print(("deleted %d"):format(gone.count))
for script in ns:scripts() do print("left", script.name) end

-- A filter that asks for nothing would mean everything, and has to say so.
local _, err = moonherd.try(ns.delete_scripts, ns, { tags = { archived = false } })
print(err.message)
