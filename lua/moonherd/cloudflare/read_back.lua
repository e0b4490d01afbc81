-- Whether a write that may have been done was done: reads what is live and compares it with what
-- was sent. A rule says "done" only when all that was sent can be seen; what cannot be read (values
-- of secrets, assets) counts as not done, and the same is sent again, which does no harm.
local compare = require "moonherd.cloudflare.compare"
local content_answer = require "moonherd.cloudflare.content_answer"
local endpoints = require "moonherd.cloudflare.endpoints"
local json = require "moonherd.json"
local time = require "moonherd.time"
local url = require "moonherd.cloudflare.url"

local M = {}

-- Clocks of two machines differ by less, if they are set at all.
local SKEW <const> = 60

local NOT_FOUND = {
  script_not_found = true, namespace_not_found = true, binding_not_found = true,
}

-- What a read gives; nil when there is no such thing.
local function read(call, endpoint, a, b)
  local ok, result = pcall(call.read, call, endpoint, a, b)
  if ok then return result end
  if type(result) == "table" and NOT_FOUND[result.reason] then return nil end
  error(result, 0)
end

local function read_here(call, endpoint)
  return read(call, endpoint, call.a, call.b)
end

local function live_content(call)
  local response = read_here(call, endpoints.get_content)
  return response and content_answer.read(response)
end

-- ---- scripts -----------------------------------------------------------------------------------

-- What script:details shows is all that is known of the result then.
local function details(call)
  local result = read_here(call, endpoints.get_script)
  return result ~= nil, result and result.script
end

local function put_script(call)
  local sent = json.decode(call.body.metadata)
  if not compare.can_be_shown(sent) then return false end
  local live = read_here(call, endpoints.get_settings)
  if not live or not compare.is_upload(sent, live) then return false end
  local content = live_content(call)
  if not content or not compare.is_code(sent, call.body.modules, content) then return false end
  return details(call)
end

local function put_content(call)
  local content = live_content(call)
  local sent = json.decode(call.body.metadata)
  if not content or not compare.is_code(sent, call.body.modules, content) then return false end
  return details(call)
end

local function patch_settings(call)
  local sent = json.decode(call.body.metadata)
  if not compare.can_be_shown(sent) then return false end
  local live = read_here(call, endpoints.get_settings)
  return live ~= nil and compare.is_patch(sent, live), live
end

-- ---- tags --------------------------------------------------------------------------------------

local function put_tags(call)
  local live = read_here(call, endpoints.get_tags) or {}
  return compare.is_same_set(json.decode(call.body), live), live
end

-- Whether the tag of the path is live.
local function has_tag(call)
  for _, tag in ipairs(read_here(call, endpoints.get_tags) or {}) do
    if url.encode(tag) == call.c then return true end
  end
  return false
end

local function put_tag(call) return has_tag(call) end
local function delete_tag(call) return not has_tag(call) end

-- ---- namespaces --------------------------------------------------------------------------------

-- Whether a namespace may be the work of this call: one that was there before is not.
local function is_new(live, call)
  local is_time, created = pcall(time.parse, live.created_on)
  return is_time and created >= call.began - SKEW
end

local function create_namespace(call)
  local name = json.decode(call.body).name
  local live = read(call, endpoints.get_namespace, url.encode(name))
  return live ~= nil and is_new(live, call), live
end

-- A rename is done when the new name is there and the old one is not.
local function change_namespace(call)
  local sent = json.decode(call.body)
  local segment = sent.name and url.encode(sent.name) or call.a
  local live = read(call, endpoints.get_namespace, segment)
  if not live then return false end
  local is_as_sent = sent.trusted_workers == nil or live.trusted_workers == sent.trusted_workers
  local is_gone = segment == call.a or read(call, endpoints.get_namespace, call.a) == nil
  return is_as_sent and is_gone, live
end

-- ---- all ---------------------------------------------------------------------------------------

local RULES = {
  [endpoints.put_script] = put_script,
  [endpoints.put_content] = put_content,
  [endpoints.patch_settings] = patch_settings,
  [endpoints.put_tags] = put_tags,
  [endpoints.put_tag] = put_tag,
  [endpoints.delete_tag] = delete_tag,
  [endpoints.create_namespace] = create_namespace,
  [endpoints.put_namespace] = change_namespace,
  [endpoints.patch_namespace] = change_namespace,
}

--- Whether a write that may have been done may be sent again, after a look when there is a rule.
---@param endpoint table  its row
---@return boolean
function M.may_send_again(endpoint)
  if endpoint.once then return false end
  return endpoint.class ~= "create" or RULES[endpoint] ~= nil
end

--- Looks whether a write was done.
---@async
---@param call table  see retry.lua
---@param refusal? table  what a later attempt was told: a delete that finds nothing was done before
---@return boolean is_done
---@return any result  as the call gives it
function M.look(call, refusal)
  if call.endpoint.class == "delete" and refusal and NOT_FOUND[refusal.reason] then
    return not call.endpoint.once
  end
  local rule = RULES[call.endpoint]
  if not rule then return false end
  return rule(call)
end

return M
