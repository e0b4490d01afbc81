-- The tags of one script: read, replaced, added to and taken from. Methods of script.lua's handles.
local endpoints = require "moonherd.cloudflare.endpoints"
local json = require "moonherd.json"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"

--- What a script's handle does with its tags.
---@class script
local Script = {}

local function call(script, endpoint, body, tag_segment)
  return (transport.call(script._client, endpoint, nil, body, script._namespace, script._segment,
    tag_segment))
end

--- Lists the tags.
---@async
---@return string[] tags
---@error api script_not_found  when it does not exist
---@example
--- script:put_tags { "plan:pro" }
--- print(script:tags()[1]) --> plan:pro
function Script:tags()
  return call(self, endpoints.get_tags) or {}
end

--- Replaces all tags; an empty list removes them.
---@async
---@param list string[]  at most 10 of at most 1024 bytes, without commas and ampersands
---@return string[] tags  as the API keeps them
---@error usage too_many_tags  above ten
---@error usage bad_tag  empty, not UTF-8, or with a comma, an ampersand or a control character
---@error usage tag_too_large  above 1024 bytes
---@error api script_not_found  when it does not exist
---@example
--- print(#script:put_tags { "customer:7", "plan:pro" }) --> 2
function Script:put_tags(list)
  local body = json.encode(tags.list(list, "script:put_tags"))
  return call(self, endpoints.put_tags, body) or {}
end

--- Adds a tag and keeps the others; one that is there already stays.
---@async
---@param tag string
---@error api too_many_tags  when it would be the eleventh
---@error usage bad_tag  as for put_tags
---@error usage tag_too_large  above 1024 bytes
---@error api script_not_found  when it does not exist
---@example
--- script:put_tags { "plan:pro" }
--- script:add_tag "customer:7"
--- print(#script:tags()) --> 2
function Script:add_tag(tag)
  call(self, endpoints.put_tag, nil, tags.segment(tag, "script:add_tag"))
end

--- Removes a tag and keeps the others; one that is not there is no error.
---@async
---@param tag string
---@error usage bad_tag  as for put_tags
---@error usage tag_too_large  above 1024 bytes
---@error api script_not_found  when it does not exist
---@example
--- script:put_tags { "plan:pro" }
--- script:delete_tag "plan:pro"
--- print(#script:tags()) --> 0
function Script:delete_tag(tag)
  call(self, endpoints.delete_tag, nil, tags.segment(tag, "script:delete_tag"))
end

return Script
