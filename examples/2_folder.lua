-- 2_folder.lua: a folder of modules for one customer, with bindings, a secret and tags.
--   moonherd run --target local examples/2_folder.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "shops"
local shop = ns:script "acme"

shop:upload {
  dir = "workers/shop",                               -- relative to this file
  main_module = "index.mjs",
  compatibility_date = "2026-10-01",
  bindings = {
    TENANT = "Acme",                                  -- a string is a plain_text binding
    PAYMENT_KEY = { type = "secret_text", text = "a value nobody can read back" },
  },
  tags = { "customer:acme", "plan:pro" },
}

-- The next release has no need to know the secret: it keeps the one that is live.
shop:upload {
  dir = "workers/shop",
  main_module = "index.mjs",
  compatibility_date = "2026-10-01",
  bindings = { TENANT = "Acme", CURRENCY = "CHF", PAYMENT_KEY = moonherd.inherit },
}

local details = shop:details().script
print("tags      ", table.concat(details.tags, ", "))
local names = {}
for name in pairs(shop:content().modules) do names[#names + 1] = name end
table.sort(names)
print("modules   ", table.concat(names, ", "))
