-- script:upload: one table in, one PUT out. A re-upload never loses a secret unless it is told to.
local assets = require "moonherd.cloudflare.assets"
local bindings = require "moonherd.cloudflare.bindings"
local encode = require "moonherd.cloudflare.encode"
local endpoints = require "moonherd.cloudflare.endpoints"
local form = require "moonherd.cloudflare.form"
local moonherd_try = require "moonherd.async".try
local plan = require "moonherd.cloudflare.plan"
local requests = require "moonherd.cloudflare.upload_request"
local transport = require "moonherd.cloudflare.transport"

local M = {}

--- What the API says of a script: script:upload returns it, and script:details as `script`. What it
--- does not say is absent; it may say more than stands here. Times are texts of ISO 8601.
---@class worker
---@field id string  the name of the script
---@field etag string  of this version: another code or another setting has another one
---@field created_on string  when the script was uploaded first
---@field modified_on string  when it was changed last
---@field tags? string[]  at most 10
---@field compatibility_date? string  YYYY-MM-DD
---@field compatibility_flags? string[]  in the order they were given
---@field handlers? string[]  the events it handles, such as "fetch"
---@field named_handlers? table[]  those of its classes: name, handlers
---@field entry_point? string  the name of the main module
---@field has_modules? boolean  false for service-worker syntax
---@field has_assets? boolean  whether it serves static files
---@field logpush? boolean  whether its logs are pushed
---@field usage_model? string  "standard"
---@field observability? table  as it was uploaded
---@field placement? table  as it was uploaded, and where it runs
---@field tail_consumers? table[]  the Workers that get its logs
---@field deployment_id? string  of the upload
---@field last_deployed_from? string  "api", "wrangler", …
---@field tag? string  the API's own name of the script, which stays when it is uploaded again
---@field startup_time_ms? integer  milliseconds that the code took to start
---@field requests? integer  how many HTTP requests the call took
---@field assets? table  of an upload with static files, how many: files, sent, skipped, and bytes
---@field dry_run? boolean  true when nothing was sent; then there are also:
---@field exists? boolean  whether the script is there
---@field diff? table[]  what would change, bindings that would vanish first: path, change ("add",
---  "remove", "change" or "keep"), before, after. No secret is shown
---@field text? string  the same as lines to print

local function put(script, request)
  local body = form.of_code(encode.json(request.fields, requests.WHO), request.modules)
  body.request = request -- a dry run shows what it would change
  local result, _, count = transport.call(script._client, endpoints.put_script, request.query,
    body, script._namespace, script._segment)
  return type(result) == "table" and result or {}, count
end

-- Bindings with a default are inherited first: only the API knows whether there is a live value.
-- What it misses gets its default, and the upload is sent again.
local function put_with_defaults(script, request)
  local count = 0
  while true do
    local result, more = moonherd_try(transport.continue, count, put, script, request)
    if result then return result, count + more end
    local err = more
    if not bindings.use_defaults(request.bindings, err) then error(err, 0) end
    count = err.requests or count
  end
end

local function send(script, request)
  local set = request.bindings
  if set and next(set.defaults) then return put_with_defaults(script, request) end
  return put(script, request)
end

-- They go first: the upload names them by the token of their session.
local function send_assets(script, request)
  if not request.assets then return nil, 0 end
  local field, report, count = assets.field_of(script, request.assets, requests.WHO)
  request.fields.assets = field
  return report, count
end

--- Uploads a script: creates it, or replaces its code, bindings and settings in one request.
--- Secrets and assets that are live are kept unless the options say otherwise.
---@async
---@param script table  the handle
---@param spec table
---@return table result  what the API says, `requests`: how many it took, and `assets`, when files
---  were given: {files=, sent=, skipped=, bytes=}; of a dry run what plan.show gives
function M.upload(script, spec)
  local request = requests.read(spec)
  if request.dry_run then return plan.show(script, request, requests.WHO) end
  local report, before = transport.prepare(send_assets, script, request)
  local result, count = transport.continue(before, send, script, request)
  result.assets, result.requests = report, before + count
  return result
end

return M
