-- The SQL of the request budget: what all processes of a user know of each allowance. Nothing here
-- knows how requests are paced. An allowance is read, a decision is made, and the change is written
-- under the guard of its `rev`: of two processes that decide at once, one has to look again.
--
--   allowance 1-n slot (requests of a moment)   allowance 1-n holder (what a process has taken)
--
-- Times are seconds since 1970. An entry of the log that is from the future was made before the
-- clock was set back, and does not count.

local store = require "moonherd.store"

local M = {}

local blob, or_null = store.blob, store.or_null

local MIGRATIONS = {
  [[
CREATE TABLE allowance (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  rev INTEGER NOT NULL DEFAULT 1,
  told_quota INTEGER,
  told_window REAL,
  due REAL,
  left INTEGER,
  left_until REAL,
  left_seen REAL,
  left_others INTEGER,
  blocked_until REAL,
  blocked_seen REAL
);
CREATE TABLE slot (
  allowance_id INTEGER NOT NULL REFERENCES allowance,
  start REAL NOT NULL,
  taken INTEGER NOT NULL,
  PRIMARY KEY (allowance_id, start)
) WITHOUT ROWID;
CREATE TABLE holder (
  allowance_id INTEGER NOT NULL REFERENCES allowance,
  process BLOB NOT NULL,
  leased INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  seen REAL NOT NULL,
  PRIMARY KEY (allowance_id, process)
) WITHOUT ROWID;
]],
}

local Store = {}
Store.__index = Store

--- Opens the file, making it or bringing it up to date.
function M.open(path)
  return setmetatable({ db = store.open(path, { migrations = MIGRATIONS, readers = 1 }) }, Store)
end

function Store:close()
  self.db:close()
end

-- Another process may have looked at the clock a moment later, and written a moment earlier.
local FUTURE <const> = 1

local READ = [[
  SELECT a.*,
    (SELECT sum(taken) FROM slot
      WHERE allowance_id = a.id AND start > ?2 - ?3 AND start <= ?2 + ?5) AS used,
    (SELECT min(start) FROM slot
      WHERE allowance_id = a.id AND start > ?2 - ?3 AND start <= ?2 + ?5 AND taken > 0) AS oldest,
    (SELECT sum(taken) FROM slot
      WHERE allowance_id = a.id AND start >= ?6 AND start <= ?2 + ?5) AS recent,
    (SELECT sum(leased - answered) FROM holder
      WHERE allowance_id = a.id AND process <> ?4 AND seen > ?2 - ?3) AS others,
    (SELECT leased FROM holder WHERE allowance_id = a.id AND process = ?4) AS leased
  FROM allowance a WHERE key = ?1]]

--- An allowance as it is known: its row, which is made when there is none, with `used` and `oldest`
--- of the log of the last `span` seconds, what is in it since the time `since` (`recent`), what
--- `others` have taken and not yet had answered, and what this process has `leased` in all.
function Store:read(key, process, now, span, since)
  local statement = { READ, blob(key), now, span, blob(process), FUTURE, since }
  local row = self.db:read_one(statement)
  if not row then
    self.db:write {
      { "INSERT INTO allowance (key) VALUES (?) ON CONFLICT DO NOTHING", blob(key) },
    }
    row = self.db:read_one(statement)
  end
  row.used, row.recent = row.used or 0, row.recent or 0
  row.others, row.leased = row.others or 0, row.leased or 0
  return row
end

local UPDATE = [[
  UPDATE allowance SET rev = rev + 1, told_quota = ?, told_window = ?, due = ?, left = ?,
    left_until = ?, left_seen = ?, left_others = ?, blocked_until = ?, blocked_seen = ?
  WHERE id = ? AND rev = ?]]

local LOG = [[
  INSERT INTO slot (allowance_id, start, taken) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET taken = taken + excluded.taken]]

local HOLD = [[
  INSERT INTO holder (allowance_id, process, leased, answered, seen) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET leased = excluded.leased, answered = excluded.answered,
    seen = excluded.seen]]

--- Writes an allowance as it was read and changed, its `leased` among it, with `answered` and the
--- entries of the log that are new: a list of {start=, taken=}. False when somebody was faster.
function Store:write(row, process, now, span, answered, slots)
  local list = {
    {
      UPDATE, or_null(row.told_quota), or_null(row.told_window), or_null(row.due),
      or_null(row.left), or_null(row.left_until), or_null(row.left_seen),
      or_null(row.left_others), or_null(row.blocked_until), or_null(row.blocked_seen), row.id,
      row.rev, expect = 1,
    },
    { HOLD, row.id, blob(process), row.leased, answered, now },
    { "DELETE FROM slot WHERE allowance_id = ? AND (start <= ? OR start > ?)", row.id, now - span,
      now + FUTURE },
    { "DELETE FROM holder WHERE allowance_id = ? AND seen <= ?", row.id, now - span },
  }
  for _, slot in ipairs(slots) do
    list[#list + 1] = { LOG, row.id, slot.start, slot.taken }
  end
  return self.db:change(list) ~= nil
end

return M
