-- The public store: values, lists, expectations, errors, cancelling, closing.
local moonherd = require "moonherd"
local store = require "moonherd.store"

local SCHEMA = { "CREATE TABLE t(k INTEGER PRIMARY KEY, v)" }
local ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
  .. "SELECT count(*) FROM n"

describe("store", function ()
  local path, db

  before_each(function ()
    path = os.tmpname()
    os.remove(path)
    db = store.open(path, { migrations = SCHEMA })
  end)

  after_each(function ()
    db:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  local function count()
    return db:read_one { "SELECT count(*) AS n FROM t" }.n
  end

  local function failure(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return err
  end

  local function assert_usage(pattern, f, ...)
    local err = failure(f, ...)
    assert.equal("usage", err.kind)
    assert.matches(pattern, err.message)
  end

  it("returns what was stored", function ()
    local values = { 7, math.mininteger, 0.5, "text", "", "a\0b" }
    table.move({ store.blob "\xff\0", store.null, true }, 1, 3, 7, values)
    for i, value in ipairs(values) do db:write { { "INSERT INTO t VALUES (?, ?)", i, value } } end
    local rows = db:read { { "SELECT v, typeof(v) AS type FROM t ORDER BY k" } }
    local types = {}
    for i, row in ipairs(rows) do types[i] = row.type end
    assert.equal("integer integer real text text text blob null integer", table.concat(types, " "))
    assert.equal(7, rows[1].v)
    assert.equal(math.mininteger, rows[2].v)
    assert.equal(0.5, rows[3].v)
    assert.equal("a\0b", rows[6].v)
    assert.equal("\xff\0", rows[7].v)
    assert.is_nil(rows[8].v)
    assert.equal(1, rows[9].v)
  end)

  it("returns the rows of every statement, and one row", function ()
    db:write { { "INSERT INTO t VALUES (1, 'a'), (2, 'b')" } }
    local all, none, one = db:read {
      { "SELECT * FROM t ORDER BY k" },
      { "SELECT * FROM t WHERE k > ?", 5 },
      { "SELECT v FROM t WHERE k = ?", 2 },
    }
    assert.same({ { k = 1, v = "a" }, { k = 2, v = "b" } }, all)
    assert.same({}, none)
    assert.same({ { v = "b" } }, one)
    assert.same({ k = 1, v = "a" }, db:read_one { "SELECT * FROM t" })
    assert.is_nil(db:read_one { "SELECT * FROM t WHERE k = 9" })
    assert.equal(0, select("#", db:read {}))
  end)

  it("counts changes and returns rows of writes", function ()
    local results = db:write {
      { "INSERT INTO t VALUES (1, 'a'), (2, 'b')", expect = 2 },
      { "UPDATE t SET v = upper(v) RETURNING v" },
      { "DELETE FROM t WHERE k = 9", expect = 0 },
    }
    assert.equal(2, results[1].changes)
    assert.same({}, results[1].rows)
    assert.same({ { v = "A" }, { v = "B" } }, results[2].rows)
    assert.equal(0, results[3].changes)
    assert.same({}, db:write {})
  end)

  it("undoes a list that misses its expectation", function ()
    local results, missed = db:write {
      { "INSERT INTO t VALUES (1, 'a')" },
      { "UPDATE t SET v = 'b' WHERE k = 2", expect = 1 },
    }
    assert.is_nil(results)
    assert.equal(2, missed)
    assert.equal(0, count())
  end)

  it("changes without telling what came of each statement", function ()
    local insert = { "INSERT INTO t VALUES (1, 'a')", expect = 1 }
    assert.is_true(db:change { insert })
    local is_done, missed = db:change { { "DELETE FROM t" }, { "UPDATE t SET v = 1", expect = 1 } }
    assert.is_nil(is_done)
    assert.equal(2, missed)
    assert.equal(1, count())
    assert.equal("constraint", failure(db.change, db, { insert }).reason)
    assert_usage("db:change", db.change, db, { { 1 } })
  end)

  it("says what failed and why", function ()
    db:write { { "INSERT INTO t VALUES (1, 'a')" } }
    local err = failure(db.write, db, {
      { "INSERT INTO t VALUES (2, 'b')" },
      { "INSERT INTO t VALUES (1, 'c')" },
    })
    assert.equal("io", err.kind)
    assert.equal("constraint", err.reason)
    assert.equal(2, err.statement)
    assert.equal("UNIQUE constraint failed: t.k (statement 2)", err.message)
    assert.equal(1, count())
    assert.equal("sql", failure(db.read, db, { { "SELEC" } }).reason)
    assert.equal("sql", failure(db.read, db, { { "DELETE FROM t" } }).reason)
    assert.equal("sql", failure(db.write, db, { { "COMMIT" } }).reason)
    assert.equal("sql", failure(db.write, db, { { "SELECT ?" } }).reason)
  end)

  it("refuses wrong arguments by name", function ()
    assert_usage("db:read: bad argument", db.read, db)
    assert_usage("db:read: bad statement 1", db.read, db, { "SELECT 1" })
    assert_usage("SQL text", db.read, db, { { 1 } })
    assert_usage("statement 1 is empty", db.write, db, { {} })
    assert_usage("statement 2.*nil", db.write, db, { { "SELECT 1" }, { "SELECT ?", nil, 2 } })
    assert_usage("bad parameter 2", db.write, db, { { "SELECT ?, ?", 1, {} } })
    assert_usage("unknown key 'expct'", db.write, db, { { "SELECT 1", expct = 1 } })
    assert_usage("bad 'expect'", db.write, db, { { "SELECT 1", expect = -1 } })
    assert_usage("db:read: 'expect' is for statements that write", db.read, db,
      { { "SELECT 1", expect = 1 } })
    assert_usage("store.blob", store.blob, 1)
    assert_usage("store.open: bad path", store.open, "")
    assert_usage("did you mean 'migrations'", store.open, path, { migration = {} })
  end)

  it("refuses files that it cannot use", function ()
    assert.equal("cannot_open", failure(store.open, "/").reason)
    local newer = { SCHEMA[1], "CREATE TABLE u(x)" }
    db:close()
    store.open(path, { migrations = newer }):close()
    assert.equal("newer", failure(store.open, path, { migrations = SCHEMA }).reason)
    local err = failure(store.open, path, { migrations = { "", "", "CREATE TABLE v(x)", "oops" } })
    assert.equal("sql", err.reason)
    assert.equal(4, err.migration)
    db = store.open(path, { migrations = newer })
    assert.is_nil(db:read_one { "SELECT * FROM sqlite_schema WHERE name = 'v'" })
  end)

  it("takes lists from many tasks at once", function ()
    moonherd.scope(function ()
      for i = 1, 500 do
        moonherd.spawn(function ()
          db:write { { "INSERT INTO t(v) VALUES (?)", "value " .. i } }
          local row = db:read_one { "SELECT count(*) AS n FROM t WHERE v = ?", "value " .. i }
          assert.equal(1, row.n)
        end)
      end
    end)
    assert.equal(500, count())
  end)

  it("keeps the strings of a list that changes while it runs", function ()
    local list = {}
    for i = 1, 50 do list[i] = { "INSERT INTO t(v) VALUES (?)", ("x"):rep(10000) .. i } end
    local task = moonherd.spawn(db.write, db, list)
    moonherd.sleep(0)
    for i = 1, 50 do list[i] = nil end
    collectgarbage()
    task:wait()
    assert.equal(50, db:read_one { "SELECT count(*) AS n FROM t WHERE length(v) > 10000" }.n)
  end)

  it("stops a list that is cancelled", function ()
    local read = moonherd.spawn(db.read, db, { { ENDLESS } })
    local write = moonherd.spawn(db.write, db, { { "INSERT INTO t(v) VALUES (1)" }, { ENDLESS } })
    moonherd.sleep "10ms"
    read:cancel()
    write:cancel()
    assert.equal("cancelled", failure(read.wait, read).kind)
    assert.equal("cancelled", failure(write.wait, write).kind)
    collectgarbage()
    assert.equal(0, count())
    local err = failure(moonherd.timeout, "10ms", db.read, db, { { ENDLESS } })
    assert.equal("timeout", err.kind)
  end)

  it("shares a path and closes once", function ()
    local second = store.open(path)
    second:write { { "INSERT INTO t VALUES (1, 1)" } }
    second:close()
    second:close()
    assert_usage("the store is closed", second.read, second, {})
    assert.equal(1, count())
    do
      local third <close> = store.open(path)
      assert.matches("^moonherd.store %(.*%)$", tostring(third))
    end
  end)

  it("finishes lists that were handed in before the close", function ()
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = moonherd.spawn(db.write, db, { { "INSERT INTO t VALUES (?, ?)", i, i } })
    end
    moonherd.sleep(0)
    db:close()
    for _, task in ipairs(tasks) do assert.equal(1, task:wait()[1].changes) end
    db = store.open(path)
    assert.equal(20, count())
  end)

  it("is closed by the collector when nobody closes it", function ()
    store.open(path)
    collectgarbage()
    collectgarbage()
    assert.equal(0, count())
  end)
end)
