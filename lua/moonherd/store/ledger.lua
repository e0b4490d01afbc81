-- The SQL of a job's ledger: who runs it, and how far each item is. Nothing here knows what an item
-- does. Every change of an item is guarded by its `rev`, or by who holds it: of two processes that
-- want the same item one finds that its guard has missed.
--
--   job 1 row   owner 1-n item (the one who holds it, or held it last)   snapshot 0-1 item

local fs = require "moonherd.fs"
local errors = require "moonherd.error"
local store = require "moonherd.store"

local M = {}

local blob, or_null = store.blob, store.or_null

-- A database of something else is left as it is: the name of the constraint tells why.
local NOTHING_ELSE = [[
CREATE TABLE found (
  others INTEGER CONSTRAINT is_database_of_something_else CHECK (others = 0)
);
INSERT INTO found SELECT count(*) FROM sqlite_master WHERE name <> 'found';
DROP TABLE found;
]]

local MIGRATIONS = {
  NOTHING_ELSE .. [[
CREATE TABLE job (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  origin TEXT NOT NULL,
  created REAL NOT NULL
);
CREATE TABLE owner (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL,
  boot TEXT NOT NULL,
  pid INTEGER NOT NULL,
  born TEXT NOT NULL,
  user TEXT NOT NULL,
  began REAL NOT NULL,
  beat INTEGER NOT NULL DEFAULT 0,
  ended REAL
);
CREATE TABLE item (
  key TEXT PRIMARY KEY,
  digest BLOB,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
  owner_id INTEGER NOT NULL REFERENCES owner,
  rev INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 1,
  requests INTEGER NOT NULL DEFAULT 0,
  began REAL NOT NULL,
  ended REAL,
  newest_owner_id INTEGER,  -- when it ended
  error TEXT
) WITHOUT ROWID;
CREATE INDEX item_state ON item(state, key);
CREATE TABLE snapshot (
  key TEXT PRIMARY KEY,
  place TEXT NOT NULL,
  state TEXT NOT NULL,
  after TEXT
);
]],
  -- Where the job's work, and that of an item, is done.
  [[
ALTER TABLE job ADD COLUMN place TEXT;
ALTER TABLE item ADD COLUMN place TEXT;
]],
}

local Ledger = {}
Ledger.__index = Ledger

--- Opens a ledger, making it or bringing it up to date.
function M.open(path)
  local db = store.open(path, { migrations = MIGRATIONS, readers = 1 })
  return setmetatable({ db = db, path = db.path }, Ledger)
end

--- Closes it.
function Ledger:close()
  self.db:close()
end

Ledger.__close = Ledger.close

--- Raises when the file is not there any more: SQLite would go on writing to what nobody can open.
---@error io not_found
function Ledger:check()
  if fs.exists(self.path) then return end
  errors.raise {
    kind = "io", reason = "not_found", path = self.path,
    message = "it was removed while the job ran",
    hint = "what was done since the last run is not recorded",
  }
end

-- ---- the job ------------------------------------------------------------------------------------

--- The job's row, which is made when there is none: {name=, origin= a text, created=}.
function Ledger:take_job(name, origin, now)
  local job = self:find_job()
  if job then return job end
  self.db:write {
    {
      "INSERT INTO job (id, name, origin, created) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
      name, origin, now,
    },
  }
  return self:find_job()
end

--- The job's row, or nil.
function Ledger:find_job()
  return self.db:read_one { "SELECT name, origin, created, place FROM job" }
end

--- Keeps where the job is run from now.
function Ledger:set_origin(origin)
  self.db:write { { "UPDATE job SET origin = ?1 WHERE origin <> ?1", origin } }
end

--- Keeps the place that the job's work is done at, unless there is one.
function Ledger:keep_place(place)
  self.db:write { { "UPDATE job SET place = ? WHERE place IS NULL", place } }
end

--- That place, or nil.
function Ledger:find_place()
  return self.db:read_one { "SELECT place FROM job" }.place
end

-- ---- owners -------------------------------------------------------------------------------------

--- Takes down who runs the job from now on; returns the number of the run.
function Ledger:add_owner(owner, now)
  local results = self.db:write {
    {
      [[INSERT INTO owner (host, boot, pid, born, user, began) VALUES (?, ?, ?, ?, ?, ?)
        RETURNING id]],
      owner.host, owner.boot, owner.pid, owner.born, owner.user, now,
    },
  }
  return results[1].rows[1].id
end

--- Shows the others that the owner is still there.
function Ledger:beat(owner_id)
  self.db:write { { "UPDATE owner SET beat = beat + 1 WHERE id = ?", owner_id } }
end

--- Says that the owner holds nothing any more.
function Ledger:end_owner(owner_id, now)
  self.db:write { { "UPDATE owner SET ended = ? WHERE id = ?", now, owner_id } }
end

function Ledger:find_owner(owner_id)
  return self.db:read_one { "SELECT * FROM owner WHERE id = ?", owner_id }
end

--- The owners that hold items, or have not said that they ended, the last one at least.
function Ledger:list_owners()
  return self.db:read { {
    [[SELECT *, (SELECT count(*) FROM item WHERE state = 'running' AND owner_id = owner.id) AS held
      FROM owner WHERE held > 0 OR ended IS NULL OR id = (SELECT max(id) FROM owner)
      ORDER BY id]],
  } }
end

-- ---- items --------------------------------------------------------------------------------------

function Ledger:find_item(key)
  return self.db:read_one { "SELECT * FROM item WHERE key = ?", key }
end

local CREATE_ITEM = [[
  INSERT INTO item (key, digest, state, owner_id, began, ended, error, place, newest_owner_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT max(id) FROM owner))
  ON CONFLICT DO NOTHING]]

local CHANGE_ITEM = [[
  UPDATE item SET digest = ?, state = ?, owner_id = ?, began = ?, ended = ?, error = ?,
    place = coalesce(?, place), newest_owner_id = (SELECT max(id) FROM owner),
    attempts = attempts + 1, rev = rev + 1
  WHERE key = ? AND rev = ?]]

-- Writes a row as it shall be; false when it is not as it was read (rev, nil for no row).
local function put_item(self, key, rev, fields)
  local digest = fields.digest and blob(fields.digest) or store.null
  local statement
  if rev then
    statement = {
      CHANGE_ITEM, digest, fields.state, fields.owner_id, fields.began, or_null(fields.ended),
      or_null(fields.error), or_null(fields.place), key, rev, expect = 1,
    }
  else
    statement = {
      CREATE_ITEM, key, digest, fields.state, fields.owner_id, fields.began, or_null(fields.ended),
      or_null(fields.error), or_null(fields.place), expect = 1,
    }
  end
  return self.db:change { statement } ~= nil
end

--- Takes an item: from now on it is running. False when somebody else was faster.
function Ledger:claim(key, rev, digest, owner_id, now, place)
  return put_item(self, key, rev, {
    digest = digest, state = "running", owner_id = owner_id, began = now, place = place,
  })
end

--- Takes down an item that failed before it was begun.
function Ledger:refuse(key, rev, owner_id, now, error)
  return put_item(self, key, rev, {
    state = "failed", owner_id = owner_id, began = now, ended = now, error = error,
  })
end

--- Takes down how a running item ended; false when it was taken away from its owner.
function Ledger:finish(key, owner_id, result)
  return self.db:change {
    {
      [[UPDATE item SET state = ?, ended = ?, requests = requests + ?, error = ?, rev = rev + 1,
          newest_owner_id = (SELECT max(id) FROM owner)
        WHERE key = ? AND owner_id = ? AND state = 'running']],
      result.state, result.ended, result.requests, or_null(result.error), key, owner_id, expect = 1,
    },
  } ~= nil
end

local STATEMENTS = 500 -- in one write

-- Runs one statement for every key.
local function write_for_each(self, keys, statement_of)
  for first = 1, #keys, STATEMENTS do
    local list = {}
    for i = first, math.min(first + STATEMENTS - 1, #keys) do
      list[#list + 1] = statement_of(keys[i])
    end
    self.db:change(list)
  end
end

--- Takes all items of a plan at once.
function Ledger:put_plan(keys, owner_id, began)
  write_for_each(self, keys, function (key)
    return {
      [[INSERT INTO item (key, state, owner_id, began) VALUES (?, 'running', ?, ?)
        ON CONFLICT DO UPDATE SET state = 'running', owner_id = excluded.owner_id,
          began = excluded.began, ended = NULL, error = NULL, attempts = attempts + 1,
          rev = rev + 1]],
      key, owner_id, began,
    }
  end)
end

--- Takes down that items of a plan are done.
function Ledger:put_ends(keys, ended)
  write_for_each(self, keys, function (key)
    return {
      [[UPDATE item SET state = 'done', ended = ?, rev = rev + 1,
          newest_owner_id = (SELECT max(id) FROM owner) WHERE key = ? AND state = 'running']],
      ended, key,
    }
  end)
end

--- The items that somebody holds or held when his run ended: {key=, owner_id=, began=}.
function Ledger:list_held()
  return self.db:read { { "SELECT key, owner_id, began FROM item WHERE state = 'running'" } }
end

--- How many items of the plan of a moment are done.
function Ledger:count_done_of(began)
  return self.db:read_one {
    "SELECT count(*) AS n FROM item WHERE state = 'done' AND began = ?", began,
  }.n
end

--- Some items behind a key in the order of keys, of one state or of all, with who ran each.
function Ledger:list_items(after, limit, state)
  return self.db:read { {
    [[SELECT item.*, owner.host, owner.pid, owner.user FROM item JOIN owner ON owner.id = owner_id
      WHERE key > ? AND (?2 IS NULL OR state = ?2) ORDER BY key LIMIT ?3]],
    after, or_null(state), limit,
  } }
end

--- The number of items of each state, and the requests of all.
function Ledger:count()
  local counts = { running = 0, done = 0, failed = 0, requests = 0 }
  local rows = self.db:read { {
    "SELECT state, count(*) AS n, sum(requests) AS requests FROM item GROUP BY state",
  } }
  for _, row in ipairs(rows) do
    counts[row.state], counts.requests = row.n, counts.requests + row.requests
  end
  return counts
end

-- ---- snapshots ----------------------------------------------------------------------------------

--- Keeps what stood before an item was run. What is kept already stays: it is older.
function Ledger:add_snapshot(key, place, state)
  self.db:write {
    {
      "INSERT INTO snapshot (key, place, state) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key,
      place, blob(state),
    },
  }
end

--- Keeps what the item has left behind; nil: nobody knows.
function Ledger:set_after(key, after)
  self.db:write { { "UPDATE snapshot SET after = ? WHERE key = ?", or_null(after), key } }
end

function Ledger:has_snapshot(key)
  return self.db:read_one { "SELECT 1 AS found FROM snapshot WHERE key = ?", key } ~= nil
end

--- Some snapshots behind a key, in the order of keys.
function Ledger:list_snapshots(after, limit)
  return self.db:read {
    { "SELECT * FROM snapshot WHERE key > ? ORDER BY key LIMIT ?", after, limit },
  }
end

--- Forgets the snapshot of an item, and that the item was run: the next run does it again.
function Ledger:roll_back(key)
  self.db:write {
    { "DELETE FROM item WHERE key = ?", key }, { "DELETE FROM snapshot WHERE key = ?", key },
  }
end

return M
