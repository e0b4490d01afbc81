-- What script:upload is given, checked and turned into what is sent: metadata, modules, query. What
-- the API would drop without a word is refused here. Sends nothing and asks the API nothing.
local assets = require "moonherd.cloudflare.assets"
local bindings = require "moonherd.cloudflare.bindings"
local codes = require "moonherd.cloudflare.code"
local errors = require "moonherd.error"
local metadata = require "moonherd.cloudflare.metadata"
local options = require "moonherd._options"
local tags = require "moonherd.cloudflare.tags"
local types = require "moonherd.cloudflare.binding_types"

local M = {}

--- The public name of the function, for messages.
M.WHO = "script:upload"

local WHO = M.WHO
local SECRETS = { "secret_text", "secret_key" }

-- ---- options -----------------------------------------------------------------------------------

local function check_keep(given)
  if given == false then return nil end
  if given == true then
    return 'it is a list of binding types: {"secret_text", "secret_key"}, or false'
  end
  for _, name in ipairs(given) do
    local nearest = name ~= "" and not types.can_be_kept(name) and options.nearest(name, types.KEPT)
    if nearest then return ("'%s' is no binding type; did you mean '%s'?"):format(name, nearest) end
    if name == "" or name == "inherit" then return ("'%s' is no type to keep"):format(name) end
  end
end

local function check_assets(given)
  return given == true and "it is a table, or false" or nil
end

local OPTIONS = {
  { "assets", "table|boolean", fields = assets.OPTIONS, check = check_assets },
  { "bindings", "table" },
  { "keep_bindings", "list|boolean", default = SECRETS, check = check_keep },
  { "bindings_inherit", "string|boolean", default = "strict", one_of = { "strict" } },
  { "dry_run", "boolean" },
}
table.move(codes.OPTIONS, 1, #codes.OPTIONS, #OPTIONS + 1, OPTIONS)
table.move(metadata.OPTIONS, 1, #metadata.OPTIONS, #OPTIONS + 1, OPTIONS)

local read = options.reader(WHO, OPTIONS, metadata.ADVICE)

local function check_together(opts)
  if not opts.compatibility_date then
    errors.usage("%s: option 'compatibility_date' is missing (without it the API takes 2021-11-02)",
      WHO)
  end
  if opts.migrations and opts.exports then
    errors.usage("%s: migrations and exports are two ways to declare classes; give one", WHO)
  end
  if opts.tags then tags.check(opts.tags, WHO) end
  if opts.assets then assets.check(opts.assets, WHO) end
end

-- Without any, the Worker has assets alone.
local function code_of(opts)
  if opts.assets and not codes.is_given(opts) then return { modules = {} } end
  return codes.read(opts, WHO)
end

-- Bindings of service-worker syntax are modules of the same upload.
local function check_parts(set, modules)
  local names, is_there = {}, {}
  for i, module in ipairs(modules) do
    names[i], is_there[module.name] = module.name, true
  end
  for _, binding in ipairs(set and set.list or {}) do
    if binding.part and not is_there[binding.part] then
      types.refuse(WHO, binding.name, "there is no module '%s'%s", binding.part,
        options.suggestion(binding.part, names, "modules"))
    end
  end
end

-- ---- the request -------------------------------------------------------------------------------

local IS_METADATA = {}
for _, descriptor in ipairs(metadata.OPTIONS) do IS_METADATA[descriptor[1]] = true end

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
  for name, value in pairs(opts) do
    if IS_METADATA[name] then fields[name] = value end
  end
  if opts.assets ~= nil then fields.keep_assets = nil end
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

--- Reads the options of script:upload.
---@async
---@param spec table
---@return table request  {fields=, modules=, query=, bindings= the set that bindings.read made or
---  nil, assets= the options of the assets or nil, dry_run=}: `fields` is the metadata, but for
---  its assets
function M.read(spec)
  bindings.hide(type(spec) == "table" and spec.bindings)
  local opts = read(spec)
  check_together(opts)
  local set = opts.bindings and bindings.read(opts.bindings, WHO)
  local query = query_of(opts, set)
  local code = code_of(opts)
  check_parts(set, code.modules)
  return {
    fields = metadata_of(opts, code, set), modules = code.modules, query = query,
    bindings = set, assets = opts.assets or nil, dry_run = opts.dry_run,
  }
end

return M
