-- What scripts see: `local moonherd = require "moonherd"`. Parts are loaded at their first use.
local async = require "moonherd.async"

local M = {}
for name, value in pairs(async) do M[name] = value end

-- name -> the module it is, or {module, name in the module}
local PARTS = {
  args = { "moonherd.args", "parse" },
  channel = { "moonherd.channel", "new" },
  connect = { "moonherd.fleet", "connect" },
  dump = { "moonherd._events", "dump" },
  emit = { "moonherd.events", "emit" },
  env = "moonherd.env",
  fs = "moonherd.fs",
  hash = "moonherd.hash",
  http = "moonherd.http",
  inherit = "moonherd.cloudflare.inherit",
  inspect = { "moonherd.inspect", "inspect" },
  job = { "moonherd.fleet.job", "new" },
  json = "moonherd.json",
  keep = { "moonherd.events", "keep" },
  kept = { "moonherd.events", "kept" },
  limit = { "moonherd.limit", "new" },
  log = "moonherd.log",
  multipart = "moonherd.multipart",
  null = { "moonherd.json", "null" },
  off = { "moonherd.events", "off" },
  on = { "moonherd.events", "on" },
  progress = { "moonherd.progress", "new" },
  prompt = "moonherd.prompt",
  read = { "moonherd._script", "read" },
  read_json = { "moonherd._script", "read_json" },
  read_wrangler = { "moonherd.wrangler", "read" },
  retry = { "moonherd.retry", "run" },
  secret = { "moonherd.secret", "new" },
  serve = { "moonherd.serve", "run" },
  sh = { "moonherd.sh", "run" },
  sqlite = "moonherd.sqlite",
  time = "moonherd.time",
  write = { "moonherd._script", "write" },
}

return setmetatable(M, {
  parts = PARTS, -- for those who list what there is
  __index = function (self, name)
    local part = PARTS[name]
    if part == nil then return nil end
    local value
    if type(part) == "string" then
      value = require(part)
    else
      value = require(part[1])[part[2]]
    end
    self[name] = value
    return value
  end,
})
