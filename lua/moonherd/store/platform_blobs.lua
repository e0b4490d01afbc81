-- Blobs: bytes too large for one row, kept as blocks of at most 256 KiB. Part of
-- store/platform.lua; the functions are methods of its Store.

local store = require "moonherd.store"

local M = {}

local ORPHAN_AGE = 3600 -- seconds that an upload may leave a blob unused

--- Begins a blob; it is swept unless something refers to it within an hour of its last block.
function M:begin_blob(now)
  local results = self.db:write {
    { "INSERT INTO blob (orphan_since) VALUES (?) RETURNING id", now },
  }
  return results[1].rows[1].id
end

--- Adds the next block of a blob. Blocks with equal hashes are stored once.
function M:append_block(blob_id, position, hash, content, now)
  self.db:change {
    {
      "INSERT INTO block (hash, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
      store.blob(hash),
      store.blob(content),
    },
    {
      [[INSERT INTO blob_block (blob_id, position, block_id)
        VALUES (?, ?, (SELECT id FROM block WHERE hash = ?))]],
      blob_id,
      position,
      store.blob(hash),
    },
    { "UPDATE blob SET orphan_since = ? WHERE id = ?", now, blob_id, expect = 1 },
  }
end

--- The bytes of one block of a blob, nil behind the last.
function M:block(blob_id, position)
  local row = self.db:read_one {
    [[SELECT b.content FROM blob_block x JOIN block b ON b.id = x.block_id
      WHERE x.blob_id = ? AND x.position = ?]],
    blob_id,
    position,
  }
  return row and row.content
end

local IS_UNUSED = [[NOT EXISTS (SELECT 1 FROM module WHERE blob_id = blob.id)
  AND NOT EXISTS (SELECT 1 FROM asset WHERE blob_id = blob.id)]]

--- Removes what nothing refers to: sets of assets, and blobs that have been so for an hour, with
--- their blocks.
function M:sweep(now)
  self:sweep_asset_sets(now)
  self.db:write {
    { "DELETE FROM blob WHERE orphan_since < ? AND " .. IS_UNUSED, now - ORPHAN_AGE },
    { "UPDATE blob SET orphan_since = ? WHERE orphan_since IS NULL AND " .. IS_UNUSED, now },
  }
end

return M
