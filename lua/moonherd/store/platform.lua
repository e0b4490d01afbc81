-- The embedded platform's SQL: every statement it runs stands here, and nothing here knows what the
-- API means. Reads return rows as tables; writes return whether all their guards held.

local schema = require "moonherd.store.platform_schema"
local store = require "moonherd.store"

local M = {}

local or_null = store.or_null

local Store = {}
Store.__index = Store

local PARTS = { "platform_list", "platform_versions", "platform_blobs", "platform_assets" }

for _, part in ipairs(PARTS) do
  for name, method in pairs(require("moonherd.store." .. part)) do
    Store[name] = method
  end
end

--- Opens the database, making it or bringing it up to date.
function M.open(path)
  -- One reader: its reads take microseconds, and a second thread costs more in hand-overs than it
  -- gives (measured: 5 % of the requests a second).
  return setmetatable({ db = store.open(path, { migrations = schema, readers = 1 }) }, Store)
end

function Store:close()
  self.db:close()
end

-- ---- namespaces

local SHOWN_OF_NAMESPACE = [[id, uuid, name, is_trusted, script_count, created_on, created_by,
  modified_on, modified_by]]

local NAMESPACE = "SELECT " .. SHOWN_OF_NAMESPACE .. " FROM namespace WHERE account = ? "

--- Makes a namespace; false when the name is taken.
function Store:create_namespace(row)
  return self.db:change {
    {
      [[INSERT INTO namespace
          (account, name, uuid, created_on, created_by, modified_on, modified_by)
        VALUES (?1, ?2, ?3, ?4, ?5, ?4, ?5) ON CONFLICT DO NOTHING]],
      row.account,
      row.name,
      row.uuid,
      row.created_on,
      row.created_by,
      expect = 1,
    },
  } ~= nil
end

--- The accounts that have namespaces.
function Store:list_accounts()
  local ids = {}
  for i, row in ipairs(self.db:read { { "SELECT DISTINCT account FROM namespace ORDER BY 1" } }) do
    ids[i] = row.account
  end
  return ids
end

function Store:list_namespaces(account)
  return self.db:read { { NAMESPACE .. "ORDER BY name", account } }
end

function Store:find_namespace(account, name)
  return self.db:read_one { NAMESPACE .. "AND name = ?", account, name }
end

-- A name that is taken changes no row.
local CHANGE_NAMESPACE = [[
  UPDATE OR IGNORE namespace SET name = ifnull(?, name), is_trusted = ifnull(?, is_trusted),
    modified_on = ?, modified_by = ?, rev = rev + 1
  WHERE account = ? AND name = ? RETURNING ]] .. SHOWN_OF_NAMESPACE

--- Changes a namespace's name or trust, whichever is there, and returns it; nil when there is none,
--- and then true when the new name is taken.
function Store:change_namespace(account, name, changes)
  local results, missed = self.db:write {
    { "SELECT 1 FROM namespace WHERE account = ? AND name = ?", account, name, expect = 1 },
    {
      CHANGE_NAMESPACE,
      or_null(changes.name),
      or_null(changes.is_trusted),
      changes.modified_on,
      changes.modified_by,
      account,
      name,
      expect = 1,
    },
  }
  if results then
    return results[2].rows[1]
  end
  return nil, missed == 2
end

--- Deletes a namespace with all it holds; false when there is none.
function Store:delete_namespace(account, name)
  return self.db:change {
    { "DELETE FROM namespace WHERE account = ? AND name = ?", account, name, expect = 1 },
  } ~= nil
end

-- ---- scripts ------------------------------------------------------------------------------------

local FIND_DOCUMENT = [[
  SELECT n.id AS namespace_id, s.id, s.name, s.document, s.tags, s.created_on, s.modified_on
  FROM namespace n LEFT JOIN script s ON s.namespace_id = n.id AND s.name = ?
  WHERE n.account = ? AND n.name = ?]]

--- What GET script shows. Without a namespace nil; without a script a row that has no `id`.
function Store:find_document(account, namespace, name)
  return self.db:read_one { FIND_DOCUMENT, name, account, namespace }
end

local FIND_STATE = [[
  SELECT n.id AS namespace_id, n.uuid AS namespace_uuid, s.id, s.tag, s.created_on,
    s.modified_on, s.tags, s.settings, s.migration_tag,
    s.classes, s.rev, v.number, v.source, v.metadata, v.settings AS version_settings, v.bindings,
    v.asset_set_id, v.asset_config, c.id AS code_id, c.kind, c.entry, c.etag, c.handlers,
    c.named_handlers
  FROM namespace n LEFT JOIN script s ON s.namespace_id = n.id AND s.name = ?
    LEFT JOIN version v ON v.id = s.version_id LEFT JOIN code c ON c.id = v.code_id
  WHERE n.account = ? AND n.name = ?]]

local FIND_SECRETS = [[
  SELECT x.name, x.sealed
  FROM namespace n JOIN script s ON s.namespace_id = n.id AND s.name = ?
    JOIN secret x ON x.version_id = s.version_id
  WHERE n.account = ? AND n.name = ?]]

--- All that a change of a script is decided on: the script, its live version and code, and its
--- sealed secrets by name (in `secrets`). Without a namespace nil, without a script no `id`.
function Store:find_state(account, namespace, name)
  local rows, secrets = self.db:read {
    { FIND_STATE, name, account, namespace },
    { FIND_SECRETS, name, account, namespace },
  }
  local state = rows[1]
  if state then
    state.secrets = {}
    for _, secret in ipairs(secrets) do
      state.secrets[secret.name] = secret.sealed
    end
  end
  return state
end

--- Deletes a script with its versions; false when it is not as it was read.
function Store:delete_script(id, tag, rev)
  return self.db:change {
    { "DELETE FROM script WHERE id = ? AND tag = ? AND rev = ?", id, tag, rev, expect = 1 },
  } ~= nil
end

-- ---- content ------------------------------------------------------------------------------------

local FIND_CODE = [[
  SELECT n.id AS namespace_id, s.id, c.id AS code_id, c.kind, c.entry, c.etag
  FROM namespace n LEFT JOIN script s ON s.namespace_id = n.id AND s.name = ?
    LEFT JOIN version v ON v.id = s.version_id LEFT JOIN code c ON c.id = v.code_id
  WHERE n.account = ? AND n.name = ?]]

local FIND_MODULES = [[
  SELECT m.name, m.type, m.size, m.content, m.blob_id
  FROM namespace n JOIN script s ON s.namespace_id = n.id AND s.name = ?
    JOIN version v ON v.id = s.version_id JOIN module m ON m.code_id = v.code_id
  WHERE n.account = ? AND n.name = ? AND NOT m.is_map AND NOT m.is_bound
  ORDER BY m.position]]

--- The code of a script and its modules, the entry first; source maps and the parts of bindings are
--- left out. A module has `content` or `blob_id`.
function Store:find_content(account, namespace, name)
  local rows, modules = self.db:read {
    { FIND_CODE, name, account, namespace },
    { FIND_MODULES, name, account, namespace },
  }
  return rows[1], modules
end

return M
