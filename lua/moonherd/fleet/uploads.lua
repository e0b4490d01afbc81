-- An upload as an item of a job: a digest of all that is sent, so that only what has changed is
-- sent again, and the way to find out whether an upload that was cut short has arrived.
local asset_files = require "moonherd.cloudflare.asset_files"
local encode = require "moonherd.cloudflare.encode"
local hash = require "moonherd.hash"
local ledgers = require "moonherd.fleet.ledgers"
local requests = require "moonherd.cloudflare.upload_request"
local types = require "moonherd.cloudflare.binding_types"

local M = {}

local WHO = requests.WHO
local MOST_REMEMBERED = 8

-- ---- the digest ---------------------------------------------------------------------------------

-- Many scripts are uploaded with the same code: the last few contents are hashed once.
local function hash_of(cache, content)
  for i, entry in ipairs(cache) do
    if entry.content == content then
      table.insert(cache, 1, table.remove(cache, i))
      return entry.hash
    end
  end
  local entry = { content = content, hash = hash.sha256(content) }
  table.insert(cache, 1, entry)
  cache[MOST_REMEMBERED + 1] = nil
  return entry.hash
end

local function modules_of(request, cache)
  local list = {}
  for i, module in ipairs(request.modules) do
    list[i] = { module.name, module.content_type, hash_of(cache, module.content) }
  end
  return list
end

-- The files by their hashes; the options without what holds them.
local function assets_of(given)
  if not given then return nil end
  local options, manifest, site = {}, nil, nil
  for name, value in pairs(given) do
    if name ~= "files" and name ~= "on_progress" then options[name] = value end
  end
  if given.dir or given.files then
    site = asset_files.read(given, WHO)
    manifest = site:manifest()
  end
  return {
    options = options, manifest = manifest, headers = site and site.headers,
    redirects = site and site.redirects,
  }
end

-- The digest of what an upload sends: code, metadata, bindings and assets. It is keyed, as secrets
-- go into it.
local function digest(ledger, spec, cache)
  local request = requests.read(spec)
  local set = request.bindings
  return ledgers.digest(ledger, encode.json({
    fields = request.fields, query = request.query, modules = modules_of(request, cache),
    defaults = set and next(set.defaults) and set.defaults or nil,
    assets = assets_of(request.assets),
  }, WHO))
end

-- ---- reading back -------------------------------------------------------------------------------

--- The names of the secrets that an upload, or a change of settings, sets, in order.
---@param spec table
---@return string[] names
function M.secret_names(spec)
  local names = {}
  for key, value in pairs(type(spec.bindings) == "table" and spec.bindings or {}) do
    local is_secret = type(value) == "table" and (value.type == "secret_text"
      or value.type == "secret_key") and (value.text or value.key_base64 or value.key_jwk)
    if is_secret then names[#names + 1] = type(key) == "string" and key or value.name end
  end
  table.sort(names)
  return names
end

-- Whether an upload has what no answer of the API shows: values of secrets, files of a site.
local function hides(spec, secrets)
  local assets = spec.assets
  return #secrets > 0 or type(assets) == "table" and (assets.dir or assets.files or assets.jwt)
end

local function is_hidden(entry)
  return entry.path == "assets" or types.is_secret(entry.type)
end

-- Whether an upload has arrived: nothing would change if it was sent again; and the requests it
-- took to know. What cannot be read is sent again, which does no harm. The time of the last change
-- would not do: the same code with another secret may be somebody else's. Only a migration is
-- certain: it goes in one piece with all of its upload, and happens once.
local function verify(script, spec, secrets)
  local is_once = spec.migrations and spec.migrations.new_tag
  if hides(spec, secrets) and not is_once then return false, 0 end
  local copy = {}
  for name, value in pairs(spec) do copy[name] = value end
  copy.dry_run = true
  local plan = script:upload(copy)
  if not plan.exists then return false, plan.requests end
  for _, entry in ipairs(plan.diff) do
    local does_not_count = is_once and is_hidden(entry)
    if entry.change ~= "keep" and not does_not_count then return false, plan.requests end
  end
  return true, plan.requests
end

--- The item of an upload.
---@param script table  the handle; its name is the key
---@param spec table
---@param cache table  hashes of the last contents, of one job
---@return table item
function M.item(script, spec, cache)
  local secrets = M.secret_names(spec)
  local item = {
    key = script.name, script = script, secrets = secrets,
    has_assets = spec.assets ~= nil,
  }
  function item.prepare(ledger) item.digest = digest(ledger, spec, cache) end
  function item.verify() return verify(script, spec, secrets) end
  function item.run() return script:upload(spec) end
  return item
end

return M
