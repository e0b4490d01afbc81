-- 9_copy.lua: a namespace copied into another one: code, bindings, settings and tags. Values of
-- secrets cannot be read, so the copy says which ones it lacks.
--   moonherd run --target local examples/9_copy.lua
local moonherd = require "moonherd"
local client = moonherd.connect()
local from, to = client:ensure_namespace "production", client:ensure_namespace "rehearsal"

from:script "shop":upload {
  dir = "workers/shop", main_module = "index.mjs", compatibility_date = "2026-10-01",
  tags = { "customer:acme" }, observability = { enabled = true },
  bindings = { TENANT = "Acme", API_KEY = { type = "secret_text", text = "nobody reads it" } },
}
from:script "old":upload {
  script = moonherd.read "workers/legacy/worker.js", compatibility_date = "2026-10-01",
}

local IS_SECRET = { secret_text = true, secret_key = true }

for script, info in from:scripts { include = { "content", "settings" } } do
  local spec, bindings, missing = info.content, {}, {}
  for _, binding in ipairs(info.settings.bindings) do
    table.insert(IS_SECRET[binding.type] and missing or bindings, binding)
  end
  spec.etag, spec.bindings, spec.tags = nil, bindings, info.settings.tags
  for _, name in ipairs { "compatibility_date", "compatibility_flags", "observability" } do
    spec[name] = info.settings[name]
  end
  local copy = to:script(script.name):upload(spec)
  print(copy.id, copy.etag == info.script.etag and "the same code" or "other code")
  for _, binding in ipairs(missing) do print("", "lacks the secret " .. binding.name) end
end
