-- The gate of a client that may change nothing (--read-only, connect{read_only=true}): reads go
-- through, everything else is refused before a byte is sent. The transport calls it for every call.
local errors = require "moonherd.error"
local transport = require "moonherd.cloudflare.transport"

local M = {}

--- A gate: what the transport calls in place of sending.
---@async
---@param client table
---@param endpoint table  its row
---@param path string
---@param ... any  the further arguments of transport.send
---@return any result
---@return table envelope
---@error usage read_only  for every call that is no read
function M.gate(client, endpoint, path, ...)
  if endpoint.class == "read" then return transport.send(client, endpoint, path, ...) end
  errors.raise {
    kind = "usage", reason = "read_only", method = endpoint.method, path = path,
    outcome = "not_applied",
    message = ("%s %s is refused: the run is read-only"):format(endpoint.method, path),
    hint = "nothing was sent; take out --read-only, or see what would change with --dry-run",
  }
end

return M
