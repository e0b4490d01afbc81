-- The gate of a client in a dry run (--dry-run, connect{dry_run=true}). Reads go to the target. A
-- write is told in one line of the log and made on a scratch platform, the embedded one on a
-- temporary folder, and what that answers is the answer. Before the first write to a script or a
-- namespace, what is live of it is copied there (mirror.lua), so that the answer is the one the
-- target would give. Nothing but reads is ever sent to the target.
--
-- Clients of one account at one place share a scratch platform: each sees the writes of the others.
local async = require "moonherd.async"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local handles = require "moonherd.cloudflare.handles"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local lines = require "moonherd.cloudflare.dry_line"
local log = require "moonherd._log"
local mirror = require "moonherd.cloudflare.mirror"
local platform = require "moonherd._platform"
local task = require "moonherd._task"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

local NAMESPACES = "^(/accounts/([^/]+)/workers/dispatch/namespaces)(.*)$"
local ASSETS = "/accounts/[^/]+/workers/assets/upload"

-- ---- scratch platforms -------------------------------------------------------------------------

local Scratch = {}
Scratch.__index = Scratch

local scratches = {}

-- The scratch platform of a client's account; it starts at the first write.
local function scratch_of(client, connect)
  local connection = handles.connection(client)
  local place = connection.base .. (connection.socket or "") .. "/" .. client._account
  if not scratches[place] then
    scratches[place] = setmetatable({
      connect = connect, done = {}, live = {}, made = {}, ids = {},
    }, Scratch)
  end
  return scratches[place]
end

--- Runs `f` once for a key, whoever asks for it; those who come meanwhile wait. When it fails, the
--- next one tries again.
---@async
---@param key string
---@param f function  called with the scratch platform and what follows
---@param ... any
function Scratch:once(key, f, ...)
  local done = self.done
  while done[key] and done[key] ~= true do done[key]:wait "what is live" end
  if done[key] then return end
  local waiters = task.waitlist()
  done[key] = waiters
  local ok, err = pcall(f, self, ...)
  done[key] = ok or nil
  waiters:wake()
  if not ok then error(err, 0) end
end

local function open(self)
  local dir, err = platform.scratch_dir()
  if not dir then error(err, 0) end
  self.client = self.connect(dir .. "/" .. hash.uuid())
end

--- The segment under which the target knows a namespace: a dry run may have renamed it.
---@param segment string  encoded
---@return string segment
function Scratch:live_name(segment)
  return self.live[segment] or segment
end

-- A namespace was renamed: reads of the new name are reads of the old one. One that was made in the
-- dry run is made under its new name.
local function rename(self, old, new)
  local live, is_made = self:live_name(old), self.made[old]
  self.live[old], self.made[old] = nil, nil
  self.made[new] = is_made
  self.live[new] = live ~= new and live or nil
end

-- ---- paths -------------------------------------------------------------------------------------

-- What a path names: {base=, namespace=, below=, script=, is_list=}, the segments encoded as they
-- are in it; nil when it is none of a dispatch namespace of the account.
local function place_of(client, path)
  local base, account, rest = path:match(NAMESPACES)
  if account ~= client._account then return nil end
  local namespace, below = rest:match "^/([^/?]+)(.*)$"
  return {
    base = base, namespace = namespace, below = below,
    script = below and below:match "^/scripts/([^/?]+)",
    is_list = below ~= nil and below:find "^/scripts/?$" ~= nil,
  }
end

-- Who answers a read, and the path by which that one knows it: the target, unless a namespace was
-- made in the dry run.
local function source_of(self, client, path)
  local place = (next(self.live) or next(self.made)) and place_of(client, path)
  local namespace = place and place.namespace
  if not namespace then return client, path end
  if self.made[namespace] then return self.client, path end
  local live = self.live[namespace]
  return client, live and ("%s/%s%s"):format(place.base, live, place.below) or path
end

-- ---- writes ------------------------------------------------------------------------------------

-- The name in the body of a write to a namespace, encoded; nil when it gives none.
local function named_in(body)
  local ok, fields = pcall(json.decode, type(body) == "string" and body or "")
  local name = ok and type(fields) == "table" and fields.name
  return type(name) == "string" and name ~= "" and url.encode(name) or nil
end

-- Copies what the write may meet.
local function prepare(self, client, place, method, query, new_name)
  if place.namespace then mirror.namespace(self, client, place.namespace) end
  if new_name then mirror.namespace(self, client, new_name) end
  if place.script then
    mirror.script(self, client, place.namespace, place.script)
  elseif place.is_list and method == "DELETE" then
    mirror.list(self, client, place.namespace, query:match "[?&]tags=([^&]*)")
  end
end

local function refuse(endpoint, path)
  errors.raise {
    kind = "usage", reason = "not_in_dry_run", method = endpoint.method, path = path,
    outcome = "not_applied",
    message = ("%s %s cannot be answered in a dry run"):format(endpoint.method, path),
    hint = "a dry run knows dispatch namespaces and what is in them; nothing was sent",
  }
end

-- A bulk delete tells scripts by their ids: those of the copies are not the live ones.
local function with_live_ids(self, result)
  for _, entry in ipairs(type(result) == "table" and result.deleted or {}) do
    if type(entry) == "table" then entry.id = self.ids[entry.id] or entry.id end
  end
end

local function write(self, client, endpoint, path, query, body, a, b, c)
  self:once("scratch", open)
  local place = place_of(client, path)
  if not place and not path:find("^" .. ASSETS) then return refuse(endpoint, path) end
  local is_whole = place and not place.script and not place.is_list
  local new_name = is_whole and named_in(body) or nil
  if place then prepare(self, client, place, endpoint.method, query, new_name) end
  lines.write(self.client, endpoint, path, query, body, place or {})
  local result, envelope, requests = transport.send(self.client, endpoint, path, query, body,
    a, b, c)
  if new_name and place.namespace then rename(self, place.namespace, new_name) end
  if new_name and not place.namespace then self.made[new_name] = true end
  if place and place.is_list then with_live_ids(self, result) end
  return result, envelope, requests
end

--- Makes the gate of a client.
---@param client table  its account and place are set
---@param connect fun(state: string): table  connects to the embedded platform on a state directory
---@return function gate  what the transport calls in place of sending
---@return function details  of a script handle: as a dry run would leave it, without waiting
function M.gate(client, connect)
  local self = scratch_of(client, connect)
  log.write("info", "dry run: nothing but reads is sent to " .. client.target)
  local function gate(sender, endpoint, path, query, body, a, b, c)
    if endpoint.class ~= "read" then
      return write(self, sender, endpoint, path, query, body, a, b, c)
    end
    local source, there = source_of(self, sender, path)
    return transport.send(source, endpoint, there, query, body, a, b, c)
  end
  local function details(script)
    local from = self.client or client
    local found = async.try(transport.call, from, endpoints.get_script, nil, nil,
      script._namespace, script._segment)
    return found or script:details()
  end
  return gate, details
end

return M
