-- What scripts see of the fleet: moonherd.job, and the bulk verbs, which become methods of a
-- namespace here. The client does not know this layer; it offers one hook, namespace.extend. The
-- parts are loaded at their first use.
local client = require "moonherd.cloudflare"
local namespace = require "moonherd.cloudflare.namespace"

local M = { connect = client.connect }

local VERBS = { "upload_all", "tag", "rotate_secret", "patch_all", "delete_scripts" }

for _, name in ipairs(VERBS) do
  namespace.extend(name, function (self, ...)
    return require "moonherd.fleet.verbs"[name](self, ...)
  end)
end

return M
