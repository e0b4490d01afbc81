-- The tables of the embedded platform, one migration after another. A migration that has been
-- released is never changed.
--
--   namespace 1-n script 1-n version n-1 code 1-n module n-1 blob n-n block
--                    |           |-- secret
--                    |           `-- n-1 asset_set n-n asset n-1 blob
--                    `-- script_tag
--
-- A version refers to its code, so that setting a secret makes a version without copying modules.
-- What is large is a blob: an ordered list of blocks of at most 256 KiB, each stored once under its
-- SHA-256. Time stamps are the text that is shown.
--
-- An upload session of assets and the set of files that it makes are one row, an asset_set: its
-- files are there from the start, and the asset each of them refers to gets its bytes when they are
-- uploaded. Versions refer to the set, so that none copies a file. A namespace has each asset once.

return {
  [[
CREATE TABLE namespace (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  uuid TEXT NOT NULL,
  is_trusted INTEGER NOT NULL DEFAULT 0,
  script_count INTEGER NOT NULL DEFAULT 0,
  created_on TEXT NOT NULL,
  created_by TEXT NOT NULL,
  modified_on TEXT NOT NULL,
  modified_by TEXT NOT NULL,
  rev INTEGER NOT NULL DEFAULT 1,
  UNIQUE (account, name)
);

CREATE TABLE script (
  id INTEGER PRIMARY KEY,
  namespace_id INTEGER NOT NULL REFERENCES namespace (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  tag TEXT NOT NULL,          -- the immutable id
  created_on TEXT NOT NULL,
  modified_on TEXT NOT NULL,
  tags TEXT NOT NULL,         -- JSON array, in the order given
  settings TEXT NOT NULL,     -- JSON object: those that follow the script
  migration_tag TEXT,
  classes TEXT NOT NULL,      -- JSON array of Durable Object classes
  document TEXT NOT NULL,     -- JSON: the Script object as it is shown
  version_id INTEGER,         -- the version that is live; set in the write that makes the row
  rev INTEGER NOT NULL DEFAULT 1,
  UNIQUE (namespace_id, name)
);

CREATE TABLE script_tag (
  namespace_id INTEGER NOT NULL,
  tag TEXT NOT NULL,
  name TEXT NOT NULL,         -- the script's, so that a filtered list is read in order
  script_id INTEGER NOT NULL REFERENCES script (id) ON DELETE CASCADE,
  PRIMARY KEY (namespace_id, tag, name)
) WITHOUT ROWID;
CREATE INDEX script_tag_script ON script_tag (script_id);

CREATE TABLE code (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,           -- module or service_worker
  entry TEXT NOT NULL,
  etag TEXT NOT NULL,
  handlers TEXT NOT NULL,       -- JSON array
  named_handlers TEXT NOT NULL  -- JSON array
);

CREATE TABLE version (
  id INTEGER PRIMARY KEY,
  script_id INTEGER NOT NULL REFERENCES script (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  uuid TEXT NOT NULL,
  code_id INTEGER REFERENCES code (id),
  created_on TEXT NOT NULL,
  created_by TEXT NOT NULL,
  source TEXT NOT NULL,         -- the kind of client: wrangler, dash, api
  metadata TEXT NOT NULL,       -- JSON as it was sent, without secret values
  settings TEXT NOT NULL,       -- JSON object: those that belong to the version
  bindings TEXT NOT NULL,       -- JSON array, without secret values
  UNIQUE (script_id, number)
);
CREATE INDEX version_code ON version (code_id);

CREATE TABLE secret (
  version_id INTEGER NOT NULL REFERENCES version (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (version_id, name)
) WITHOUT ROWID;

CREATE TABLE block (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  content BLOB NOT NULL
);

CREATE TABLE blob (
  id INTEGER PRIMARY KEY,
  orphan_since REAL             -- when nothing referred to it; NULL: something does
);

CREATE TABLE blob_block (
  blob_id INTEGER NOT NULL REFERENCES blob (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  block_id INTEGER NOT NULL REFERENCES block (id),
  PRIMARY KEY (blob_id, position)
) WITHOUT ROWID;
CREATE INDEX blob_block_block ON blob_block (block_id);

CREATE TABLE module (
  id INTEGER PRIMARY KEY,
  code_id INTEGER NOT NULL REFERENCES code (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,    -- the entry is 0
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  size INTEGER NOT NULL,
  digest BLOB NOT NULL,
  is_map INTEGER NOT NULL,      -- a source map
  is_bound INTEGER NOT NULL,    -- the part of a binding
  content BLOB,                 -- either this
  blob_id INTEGER REFERENCES blob (id), -- or this
  UNIQUE (code_id, position)
);
CREATE INDEX module_blob ON module (blob_id) WHERE blob_id IS NOT NULL;

CREATE TRIGGER script_added AFTER INSERT ON script BEGIN
  UPDATE namespace SET script_count = script_count + 1 WHERE id = new.namespace_id;
END;
CREATE TRIGGER script_gone AFTER DELETE ON script BEGIN
  UPDATE namespace SET script_count = script_count - 1 WHERE id = old.namespace_id;
END;
CREATE TRIGGER version_gone AFTER DELETE ON version BEGIN
  DELETE FROM code WHERE id = old.code_id
    AND NOT EXISTS (SELECT 1 FROM version WHERE code_id = old.code_id);
END;
CREATE TRIGGER blob_used AFTER INSERT ON module WHEN new.blob_id IS NOT NULL BEGIN
  UPDATE blob SET orphan_since = NULL WHERE id = new.blob_id;
END;
CREATE TRIGGER blob_block_gone AFTER DELETE ON blob_block BEGIN
  DELETE FROM block WHERE id = old.block_id
    AND NOT EXISTS (SELECT 1 FROM blob_block WHERE block_id = old.block_id);
END;
]],
  [[
CREATE TABLE asset (
  id INTEGER PRIMARY KEY,
  namespace_id INTEGER NOT NULL REFERENCES namespace (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,           -- the client's: two files of other sizes are two assets
  size INTEGER NOT NULL,
  is_stored INTEGER NOT NULL DEFAULT 0, -- the bytes are here
  type TEXT,                    -- the content type it is served with
  blob_id INTEGER REFERENCES blob (id), -- either this
  content BLOB,                 -- or this
  UNIQUE (namespace_id, hash, size)
);
CREATE INDEX asset_blob ON asset (blob_id) WHERE blob_id IS NOT NULL;

CREATE TABLE asset_set (
  id INTEGER PRIMARY KEY,
  session TEXT NOT NULL UNIQUE, -- the id that tokens name
  namespace_id INTEGER NOT NULL REFERENCES namespace (id) ON DELETE CASCADE,
  script TEXT NOT NULL,         -- the name of the one that may use it
  missing INTEGER NOT NULL DEFAULT 0, -- how many of its assets are not stored
  keep_until REAL               -- when it is swept unless a version refers to it; NULL: one does
);
CREATE INDEX asset_set_namespace ON asset_set (namespace_id);

CREATE TABLE asset_file (
  set_id INTEGER NOT NULL REFERENCES asset_set (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  asset_id INTEGER NOT NULL REFERENCES asset (id),
  PRIMARY KEY (set_id, path)
) WITHOUT ROWID;
CREATE INDEX asset_file_asset ON asset_file (asset_id, set_id);

ALTER TABLE version ADD COLUMN asset_set_id INTEGER REFERENCES asset_set (id);
ALTER TABLE version ADD COLUMN asset_config TEXT; -- JSON object
CREATE INDEX version_asset_set ON version (asset_set_id) WHERE asset_set_id IS NOT NULL;

CREATE TRIGGER asset_stored AFTER UPDATE OF is_stored ON asset
WHEN new.is_stored AND NOT old.is_stored BEGIN
  UPDATE asset_set SET missing = missing - 1
    WHERE id IN (SELECT set_id FROM asset_file WHERE asset_id = new.id);
  UPDATE blob SET orphan_since = NULL WHERE id = new.blob_id;
END;
CREATE TRIGGER asset_gone AFTER DELETE ON asset WHEN old.blob_id IS NOT NULL BEGIN
  DELETE FROM blob WHERE id = old.blob_id;
END;
CREATE TRIGGER asset_file_gone AFTER DELETE ON asset_file BEGIN
  DELETE FROM asset WHERE id = old.asset_id
    AND NOT EXISTS (SELECT 1 FROM asset_file WHERE asset_id = old.asset_id);
END;
CREATE TRIGGER asset_set_used AFTER INSERT ON version WHEN new.asset_set_id IS NOT NULL BEGIN
  UPDATE asset_set SET keep_until = NULL WHERE id = new.asset_set_id AND keep_until IS NOT NULL;
END;
]],
}
