local moonherd = require "moonherd"
local fs = moonherd.fs

local MIGRATIONS = {
  "CREATE TABLE tenant(id INTEGER PRIMARY KEY, name TEXT UNIQUE, plan, paid REAL, logo BLOB)",
}

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("sqlite", function ()
  local tmp, db
  before_each(function ()
    tmp = fs.temp_dir()
    db = moonherd.sqlite.open(fs.join(tmp.path, "tenants.db"), { migrations = MIGRATIONS })
  end)
  after_each(function ()
    db:close()
    tmp:remove()
  end)

  it("writes and reads values of every kind", function ()
    local insert = "INSERT INTO tenant(name, plan, paid, logo) VALUES (?, ?, ?, ?)"
    assert.equal(1, db:exec(insert, "a\0é", true, 1.5, moonherd.sqlite.blob "\0\xff"))
    assert.equal(1, db:exec(insert, "b", nil, moonherd.null, ""))
    assert.same({ id = 1, name = "a\0é", plan = 1, paid = 1.5, logo = "\0\xff" },
      db:first "SELECT * FROM tenant")
    assert.same({ id = 2, name = "b", logo = "" }, db:first("SELECT * FROM tenant WHERE id = ?", 2))
    assert.is_nil(db:first("SELECT * FROM tenant WHERE id = ?", 3))
  end)

  it("iterates over rows, and gives what is returned", function ()
    local changes, rows = db:exec(
      "INSERT INTO tenant(name) VALUES ('a'), ('b'), ('c') RETURNING id, name")
    assert.equal(3, changes)
    assert.same({ id = 3, name = "c" }, rows[3])
    local names = {}
    for row, i in db:rows("SELECT name FROM tenant WHERE id > ? ORDER BY id", 1) do
      names[i] = row.name
      db:exec("DELETE FROM tenant WHERE name = ?", row.name)
    end
    assert.same({ "b", "c" }, names)
    assert.equal(1, db:first("SELECT count(*) AS n FROM tenant").n)
  end)

  it("changes all or nothing", function ()
    local results, missed = db:exec_all {
      { "INSERT INTO tenant(name) VALUES (?)", "a" },
      { "UPDATE tenant SET plan = 'pro' WHERE name = ?", "zzz", expect = 1 },
    }
    assert.is_nil(results)
    assert.equal(2, missed)
    local err = failure(db.exec_all, db, {
      { "INSERT INTO tenant(name) VALUES (?)", "a" },
      { "INSERT INTO tenant(name) VALUES (?)", "a" },
    })
    assert.equal("constraint", err.reason)
    assert.equal(0, db:first("SELECT count(*) AS n FROM tenant").n)
  end)

  it("says what is wrong", function ()
    assert.equal("sql", failure(db.exec, db, "SELEKT 1").reason)
    assert.equal("sql", failure(db.exec, db, "SELECT ?").reason)
    assert.equal("sql", failure(db.first, db, "DELETE FROM tenant").reason)
    assert.matches("db:exec: bad SQL", failure(db.exec, db, 5).message)
    assert.matches("sqlite.open: bad path", failure(moonherd.sqlite.open, "").message)
    assert.matches("did you mean 'migrations'",
      failure(moonherd.sqlite.open, "x", { migration = {} }).message)
    assert.equal("cannot_open", failure(moonherd.sqlite.open, tmp.path).reason)
  end)
end)
