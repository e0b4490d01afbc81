-- For the specs of jobs and bulk verbs: a client and the options of an upload.
local moonherd = require "moonherd"

local M = {}

--- A client of a platform of its own. It holds its state until the program ends: that stays where
--- the build is.
function M.connect()
  local name = os.tmpname()
  os.remove(name)
  local state = (os.getenv "B" or "build") .. "/tests" .. name
  return moonherd.connect { target = "local", state = state }
end

--- A client in a dry run, of the same platform.
function M.connect_dry(client)
  local dry = moonherd.connect { target = "local", state = client._state, dry_run = true }
  dry:create_namespace "the first write starts the platform that answers"
  return dry
end

--- The options of an upload, with more of them.
function M.spec(more)
  local spec = {
    modules = { ["a.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
  }
  for name, value in pairs(more or {}) do spec[name] = value end
  return spec
end

return M
