-- What db:rows promises: memory that does not grow, one moment, and nothing left behind.
local moonherd = require "moonherd"
local fs = moonherd.fs

local MANY <const> = 100000 -- far more than one page

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

local function open_descriptors()
  return #fs.list "/proc/self/fd"
end

-- A virtual clock would run ahead while nobody waits for the threads of the store.
describe("rows of a database", function ()
  local tmp, db
  before_each(function ()
    tmp = fs.temp_dir()
    db = moonherd.sqlite.open(fs.join(tmp.path, "rows.db"), {
      migrations = { "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT)" },
    })
    db:exec([[
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      INSERT INTO item SELECT i, 'item ' || i FROM n]], MANY)
  end)
  after_each(function ()
    db:close()
    tmp:remove()
  end)

  local function count()
    return db:first("SELECT count(*) AS n FROM item").n
  end

  it("come in order, each once, with their numbers", function ()
    local last = 0
    for row, number in db:rows("SELECT id, name FROM item WHERE id > ? ORDER BY id", 10) do
      last = last + 1
      assert(row.id == last + 10 and number == last and row.name == "item " .. row.id)
    end
    assert.equal(MANY - 10, last)
  end)

  it("take the same memory however many there are", function ()
    local function grown(sql)
      collectgarbage()
      local before, most = collectgarbage "count", 0
      for _, number in db:rows(sql) do
        if number % 10000 == 0 then
          collectgarbage()
          most = math.max(most, collectgarbage "count" - before)
        end
      end
      return most
    end
    assert.is_true(grown "SELECT a.id, b.name FROM item a, item b WHERE b.id < 5" < 2000)
  end)

  it("are those of the moment of the call", function ()
    local seen, last = 0, nil
    for row in db:rows "SELECT id FROM item ORDER BY id" do
      if seen == 0 then db:exec("DELETE FROM item WHERE id > ?", MANY / 2) end
      if seen % 10000 == 0 then db:exec("INSERT INTO item(name) VALUES ('late')") end
      seen, last = seen + 1, row.id
    end
    assert.same({ MANY, MANY }, { seen, last })
    assert.equal(MANY / 2 + 10, count())
  end)

  it("may be read within each other, deeper than there are readers", function ()
    local sums = {}
    for a in db:rows "SELECT id FROM item" do
      for b in db:rows "SELECT id FROM item" do
        for c in db:rows "SELECT id FROM item" do
          for d in db:rows "SELECT id FROM item" do
            sums[#sums + 1] = a.id + b.id + c.id + d.id
            if d.id == 2 then break end
          end
          if c.id == 2 then break end
        end
        if b.id == 2 then break end
      end
      if a.id == 2 then break end
    end
    assert.equal(16, #sums)
    assert.equal(MANY, count())
  end)

  local LEFT = {
    ["by break"] = function ()
      for row in db:rows "SELECT id FROM item" do
        if row.id > 1 then break end
      end
    end,
    ["by return"] = function ()
      for row in db:rows "SELECT id FROM item" do
        if row.id > 1 then return row end
      end
    end,
    ["by an error"] = function ()
      pcall(function () for _ in db:rows "SELECT id FROM item" do error "enough" end end)
    end,
    ["by the collector"] = function ()
      db:rows "SELECT id FROM item"()
      collectgarbage()
      collectgarbage()
    end,
    ["by a timeout"] = function ()
      moonherd.try(moonherd.timeout, "5ms", function ()
        for _ in db:rows "SELECT id FROM item" do moonherd.sleep "1ms" end
      end)
    end,
    ["by a timeout while a page is read"] = function ()
      moonherd.try(moonherd.timeout, "20ms", function ()
        for _ in db:rows [[
          SELECT a.id FROM item a, item b WHERE a.id < 2000 OR a.name = 'x']] do end
      end)
    end,
  }
  for how, leave in pairs(LEFT) do
    it("leave nothing open when the loop is left " .. how, function ()
      for _ = 1, 4 do count() end -- the readers have opened theirs
      moonherd.gather(count, count, count)
      local before = open_descriptors()
      for _ = 1, 10 do leave() end
      moonherd.gather(count, count, count)
      assert.is_true(open_descriptors() <= before + 6) -- a reader may have begun meanwhile
      db:exec "DELETE FROM item WHERE id > 5"
      assert.equal(5, count())
    end)
  end

  it("end with an error when the database is closed", function ()
    local err = failure(function ()
      for _, number in db:rows "SELECT id FROM item" do
        if number == 10 then db:close() end
      end
    end)
    assert.same({ "usage", "db:rows: the database is closed" }, { err.kind, err.message })
    assert.matches("db:rows: the database is closed", failure(db.rows, db, "SELECT 1").message)
    assert.matches("db:first: the database is closed", failure(db.first, db, "SELECT 1").message)
    assert.matches("db:exec: the database is closed", failure(db.exec, db, "SELECT 1").message)
  end)

  it("say what is wrong, at once or when it comes", function ()
    assert.equal("sql", failure(db.rows, db, "SELEKT 1").reason)
    assert.equal("sql", failure(db.rows, db, "SELECT ?").reason)
    assert.equal("sql", failure(db.rows, db, "DELETE FROM item").reason)
    local seen = 0
    local err = failure(function ()
      local late = "SELECT id, abs(CASE id WHEN 50000 THEN -9223372036854775808 ELSE id END) "
        .. "FROM item ORDER BY id"
      for row in db:rows(late) do seen = row.id end
    end)
    assert.same({ "io", "sql", "integer overflow" }, { err.kind, err.reason, err.message })
    assert.is_true(seen > 40000 and seen < 50000)
  end)

  it("are for one task at a time, and may be handed on", function ()
    local next_row, ids = db:rows "SELECT id FROM item ORDER BY id", {}
    for _ = 1, 3 do
      moonherd.spawn(function () ids[#ids + 1] = next_row().id end):wait()
    end
    assert.same({ 1, 2, 3 }, ids)
    local refused = 0
    moonherd.each({ 1, 2 }, { concurrency = 2 }, function ()
      local ok, err = pcall(function () for _ in next_row do end end)
      if not ok then
        refused = refused + 1
        assert.equal("db:rows: another task waits for the next row", err.message)
      end
    end)
    assert.equal(1, refused)
  end)

  it("keep their parameters from page to page", function ()
    local seen = 0
    for row in db:rows("SELECT ? AS text, ? AS bytes FROM item", ("x"):rep(100),
      moonherd.sqlite.blob(("\0"):rep(10))) do
      assert(row.text == ("x"):rep(100) and row.bytes == ("\0"):rep(10))
      seen = seen + 1
      if seen % 1000 == 0 then collectgarbage() end
    end
    assert.equal(MANY, seen)
  end)

  it("may be large, and one by one", function ()
    local sizes = {}
    for row in db:rows "SELECT zeroblob(3000000) AS bytes FROM item LIMIT 5" do
      sizes[#sizes + 1] = #row.bytes
    end
    assert.same({ 3000000, 3000000, 3000000, 3000000, 3000000 }, sizes)
  end)

  it("are not all read for the first of them", function ()
    local sql = "SELECT a.id FROM item a, item b, item c" -- 10^15 rows
    assert.equal(1, db:first(sql).id)
    db:transaction(function (tx) assert.equal(1, tx:first(sql).id) end)
  end)
end)
