-- What has just been made is not seen everywhere at once: for some seconds the API may say of a new
-- namespace, or of what a binding names, that it does not exist. Remembers what a client has made,
-- and says how long such an answer is not to be believed.
local backoffs = require "moonherd.backoff"
local clock = require "moonherd._clock"
local endpoints = require "moonherd.cloudflare.endpoints"
local json = require "moonherd.json"
local url = require "moonherd.cloudflare.url"

local M = {}

local BOUND <const> = 30                    -- seconds after the making
local FIRST_PAUSE <const>, LONGEST_PAUSE <const> = 0.25, 4

local NO_NAMESPACE <const> = 100119

-- "The thing that the binding names does not exist": another call of the script may have made it.
local NO_TARGET = {
  [10041] = true, [10061] = true, [10085] = true, [10144] = true, [10157] = true, [10159] = true,
  [10181] = true, [11000] = true, [100143] = true,
}

local function forget_old(made, now)
  for segment, time in pairs(made) do
    if now - time > BOUND then made[segment] = nil end
  end
end

-- Of one that was renamed the old name is gone.
local function note_namespace(client, name, old_segment, now)
  local made = client._made_namespaces or {}
  client._made_namespaces = made
  forget_old(made, now)
  if old_segment then made[old_segment] = nil end
  made[url.encode(name)] = now
end

-- The name in the body of a call that makes or renames a namespace.
local function name_in(endpoint, body)
  if endpoint.names ~= "namespace" then return nil end
  return json.decode(body).name
end

--- Takes down that a call has made something, or removed a namespace.
---@param client table
---@param endpoint table  its row
---@param body? string|table  what was sent
---@param a? string  the namespace of the path, encoded
function M.note(client, endpoint, body, a)
  if endpoint == endpoints.delete_namespace then
    if client._made_namespaces then client._made_namespaces[a] = nil end
    return
  end
  local now = clock.now()
  client._made_at = now
  local name = name_in(endpoint, body)
  if name then note_namespace(client, name, a, now) end
end

--- A change of a namespace failed that may have been done: from now on it is believed that it does
--- not exist under the name it had.
---@param client table
---@param endpoint table  its row
---@param path string  what was sent
function M.doubt(client, endpoint, path)
  local made = client._made_namespaces
  if made and endpoint.is_noted and endpoint.scope == "namespace" then
    made[path:match "[^/]*$"] = nil
  end
end

-- When that which is said not to exist was made.
local function made_at(call, code)
  local client = call.client
  if code == NO_NAMESPACE then
    return client._made_namespaces and client._made_namespaces[call.a]
  end
  return NO_TARGET[code] and client._made_at
end

--- How long to wait before a call is made again that was told of something that it does not exist;
--- nil when that is to be believed.
---@param call table  `unseen` counts how often it was told so
---@param err table
---@return number? seconds
function M.pause(call, err)
  local time = made_at(call, err.code)
  if not time or clock.now() - time >= BOUND then return nil end
  call.unseen = (call.unseen or 0) + 1
  return backoffs.pause(call.unseen, FIRST_PAUSE, LONGEST_PAUSE)
end

return M
