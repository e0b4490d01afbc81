-- What the client, namespaces and scripts have in common as handles: methods that say so when they
-- are called with a dot, and a credential that is nowhere in them. Handles get printed, encoded and
-- logged; nothing that walks through one may find a token. Nor may anybody who sets the fields of
-- one send its token elsewhere: where its requests go is kept here, beside the credential.
local errors = require "moonherd.error"

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

--- Where a script is.
---@param script table  the handle
---@return table place  {account=, namespace=, script=}: names, as they are now
function M.place(script)
  return {
    account = script._client.account_id, namespace = script._home.name, script = script.name,
  }
end

--- A method that refuses to work on anything but a handle of its class.
---@param class table  the metatable of the handles
---@param what string  what a handle is called: "script"
---@param name string  of the method
---@param method function
---@return function guarded
function M.method(class, what, name, method)
  return function (self, ...)
    if getmetatable(self) == class then return method(self, ...) end
    return errors.usage("%s:%s: no %s before the name; call it with a colon, %s:%s(…)", what, name,
      what, what, name)
  end
end

--- Makes the methods of a class refuse to work on anything but a handle of that class. Called with
--- a dot, a method would take its first argument for the handle, and tell about the second one.
---@param class table  the metatable of the handles, its methods in place
---@param what string  what a handle is called: "script"
function M.guard(class, what)
  local methods = {}
  for name, value in pairs(class) do
    if type(value) == "function" and name:sub(1, 2) ~= "__" then methods[name] = value end
  end
  for name, method in pairs(methods) do class[name] = M.method(class, what, name, method) end
end

return M
