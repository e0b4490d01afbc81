-- A dry run of script:upload: reads what is live, compares it with what would be sent, sends
-- nothing. Three reads for a script that is there (two when no code is given), one for a new one.
local async = require "moonherd.async"
local content = require "moonherd.cloudflare.content"
local diff = require "moonherd.cloudflare.diff"
local endpoints = require "moonherd.cloudflare.endpoints"
local plan_text = require "moonherd.cloudflare.plan_text"
local settings = require "moonherd.cloudflare.settings"
local transport = require "moonherd.cloudflare.transport"

local M = {}

local NO_CODE = { modules = {} }
local NOTHING = { exists = false, requests = 1, details = {}, settings = {}, content = NO_CODE }

local function details_of(script)
  return transport.call(script._client, endpoints.get_script, nil, nil, script._namespace,
    script._segment).script
end

-- What is live. A namespace that is missing is an error: the upload would fail.
local function read_live(script, has_code)
  local details, err = async.try(details_of, script)
  if not details then
    if err.reason == "script_not_found" then return NOTHING end
    error(err, 0)
  end
  local live = { exists = true, requests = has_code and 3 or 2, details = details }
  live.settings, live.content = async.gather(
    function () return settings.get(script) end,
    function () return has_code and content.get(script) or NO_CODE end)
  return live
end

local function append(list, more)
  return table.move(more, 1, #more, #list + 1, list)
end

local function compare(live, request, who)
  local fields = request.fields
  local tags = live.settings.tags or live.details.tags
  local list = diff.bindings(live.settings.bindings or {}, request, who)
  append(list, diff.settings(live.settings, fields))
  append(list, diff.migrations(live.details.migration_tag, fields))
  append(list, diff.code(live.content, request))
  append(list, diff.tags(tags, fields.tags))
  return append(list, diff.assets(live.details.has_assets == true, request))
end

--- What an upload would change.
---@async
---@param script table  the handle
---@param request table  of upload_request
---@param who string  the public name of the function
---@return table result  {dry_run=true, exists=, diff=, text=, requests=}
---@error api binding_not_found  when what shall be inherited is not live
function M.show(script, request, who)
  local live = read_live(script, #request.modules > 0)
  local list = compare(live, request, who)
  return {
    dry_run = true, exists = live.exists, requests = live.requests, diff = list,
    text = plan_text.render(tostring(script), live.exists, list),
  }
end

return M
