-- The state of a script while it is changed: what was read of it and its live version, and what a
-- change puts in place of that. Columns that hold JSON are decoded when they are first looked at;
-- those nobody looked at are written back as they were read.

local hash = require "moonherd.hash"
local json = require "moonherd.json"

local M = {}

local Lazy = {}

function Lazy:__index(field)
  local text = rawget(self, "texts")[field]
  if text then
    local value = json.decode(text, { nulls = true })
    self[field] = value
    return value
  end
end

local function lazy(fields, texts)
  fields.texts = texts
  return setmetatable(fields, Lazy)
end

--- The JSON text of a field of a state or of its code.
function M.text(state, field)
  local value = rawget(state, field)
  return value == nil and state.texts[field] or json.encode(value)
end

local function decode_code(row)
  return lazy({
    id = row.code_id,
    kind = row.kind,
    entry = row.entry,
    etag = row.etag,
  }, { handlers = row.handlers, named_handlers = row.named_handlers })
end

local function blank(row, call)
  return lazy({
    namespace_id = row.namespace_id,
    namespace_uuid = row.namespace_uuid,
    name = call.parameters.script,
    tag = hash.hex(hash.random(16)),
    created_on = call.stamp(),
    number = 0,
    secrets = {},
  }, { tags = "[]", classes = "[]", bindings = "[]" })
end

--- The state of a script from a row of `store:find_state`; a blank one when there is none yet.
---
--- It holds namespace_id, namespace_uuid, name, tag, created_on, number (of the live version),
--- secrets (sealed, by name); `code` and `assets` (nil: it has none; see platform/assets.lua);
--- decoded from JSON: tags, classes, bindings, settings, version_settings, metadata; of a script
--- that is there id, rev, source, modified_on and migration_tag.
function M.new(row, call)
  if not row.id then
    return blank(row, call)
  end
  return lazy({
    namespace_id = row.namespace_id,
    namespace_uuid = row.namespace_uuid,
    id = row.id,
    rev = row.rev,
    name = call.parameters.script,
    tag = row.tag,
    created_on = row.created_on,
    modified_on = row.modified_on,
    migration_tag = row.migration_tag,
    number = row.number,
    source = row.source,
    secrets = row.secrets,
    code = row.code_id and decode_code(row),
    previous_code_id = row.code_id,
    assets = row.asset_set_id and { set_id = row.asset_set_id, config = row.asset_config },
  }, {
    tags = row.tags,
    classes = row.classes,
    settings = row.settings,
    bindings = row.bindings,
    version_settings = row.version_settings,
    metadata = row.metadata,
  })
end

return M
