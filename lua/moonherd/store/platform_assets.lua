-- Static assets: upload sessions, the sets of files they make, and the bytes. Part of
-- store/platform.lua; the functions are methods of its Store.
--
-- Lists of files and hashes go in as JSON, so that a manifest of 10,000 files is a few statements.
-- They are walked in the outer loop (CROSS JOIN): SQLite cannot know that they are the short side.

local json = require "moonherd.json"
local store = require "moonherd.store"

local M = {}

local UNUSED_AGE = 3600 -- seconds that a set stays when no version refers to it any more

local NEW_SET = "(SELECT max(id) FROM asset_set)"

-- ---- sessions -----------------------------------------------------------------------------------

local INSERT_SET = [[
  INSERT INTO asset_set (session, namespace_id, script, keep_until)
  SELECT ?, ?2, ?, ? WHERE EXISTS (SELECT 1 FROM namespace WHERE id = ?2 AND uuid = ?)]]

local INSERT_ASSETS = [[
  INSERT INTO asset (namespace_id, hash, size)
  SELECT ?, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
  ON CONFLICT DO NOTHING]]

local INSERT_FILES = [[
  INSERT INTO asset_file (set_id, path, asset_id)
  SELECT ]] .. NEW_SET .. [[, f.value ->> 0, a.id
  FROM json_each(?2) f CROSS JOIN asset a
    ON a.namespace_id = ?1 AND a.hash = f.value ->> 1 AND a.size = f.value ->> 2
  WHERE true
  ON CONFLICT DO UPDATE SET asset_id = excluded.asset_id]]

local MISSING = "FROM asset WHERE id IN (SELECT asset_id FROM asset_file WHERE set_id = "
  .. NEW_SET
  .. ") AND NOT is_stored"

local LIST_MISSING = "SELECT group_concat(hash || ' ' || size, ' ') AS assets FROM (SELECT * "
  .. MISSING
  .. " ORDER BY id)"

--- Opens a session: `row` holds session (its id), namespace_id, namespace_uuid, script and
--- keep_until; `batches` are JSON texts, each a list of [path, hash, size]. Returns the assets that
--- are missing as a text, "hash size hash size …": there may be 100,000, and as many tables would
--- hold the loop. Nil when the namespace is gone.
function M:open_asset_session(row, batches)
  local list = {
    {
      INSERT_SET, row.session, row.namespace_id, row.script, row.keep_until, row.namespace_uuid,
      expect = 1,
    },
  }
  for _, batch in ipairs(batches) do
    list[#list + 1] = { INSERT_ASSETS, row.namespace_id, batch }
    list[#list + 1] = { INSERT_FILES, row.namespace_id, batch }
  end
  list[#list + 1] = { LIST_MISSING }
  list[#list + 1] = {
    "UPDATE asset_set SET missing = (SELECT count(*) " .. MISSING .. ") WHERE id = " .. NEW_SET,
  }
  local results = self.db:write(list)
  return results and (results[#list - 1].rows[1].assets or "")
end

--- The set of a session, by the id that its tokens name; nil when there is none.
function M:find_asset_set(session)
  return self.db:read_one {
    "SELECT id, namespace_id, script FROM asset_set WHERE session = ?",
    session,
  }
end

--- Has a set that no version refers to stay until `time` at least.
function M:keep_asset_set(set_id, time)
  self.db:write {
    { "UPDATE asset_set SET keep_until = max(keep_until, ?) WHERE id = ?", time, set_id },
  }
end

-- ---- bytes --------------------------------------------------------------------------------------

local FIND_ASSETS = [[
  SELECT a.id, a.hash, a.size, a.is_stored
  FROM json_each(?) h CROSS JOIN asset_set s CROSS JOIN asset a
    ON a.namespace_id = s.namespace_id AND a.hash = h.value
  WHERE s.id = ?
    AND EXISTS (SELECT 1 FROM asset_file f WHERE f.asset_id = a.id AND f.set_id = s.id)]]

--- The assets of a set with any of these hashes, by hash: each has id, size and is_stored.
function M:find_assets(set_id, hashes)
  local found = {}
  local rows = self.db:read { { FIND_ASSETS, json.encode(json.array(hashes)), set_id } }
  for _, row in ipairs(rows) do
    found[row.hash] = row
  end
  return found
end

-- What is there already stays as it is: other Workers may refer to it. Of one that has been deleted
-- since it was found, another one may have the id.
local STORE_ASSET = [[
  UPDATE asset SET is_stored = 1, type = ?, blob_id = ?, content = ?
  WHERE id = ? AND hash = ? AND size = ? AND NOT is_stored]]

--- Stores the bytes of some assets: each has id, hash, size, and content or blob, and may
--- have type. Returns
--- how many assets the set lacks then; nil when it is gone.
function M:store_assets(set_id, assets)
  local list = {}
  for i, asset in ipairs(assets) do
    list[i] = {
      STORE_ASSET,
      store.or_null(asset.type),
      store.or_null(asset.blob),
      asset.content and store.blob(asset.content) or store.null,
      asset.id,
      asset.hash,
      asset.size,
    }
  end
  list[#list + 1] = { "SELECT missing FROM asset_set WHERE id = ?", set_id }
  local row = self.db:write(list)[#list].rows[1]
  return row and row.missing
end

local FIND_FILE = [[
  SELECT a.hash, a.type, a.size, a.content, a.blob_id
  FROM namespace n JOIN script s ON s.namespace_id = n.id AND s.name = ?
    JOIN version v ON v.id = s.version_id
    JOIN asset_file f ON f.set_id = v.asset_set_id AND f.path = ?
    JOIN asset a ON a.id = f.asset_id
  WHERE n.account = ? AND n.name = ?]]

--- One file of a script's live version: its type (nil: none is served) and size, with `content` or
--- the `blob_id` whose blocks `block` returns; nil when there is no such file.
function M:find_asset_file(account, namespace, script, path)
  return self.db:read_one { FIND_FILE, script, path, account, namespace }
end

-- ---- sweeping -----------------------------------------------------------------------------------

local IS_UNUSED = "NOT EXISTS (SELECT 1 FROM version WHERE asset_set_id = asset_set.id)"

--- Removes the sets of sessions that are over and the sets that no version has referred to for an
--- hour, with the bytes of no other set.
function M:sweep_asset_sets(now)
  self.db:write {
    { "DELETE FROM asset_set WHERE keep_until < ? AND " .. IS_UNUSED, now },
    {
      "UPDATE asset_set SET keep_until = ? WHERE keep_until IS NULL AND " .. IS_UNUSED,
      now + UNUSED_AGE,
    },
  }
end

return M
