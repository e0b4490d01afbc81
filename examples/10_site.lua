-- 10_site.lua: a folder becomes a site. Only files that the namespace does not have are sent.
--   moonherd run --target local examples/10_site.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "sites"
local site = ns:script "bakery"

local function deploy()
  local result = site:upload {
    compatibility_date = "2026-10-01",
    assets = { dir = "workers/site", not_found_handling = "404-page" },
  }
  return result.assets, result.requests
end

if site:exists() then site:delete() end
local first = deploy()
print(first.files .. " files")

local again, requests = deploy()
print(("again: %d sent, %d requests"):format(again.sent, requests))

-- The Worker in front of it comes later, and keeps the files.
site:upload {
  modules = { ["index.mjs"] = "export default { fetch: (r, env) => env.ASSETS.fetch(r) }" },
  compatibility_date = "2026-10-01", bindings = { ASSETS = { type = "assets" } },
}
local script = site:details().script
print(script.has_assets, script.has_modules)
