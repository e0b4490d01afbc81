-- The tags of one script: read, replaced, added to and taken from. script.lua documents the calls.
local endpoints = require "moonherd.cloudflare.endpoints"
local json = require "moonherd.json"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"

local M = {}

local function call(script, endpoint, body, tag_segment)
  return (transport.call(script._client, endpoint, nil, body, script._namespace, script._segment,
    tag_segment))
end

--- The tags of a script.
---@async
---@param script table  the handle
---@return string[] tags
function M.get(script)
  return call(script, endpoints.get_tags) or {}
end

--- Replaces them.
---@async
---@param script table  the handle
---@param list string[]
---@return string[] tags
function M.put(script, list)
  local body = json.encode(tags.list(list, "script:put_tags"))
  return call(script, endpoints.put_tags, body) or {}
end

--- Adds one.
---@async
---@param script table  the handle
---@param tag string
function M.add(script, tag)
  call(script, endpoints.put_tag, nil, tags.segment(tag, "script:add_tag"))
end

--- Removes one.
---@async
---@param script table  the handle
---@param tag string
function M.delete(script, tag)
  call(script, endpoints.delete_tag, nil, tags.segment(tag, "script:delete_tag"))
end

return M
