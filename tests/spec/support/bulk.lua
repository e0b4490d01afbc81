-- For the specs of jobs and bulk verbs: a client and the options of an upload.
local json = require "moonherd.json"
local link = require "moonherd._platform"
local moonherd = require "moonherd"

local M = {}

--- A client of a platform of its own. It holds its state until the program ends: that stays where
--- the build is.
function M.connect(opts)
  local name = os.tmpname()
  os.remove(name)
  local state = (os.getenv "B" or "build") .. "/tests" .. name
  return moonherd.connect { target = "local", state = state, retry = opts and opts.retry }
end

--- A client in a dry run, of the same platform.
function M.connect_dry(client)
  local dry = moonherd.connect { target = "local", state = client._state, dry_run = true }
  dry:create_namespace "the first write starts the platform that answers"
  return dry
end

--- One request to a control route of a client's platform.
function M.control(client, method, path, body)
  local socket, token = link.socket(client._state)
  return json.decode(moonherd.http.request {
    method = method, url = "http://localhost/moonherd/" .. path, unix_socket = socket,
    body = body and json.encode(body),
    headers = { authorization = "Bearer " .. token, ["content-type"] = "application/json" },
  }.body).result
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
