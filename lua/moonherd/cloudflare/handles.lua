-- What the client, namespaces and scripts have in common as handles: a credential that is nowhere
-- in them. Handles get printed, encoded and logged; nothing that walks through one may find a
-- token. Nor may anybody who sets the fields of one send its token elsewhere: where its requests go
-- is kept here, beside the credential.
local M = {}

local connections = setmetatable({}, { __mode = "k" })

--- Gives a client its connection.
---@param client table
---@param connection table  {base=, socket=, ca_file=, headers=, json_headers=}: the base URL, the
---  path of a socket or nil, the certificates to trust or nil, the headers of every request, the
---  credential among them, and those of a request with a JSON body
function M.set_connection(client, connection)
  connections[client] = connection
end

--- The connection of a client; not to be changed.
---@param client table
---@return table connection
function M.connection(client)
  return connections[client]
end

--- The client of a namespace or a script.
---@param handle table
---@return table client
function M.client(handle)
  return handle._client
end

--- Whether a client sends reads alone, and makes its writes on a copy.
---@param client table
---@return boolean
function M.is_dry(client)
  return client._dry_details ~= nil
end

--- The state directory of the embedded platform that a client is for; nil: it is for another place.
---@param client table
---@return string? path
function M.state(client)
  return client._state
end

--- Where a script is.
---@param script table  the handle
---@return table place  {account=, namespace=, script=}: names, as they are now
function M.place(script)
  return {
    account = script._client.account_id, namespace = script._home.name, script = script.name,
  }
end

return M
