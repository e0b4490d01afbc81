-- script:upload: one table in, one PUT out. What the API would drop without a word is refused here,
-- and a re-upload never loses a secret unless it is told to.
local bindings = require "moonherd.cloudflare.bindings"
local codes = require "moonherd.cloudflare.code"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local form = require "moonherd.cloudflare.form"
local json = require "moonherd.json"
local metadata = require "moonherd.cloudflare.metadata"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"

local M = {}

local WHO = "script:upload"
local SECRETS = { "secret_text", "secret_key" }

-- ---- options -----------------------------------------------------------------------------------

local function check_keep(types)
  if type(types) ~= "boolean" or types == false then return nil end
  return 'it is a list of binding types: {"secret_text", "secret_key"}, or false'
end

local OPTIONS = {
  { "bindings", "table" },
  { "keep_bindings", "list|boolean", default = SECRETS, check = check_keep },
  { "bindings_inherit", "string|boolean", default = "strict", one_of = { "strict" } },
}
table.move(codes.OPTIONS, 1, #codes.OPTIONS, #OPTIONS + 1, OPTIONS)
table.move(metadata.OPTIONS, 1, #metadata.OPTIONS, #OPTIONS + 1, OPTIONS)

local read = options.reader(WHO, OPTIONS, {
  vars = "variables are bindings: bindings = {NAME = \"text\"}",
  env = "variables are bindings: bindings = {NAME = \"text\"}",
  secrets = "secrets are bindings: bindings = {NAME = {type = \"secret_text\", text = …}}",
  crons = "scripts of a namespace have no cron triggers of their own",
  routes = "scripts of a namespace have no routes; the dispatcher calls them",
})

local function check_together(opts)
  if not opts.compatibility_date then
    errors.usage("%s: option 'compatibility_date' is missing (without it the API takes 2021-11-02)",
      WHO)
  end
  if opts.migrations and opts.exports then
    errors.usage("%s: migrations and exports are two ways to declare classes; give one", WHO)
  end
  if opts.tags then tags.check(opts.tags, WHO) end
end

-- ---- the metadata ------------------------------------------------------------------------------

-- Types whose bindings survive without being named.
local function kept_types(opts, set)
  local keep = set and set.keep or opts.keep_bindings
  return keep and #keep > 0 and metadata.as_list(keep) or nil
end

local function metadata_of(opts, code, set)
  local fields = {
    main_module = code.main_module, body_part = code.body_part,
    bindings = set and set.list, keep_bindings = kept_types(opts, set),
  }
  for _, descriptor in ipairs(metadata.OPTIONS) do fields[descriptor[1]] = opts[descriptor[1]] end
  return fields
end

-- Strict: an inherited binding that is not live is an error, not left out.
local STRICT = "?bindings_inherit=strict"

local function query_of(opts, set)
  if opts.bindings_inherit then return STRICT end
  if set and next(set.defaults) then
    errors.usage("%s: moonherd.inherit{default=…} needs bindings_inherit = \"strict\"", WHO)
  end
end

-- ---- sending -----------------------------------------------------------------------------------

local function put(script, query, fields, modules)
  local body = form.of_code(json.encode(fields), modules)
  local result = transport.call(script._client, endpoints.put_script, query, body,
    script._namespace, script._segment)
  return type(result) == "table" and result or {}
end

-- Bindings with a default are inherited first: only the API knows whether there is a live value.
-- What it misses gets its default, and the upload is sent again.
local function put_with_defaults(script, query, fields, modules, set)
  local requests = 0
  while true do
    requests = requests + 1
    local result, err = moonherd_try(put, script, query, fields, modules)
    if result then return result, requests end
    if not bindings.use_defaults(set, err) then error(err, 0) end
  end
end

local function send(script, query, fields, modules, set)
  if set and next(set.defaults) then
    return put_with_defaults(script, query, fields, modules, set)
  end
  return put(script, query, fields, modules), 1
end

--- Uploads a script: creates it, or replaces its code, bindings and settings in one request.
--- Secrets and assets that are live are kept unless the options say otherwise.
---@async
---@param script table  the handle
---@param spec table
---@return table result  what the API says, and `requests`: how many it took
function M.upload(script, spec)
  local opts = read(spec)
  check_together(opts)
  local set = opts.bindings and bindings.read(opts.bindings)
  local query = query_of(opts, set)
  local code = codes.read(opts, WHO)
  local fields = metadata_of(opts, code, set)
  local result, requests = send(script, query, fields, code.modules, set)
  result.requests = requests
  return result
end

return M
