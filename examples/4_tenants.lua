-- One Worker for each tenant, sixteen at a time; then what is there.
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "production"

moonherd.map({ "acme", "globex", "initech" }, { concurrency = 16 }, function (tenant)
  ns:script(tenant):upload { dir = "workers/shop", main_module = "index.mjs",
    compatibility_date = "2026-10-01", bindings = { TENANT = tenant } }
end)

for script in ns:scripts() do print(script.name, script:content().main_module) end
