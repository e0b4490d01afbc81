-- Finds what a path names, and refuses in the order the service does: a namespace that is not there
-- before a script that is not there.

local errors = require "moonherd.platform.errors"
local names = require "moonherd.platform.names"

local M = {}

--- The account and the namespace's name, which is one that can exist.
function M.namespace(call)
  local parameters = call.parameters
  if not names.is_valid(parameters.namespace) then
    errors.invalid "The namespace's name is not valid"
  end
  return parameters.account, parameters.namespace
end

--- As `namespace`, for calls that need it to be there; its row is returned too.
function M.present_namespace(call)
  local account, namespace = M.namespace(call)
  local row = call.store:find_namespace(account, namespace)
  if not row then
    errors.refuse(100119)
  end
  return account, namespace, row
end

-- The account, namespace and script of a path.
local function script(call)
  local account, namespace = M.namespace(call)
  local name = call.parameters.script
  if not names.is_valid(name) then
    M.present_namespace(call)
    errors.refuse(10016)
  end
  return account, namespace, name
end

-- Calls a method of the store that finds something by account, namespace and script.
local function find(call, method)
  local found, more = call.store[method](call.store, script(call))
  if not found then
    errors.refuse(100119)
  end
  return found, more
end

-- The same for calls that need the script to be there.
local function find_present(call, method)
  local found, more = find(call, method)
  if not found.id then
    errors.refuse(10007)
  end
  return found, more
end

--- What changes of a script wait for each other by.
function M.key(call)
  local parameters = call.parameters
  return table.concat({ parameters.account, parameters.namespace, parameters.script }, "/")
end

--- What is shown of a script; without `id` when there is no such script.
function M.document(call)
  local row = find(call, "find_document")
  local lag = call.platform.lag
  return lag and lag:view(M.key(call), row) or row
end

--- What is shown of a script that is there.
function M.present_document(call)
  return find_present(call, "find_document")
end

--- What a change of a script is decided on; without `id` when there is no such script.
function M.state(call)
  return find(call, "find_state")
end

--- What a change of a script that is there is decided on.
function M.present_state(call)
  return find_present(call, "find_state")
end

--- The code and the modules of a script that is there.
function M.content(call)
  return find_present(call, "find_content")
end

return M
