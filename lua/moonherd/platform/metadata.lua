-- The `metadata` of an upload, and the settings of a patch: what their fields may hold, and the
-- settings that come of them.
-- Keys that are not known are neither refused nor lost: the whole text is kept with the version.

local asset_config = require "moonherd.platform.asset_config"
local binding_of = require "moonherd.platform.binding"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local migrations = require "moonherd.platform.migrations"
local shape = require "moonherd.platform.shape"

local M = {}

local DEFAULT_DATE = "2021-11-02"

local TEXTS = shape.list(shape.string)
local RATE = shape.number(0, 1)
local CONSUMERS = shape.list(
  shape.object(
    { service = shape.text, environment = shape.string, namespace = shape.string },
    { "service" }
  )
)

local SWITCH = shape.object { enabled = shape.boolean }

-- wrangler passes on what a configuration file says, so nothing in here is required.
local OBSERVABILITY = shape.object {
  enabled = shape.boolean,
  head_sampling_rate = RATE,
  redact_query_string = shape.boolean,
  issues = SWITCH,
  logs = shape.object {
    enabled = shape.boolean,
    invocation_logs = shape.boolean,
    head_sampling_rate = RATE,
    destinations = TEXTS,
    persist = shape.boolean,
  },
  traces = shape.object {
    enabled = shape.boolean,
    head_sampling_rate = RATE,
    destinations = TEXTS,
    persist = shape.boolean,
    propagation_policy = shape.one_of("authenticated", "accept"),
  },
}

local TARGET = { region = shape.text, hostname = shape.text, host = shape.text }

local PLACEMENT = shape.object {
  mode = shape.one_of("smart", "targeted"),
  region = TARGET.region,
  hostname = TARGET.hostname,
  host = TARGET.host,
  target = shape.list(shape.object(TARGET)),
}

local EXPORT = shape.object({
  type = shape.text,
  state = shape.one_of("created", "deleted", "renamed", "transferred", "expecting-transfer"),
  storage = shape.one_of("sqlite", "legacy-kv"),
  cache = SWITCH,
  renamed_to = shape.text,
  transferred_to = shape.text,
  transfer_from = shape.text,
}, { "type" })

local FIELDS = {
  main_module = shape.text,
  body_part = shape.text,
  bindings = shape.list(shape.any), -- bindings.lua looks at each
  compatibility_date = shape.date,
  compatibility_flags = TEXTS,
  usage_model = shape.one_of("standard", "bundled", "unbound"),
  limits = shape.object { cpu_ms = shape.integer, subrequests = shape.integer },
  logpush = shape.boolean,
  tail_consumers = CONSUMERS,
  streaming_tail_consumers = CONSUMERS,
  observability = OBSERVABILITY,
  placement = PLACEMENT,
  migrations = migrations.SHAPE,
  exports = shape.map(EXPORT),
  assets = shape.object { jwt = shape.string, config = asset_config.SHAPE },
  keep_assets = shape.boolean,
  cache_options = shape.object { enabled = shape.boolean, cross_version_cache = shape.boolean },
  annotations = shape.object {
    ["workers/message"] = shape.short(100),
    ["workers/tag"] = shape.short(25),
  },
  package_dependencies = shape.list(shape.object {}),
  containers = shape.list(shape.object {}),
}

local CHECK = shape.object(FIELDS)

-- Settings that follow the script: changing them makes no version.
local SCRIPT_DEFAULTS = {
  logpush = false,
  observability = { enabled = false },
  tail_consumers = json.null,
}

-- Settings that belong to a version.
local VERSION_DEFAULTS = {
  compatibility_date = DEFAULT_DATE,
  compatibility_flags = json.array {},
  limits = {},
  placement = {},
  usage_model = "standard",
}

-- Settings without a default: they are there when a request gave them.
local SCRIPT_EXTRAS = { streaming_tail_consumers = true }
local VERSION_EXTRAS = { annotations = true, cache_options = true, exports = true }

-- What reads add to the placement of a smart Worker, and clients send back with it.
local function drop_reports(placement)
  if not shape.is_absent(placement) then
    placement.status, placement.last_analyzed_at = nil, nil
  end
end

--- Checks the metadata of an upload, or the settings of a patch, and returns it.
function M.check(metadata)
  CHECK(metadata, "")
  if not (shape.is_absent(metadata.migrations) or shape.is_absent(metadata.exports)) then
    errors.invalid("`migrations` and `exports` cannot be used together", "/exports")
  end
  drop_reports(metadata.placement)
  return metadata
end

--- Parses and checks the text of the part `name`, as a rule `metadata`.
function M.read(text, name)
  local is_read, metadata = pcall(json.decode, text, { nulls = true })
  if not is_read then
    errors.refuse(10026, { pointer = "/" .. (name or "metadata") })
  end
  return M.check(metadata)
end

--- The metadata as it is kept with the version: nothing in it opens anything.
function M.without_values(metadata)
  local copy = {}
  for name, value in pairs(metadata) do
    copy[name] = value
  end
  if shape.is_list(metadata.bindings) then
    copy.bindings = json.array {}
    for i, binding in ipairs(metadata.bindings) do
      copy.bindings[i] = binding_of.without_value(binding)
    end
  end
  if shape.is_object(metadata.assets) then
    copy.assets = { config = metadata.assets.config }
  end
  return copy
end

-- The settings `before` with those a request names in place of theirs; null stands for the default.
local function merge(before, request, defaults, extras)
  local settings = {}
  for name, value in pairs(before) do
    settings[name] = value
  end
  for _, names in ipairs { defaults, extras } do
    for name in pairs(names) do
      local value = request[name]
      if value == json.null then
        settings[name] = defaults[name]
      elseif value ~= nil then
        settings[name] = value
      end
    end
  end
  return settings
end

--- The settings of an upload, complete: what the request leaves out is back at its default. The
--- first table follows the script, the second belongs to the version.
function M.settings(metadata)
  return merge(SCRIPT_DEFAULTS, metadata, SCRIPT_DEFAULTS, SCRIPT_EXTRAS),
    merge(VERSION_DEFAULTS, metadata, VERSION_DEFAULTS, VERSION_EXTRAS)
end

--- The settings of a patch, from those of the script and those of its version: what the patch
--- leaves out stays.
function M.patched(script, patch)
  return merge(script.settings, patch, SCRIPT_DEFAULTS, SCRIPT_EXTRAS),
    merge(script.version_settings, patch, VERSION_DEFAULTS, VERSION_EXTRAS)
end

local PATCHABLE = { "bindings", "tags", "migrations" }
for _, fields in ipairs { SCRIPT_DEFAULTS, SCRIPT_EXTRAS, VERSION_DEFAULTS, VERSION_EXTRAS } do
  for name in pairs(fields) do
    PATCHABLE[#PATCHABLE + 1] = name
  end
end

--- Whether a patch names anything that it could change.
function M.names_settings(patch)
  for _, name in ipairs(PATCHABLE) do
    if patch[name] ~= nil then
      return true
    end
  end
  return false
end

return M
