-- The write that changes a script, as a rule with a new version. Part of store/platform.lua; the
-- function is a method of its Store.
--
-- Rows that were just made are found as the newest ones: no other list runs inside a write. The id
-- of a row that was deleted is given to another one: what was read before is told from that by its
-- tag, or its uuid.

local store = require "moonherd.store"

local M = {}

local or_null = store.or_null
local VERSIONS_KEPT = 10

local NEW_CODE = "(SELECT max(id) FROM code)"
local NEW_VERSION = "(SELECT max(id) FROM version)"
local THE_SCRIPT = "ifnull(?1, (SELECT max(id) FROM script))"

local INSERT_SCRIPT = [[
  INSERT INTO script (modified_on, tags, settings, migration_tag, classes, document,
    namespace_id, name, tag, created_on)
  SELECT ?, ?, ?, ?, ?, ?, ?7, ?, ?, ?
  WHERE EXISTS (SELECT 1 FROM namespace WHERE id = ?7 AND uuid = ?)
  ON CONFLICT DO NOTHING]]

local UPDATE_SCRIPT = [[
  UPDATE script SET modified_on = ?, tags = ?, settings = ?, migration_tag = ?, classes = ?,
    document = ?, rev = rev + 1
  WHERE id = ? AND tag = ? AND rev = ?]]

local function script_statement(script)
  local statement = {
    script.id and UPDATE_SCRIPT or INSERT_SCRIPT,
    script.modified_on,
    script.tags,
    script.settings,
    or_null(script.migration_tag),
    script.classes,
    script.document,
    expect = 1,
  }
  local rest = script.id and { script.id, script.tag, script.rev } or {
    script.namespace_id, script.name, script.tag, script.created_on, script.namespace_uuid,
  }
  return table.move(rest, 1, #rest, #statement + 1, statement)
end

local INSERT_MODULE = [[
  INSERT INTO module
    (code_id, position, name, type, size, digest, is_map, is_bound, content, blob_id)
  VALUES (]] .. NEW_CODE .. ", ?, ?, ?, ?, ?, ?, ?, ?, ?)"

-- Takes over a part of the code before that a binding refers to.
local COPY_MODULE = [[
  INSERT INTO module
    (code_id, position, name, type, size, digest, is_map, is_bound, content, blob_id)
  SELECT ]] .. NEW_CODE .. [[, ?, name, type, size, digest, is_map, is_bound, content, blob_id
  FROM module WHERE code_id = ? AND name = ? AND is_bound]]

local function blob_or_null(bytes)
  return bytes and store.blob(bytes) or store.null
end

local function module_statement(module, position)
  return {
    INSERT_MODULE,
    position,
    module.name,
    module.type,
    module.size,
    store.blob(module.digest),
    module.is_map,
    module.is_bound,
    blob_or_null(module.content),
    or_null(module.blob),
  }
end

local function add_code(list, code)
  list[#list + 1] = {
    "INSERT INTO code (kind, entry, etag, handlers, named_handlers) VALUES (?, ?, ?, ?, ?)",
    code.kind,
    code.entry,
    code.etag,
    code.handlers,
    code.named_handlers,
  }
  for i, module in ipairs(code.modules) do
    list[#list + 1] = module_statement(module, i - 1)
  end
  for i, part in ipairs(code.carried_parts) do
    list[#list + 1] = { COPY_MODULE, #code.modules + i - 1, code.previous_id, part }
  end
end

local INSERT_VERSION = [[
  INSERT INTO version (script_id, number, uuid, code_id, created_on, created_by, source, metadata,
    settings, bindings, asset_set_id, asset_config)
  VALUES (]] .. THE_SCRIPT .. ", ?, ?, iif(?, " .. NEW_CODE .. ", ?), ?, ?, ?, ?, ?, ?, ?, ?)"

local INSERT_SECRET = "INSERT INTO secret (version_id, name, sealed) VALUES ("
  .. NEW_VERSION
  .. ", ?, ?)"

local SET_VERSION = "UPDATE script SET version_id = " .. NEW_VERSION .. " WHERE id = " .. THE_SCRIPT

local function add_version(list, script_id, version, has_new_code)
  list[#list + 1] = {
    INSERT_VERSION,
    script_id,
    version.number,
    version.uuid,
    has_new_code,
    or_null(version.code_id),
    version.created_on,
    version.created_by,
    version.source,
    version.metadata,
    version.settings,
    version.bindings,
    or_null(version.asset_set_id),
    or_null(version.asset_config),
  }
  for name, sealed in pairs(version.secrets) do
    list[#list + 1] = { INSERT_SECRET, name, store.blob(sealed) }
  end
  list[#list + 1] = { SET_VERSION, script_id }
  if version.number > VERSIONS_KEPT then
    list[#list + 1] = {
      "DELETE FROM version WHERE script_id = ? AND number <= ?",
      script_id,
      version.number - VERSIONS_KEPT,
    }
  end
end

local INSERT_TAG = [[
  INSERT INTO script_tag (namespace_id, tag, name, script_id) VALUES (?2, ?3, ?4, ]]
  .. THE_SCRIPT
  .. ")"

local function add_tags(list, script_id, script, tags)
  if script.id then
    list[#list + 1] = { "DELETE FROM script_tag WHERE script_id = ?", script_id }
  end
  for _, tag in ipairs(tags) do
    list[#list + 1] = { INSERT_TAG, script_id, script.namespace_id, tag, script.name }
  end
end

--- Writes a script (with `id` and `rev` when it exists) and what changes with it: a `version`, or
--- nil; its `code` when that is new (else `version.code_id` names it); `tags` when they change.
--- False when the script is not as it was read.
function M:put_script(script, code, version, tags)
  local script_id = or_null(script.id)
  local list = { script_statement(script) }
  if code then
    add_code(list, code)
  end
  if version then
    add_version(list, script_id, version, code ~= nil)
  end
  if tags then
    add_tags(list, script_id, script, tags)
  end
  return self.db:change(list) ~= nil
end

return M
