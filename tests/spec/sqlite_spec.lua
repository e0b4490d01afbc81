local moonherd = require "moonherd"
local PROGRAM = (os.getenv "B" or "build") .. "/moonherd"
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

  it("stores infinities as they are, and NaN as NULL", function ()
    local row = db:first("SELECT ? AS most, ? AS least, ? AS nan, ? IS NULL AS is_null",
      math.huge, -math.huge, 0 / 0, 0 / 0)
    assert.same({ most = math.huge, least = -math.huge, is_null = 1 }, row)
  end)

  it("makes no folder", function ()
    local path = tmp.path .. "/missing/x.db"
    local err = failure(moonherd.sqlite.open, path)
    assert.equal("cannot_open", err.reason)
    assert.equal(path .. ": its folder is missing: no such file or directory", err.message)
    assert.is_false(moonherd.fs.exists(tmp.path .. "/missing"))
  end)

  it("names the function that was called with a wrong parameter", function ()
    for _, name in ipairs { "exec", "first", "rows" } do
      assert.matches(("^db:%s: bad parameter 1 of statement 1"):format(name),
        failure(db[name], db, "SELECT ?", {}).message)
    end
    local err = failure(db.exec, db, "SELECT ?", moonherd.secret "hunter2-hunter2")
    assert.matches("got moonherd.secret", err.message)
    assert.matches("^db:exec_all: bad parameter 2 of statement 1",
      failure(db.exec_all, db, { { "SELECT ?, ?", 1, print } }).message)
    db:transaction(function (tx)
      for _, name in ipairs { "exec", "first", "rows" } do
        assert.matches(("^tx:%s: bad parameter 1 of statement 1"):format(name),
          failure(tx[name], tx, "SELECT ?", {}).message)
      end
      assert.matches("^tx:exec_all: bad argument", failure(tx.exec_all, tx, 5).message)
    end)
    assert.matches("^sqlite.open: bad path", failure(moonherd.sqlite.open, "a\0b").message)
  end)

  local function count()
    return db:first("SELECT count(*) AS n FROM tenant").n
  end

  local function insert(on, name)
    return (on:exec("INSERT INTO tenant(name) VALUES (?)", name))
  end

  it("says that a method wants a colon", function ()
    for _, name in ipairs { "exec", "exec_all", "first", "rows" } do
      local wanted = "db:%s: no db before the name; call it with a colon, db:%s(…)"
      assert.equal(wanted:format(name, name), failure(db[name], "SELECT 1").message)
    end
  end)

  it("commits what a transaction has done when its function returns", function ()
    local seen
    local a, b = db:transaction(function (tx)
      insert(tx, "a")
      seen = { tx:first("SELECT count(*) AS n FROM tenant").n, count() }
      return "x", "y"
    end)
    assert.same({ 1, 0 }, seen)
    assert.same({ "x", "y" }, { a, b })
    assert.equal(1, count())
  end)

  it("rolls back a transaction that raises", function ()
    assert.equal("no", failure(db.transaction, db, function (tx)
      insert(tx, "a")
      error("no", 0)
    end))
    assert.equal(0, count())
  end)

  it("undoes only the statement that fails when its error is caught", function ()
    db:transaction(function (tx)
      insert(tx, "a")
      assert.equal("constraint", failure(insert, tx, "a").reason)
      assert.is_nil((tx:exec_all { { "DELETE FROM tenant WHERE name = 'b'", expect = 1 } }))
      assert.equal("sql", failure(tx.first, tx, "DELETE FROM tenant").reason)
      for row in tx:rows "SELECT name FROM tenant" do insert(tx, row.name .. "2") end
    end)
    assert.equal(2, count())
  end)

  it("lets other writes wait behind a transaction", function ()
    local order = {}
    local function note(what) order[#order + 1] = what end
    moonherd.scope(function ()
      local begun, go = moonherd.channel(1), moonherd.channel(1)
      moonherd.spawn(function ()
        db:transaction(function (tx)
          begun:send(true)
          go:recv()
          note((tx:exec "UPDATE tenant SET plan = 'tx'"))
        end)
      end)
      begun:recv()
      moonherd.spawn(function () note("write " .. insert(db, "a")) end)
      moonherd.spawn(function ()
        note("tx " .. db:transaction(function (tx) return insert(tx, "b") end))
      end)
      assert.equal(0, count())
      go:send(true)
    end)
    assert.same({ 0, "write 1", "tx 1" }, order)
  end)

  it("rolls back a transaction that is cancelled, or has not begun", function ()
    moonherd.scope(function ()
      local begun = moonherd.channel(1)
      local tasks = {}
      tasks[1] = moonherd.spawn(function ()
        db:transaction(function (tx)
          insert(tx, "a")
          begun:send(true)
          moonherd.sleep "1h"
        end)
      end)
      begun:recv()
      tasks[2] = moonherd.spawn(function ()
        db:transaction(function () error "never runs" end)
      end)
      moonherd.sleep(0)
      for i = 2, 1, -1 do
        tasks[i]:cancel()
        assert.is_false((pcall(tasks[i].wait, tasks[i])))
      end
    end)
    assert.equal(1, insert(db, "a"))
    assert.equal(1, count())
  end)

  it("rolls back a transaction when the database is closed", function ()
    local err = failure(db.transaction, db, function (tx)
      insert(tx, "a")
      db:close()
      assert.matches("tx:exec: the transaction is over", failure(insert, tx, "b").message)
    end)
    assert.same({ "io", "rolled_back" }, { err.kind, err.reason })
    db = moonherd.sqlite.open(db.path, { migrations = MIGRATIONS })
    assert.equal(0, count())
  end)

  it("refuses what would wait for itself", function ()
    db:transaction(function (tx)
      assert.matches("db:exec: this task is in a transaction", failure(insert, db, "a").message)
      assert.matches("db:exec_all: this task", failure(db.exec_all, db, {}).message)
      assert.matches("db:transaction: this task",
        failure(db.transaction, db, function () end).message)
      assert.equal(1, insert(tx, "a"))
    end)
    assert.matches("db:transaction: bad function", failure(db.transaction, db, "BEGIN").message)
    local leaked
    db:transaction(function (tx) leaked = tx end)
    assert.matches("tx:first: the transaction is over",
      failure(leaked.first, leaked, "SELECT 1").message)
  end)

  it("refuses a task of the transaction that would wait for its end", function ()
    local again = moonherd.sqlite.open(db.path)
    local WRITES = {
      function () insert(db, "a") end,
      function () insert(again, "a") end,
      function () db:exec_all { { "DELETE FROM tenant" } } end,
      function () db:transaction(function () end) end,
      function () moonherd.scope(function () moonherd.spawn(insert, db, "a"):wait() end) end,
    }
    for _, write in ipairs(WRITES) do
      local err = failure(db.transaction, db, function (tx)
        insert(tx, "a")
        moonherd.spawn(write):wait()
      end)
      assert.same({ "usage", "deadlock" }, { err.kind, err.reason })
      assert.matches("this task was begun in a transaction of the database", err.message)
      assert.matches("write with what its function is given", err.hint)
    end
    again:close()
    assert.equal(0, count())
  end)

  it("takes what the tasks of a transaction write with it, and waits for them", function ()
    db:transaction(function (tx)
      moonherd.each({ "a", "b" }, { concurrency = 2 }, function (name) insert(tx, name) end)
      moonherd.spawn(function ()
        moonherd.sleep "1ms"
        insert(tx, "late")
      end)
    end)
    assert.equal(3, count())
  end)

  it("lets tasks wait for it that were there before, also those that belong to its own", function ()
    local begun = moonherd.channel(1)
    local sibling = moonherd.spawn(function ()
      begun:recv()
      return insert(db, "b")
    end)
    db:transaction(function (tx)
      begun:send(true)
      moonherd.sleep "1ms"
      insert(tx, "a")
      assert.equal("running", sibling:state())
    end)
    assert.equal(1, (sibling:wait()))
    assert.equal(2, count())
  end)

  it("lets a write that waits for a transaction be cancelled", function ()
    moonherd.scope(function ()
      local begun = moonherd.channel(1)
      local holder = moonherd.spawn(function ()
        db:transaction(function () begun:send(true) moonherd.sleep "1h" end)
      end)
      begun:recv()
      local _, err = moonherd.try(moonherd.timeout, "5ms", insert, db, "b")
      assert.matches("while waiting for db:exec", err.message)
      holder:cancel()
      pcall(holder.wait, holder)
    end)
    assert.equal(1, insert(db, "b"))
  end)

  it("lets a virtual clock go on while a write waits for a transaction", function ()
    local script = [[
      local moonherd = require "moonherd"
      local db <close> = moonherd.sqlite.open(arg[1])
      local writer
      moonherd.spawn(function ()
        db:transaction(function (tx)
          moonherd.sleep "10m"
          tx:exec "INSERT INTO tenant(name) VALUES ('a')"
        end)
      end)
      moonherd.sleep "1m"
      print((db:exec "INSERT INTO tenant(name) VALUES ('b')"))
    ]]
    local file = fs.join(tmp.path, "script.lua")
    fs.write(file, script)
    assert.equal("1\n", moonherd.sh({ PROGRAM, "run", "--target", "local",
      "--clock", "virtual", file, db.path }, { timeout = "20s" }).stdout)
  end)

  it("tells of what is wrong at the end of a transaction", function ()
    db:exec "CREATE TABLE child(id, tenant REFERENCES tenant(id) DEFERRABLE INITIALLY DEFERRED)"
    local err = failure(db.transaction, db, function (tx)
      tx:exec "INSERT INTO child VALUES (1, 99)"
    end)
    assert.equal("constraint", err.reason)
    assert.equal(0, db:first("SELECT count(*) AS n FROM child").n)
  end)
end)
