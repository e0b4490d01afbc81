-- 14_settings.lua: settings with types from a .env file, and a secret that nothing shows.
--   moonherd run --target local examples/14_settings.lua
local moonherd = require "moonherd"
local env = moonherd.env

local file <close> = moonherd.fs.temp_file { suffix = ".env", bytes = [[
# what a deployment needs
export SHOP_REGIONS="eu, us"
SHOP_TIMEOUT=2m          # seconds, or text with a unit
SHOP_DEBUG=no
SHOP_KEY='a key that must not be shown'
]] }
env.load(file.path) -- what the environment has set already stays

print(table.concat(env.get("SHOP_REGIONS", { type = "list" }), "+"))
print(env.get("SHOP_TIMEOUT", { type = "duration" }), env.get("SHOP_DEBUG", { type = "boolean" }))
print(env.get("SHOP_RETRIES", { type = "integer", default = 3 }))

local key = env.get("SHOP_KEY", { type = "secret", required = true })
print(key)

local ns = moonherd.connect():ensure_namespace "settings"
ns:script "shop":upload {
  modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
  compatibility_date = "2026-10-01", bindings = { KEY = key },
}
print(ns:script "shop":bindings()[1].type)

-- A program gets it; what goes wrong there does not show it.
local script = "echo \"bad key: $KEY\" >&2; exit 1"
local _, err = moonherd.try(moonherd.sh, { "sh", "-c", script }, { env = { KEY = key } })
print(err.stderr)

_, err = moonherd.try(env.get, "SHOP_OWNER", { required = true })
print(err)
