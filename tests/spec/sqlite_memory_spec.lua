local moonherd = require "moonherd"
local fs = moonherd.fs
local PROGRAM = fs.absolute((os.getenv "B" or "build") .. "/moonherd")

local MIGRATIONS = { "CREATE TABLE tenant(id INTEGER PRIMARY KEY, name TEXT UNIQUE)" }

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("sqlite in memory", function ()
  local MEMORY <const> = ":memory:"

  -- Closed, a database has nothing left in the folder they are all in.
  local function names_beside(database)
    return fs.list((fs.dirname(database._store.path)))
  end

  it("makes one database a handle, which works like any other", function ()
    local a <close> = moonherd.sqlite.open(MEMORY, { migrations = MIGRATIONS })
    local b <close> = moonherd.sqlite.open(MEMORY, { migrations = MIGRATIONS })
    assert.equal(MEMORY, a.path)
    a:exec "INSERT INTO tenant(name) VALUES ('a'), ('b')"
    local seen = {}
    for row in a:rows "SELECT name FROM tenant ORDER BY name" do
      seen[#seen + 1] = row.name
      a:transaction(function (tx)
        b:exec("INSERT INTO tenant(name) VALUES (?)", "of b: " .. row.name)
        tx:exec("DELETE FROM tenant WHERE name = ?", row.name)
      end)
    end
    assert.same({ "a", "b" }, seen)
    assert.is_nil(a:first "SELECT * FROM tenant")
    assert.equal(2, b:first("SELECT count(*) AS n FROM tenant").n)
    local is_sql = failure(moonherd.sqlite.open, MEMORY, { migrations = { "SELEKT" } }).reason
    assert.equal("sql", is_sql)
  end)

  it("leaves nothing behind", function ()
    local kept <close> = moonherd.sqlite.open(MEMORY)
    local before = names_beside(kept)
    local gone = moonherd.sqlite.open(MEMORY)
    gone:exec "CREATE TABLE t(x)"
    assert.is_true(#names_beside(kept) > #before)
    gone:close()
    assert.same(before, names_beside(kept))
    assert.is_false(fs.exists(MEMORY))
  end)

  -- Runs a script that has one open, with a folder of its own for what is temporary; gives what is
  -- in that afterwards.
  local function left_by(tmp, ending)
    local script, folder = fs.join(tmp.path, "open.lua"), fs.join(tmp.path, "tmp")
    fs.write(script, 'local moonherd = require "moonherd" '
      .. 'local db = moonherd.sqlite.open ":memory:" db:exec "CREATE TABLE t(x)" ' .. ending)
    fs.mkdir(folder, nil, true)
    moonherd.sh({ PROGRAM, "run", "--target", "local", script },
      { cwd = tmp.path, env = { TMPDIR = folder }, check = false })
    assert.is_false(fs.exists(fs.join(tmp.path, MEMORY)))
    return fs.list(folder)
  end

  it("leaves nothing behind when the process ends without closing it", function ()
    local tmp <close> = fs.temp_dir()
    assert.same({}, left_by(tmp, "os.exit(0)"))
  end)

  it("is removed by the next process when its own was killed", function ()
    local tmp <close> = fs.temp_dir()
    assert.equal(1, #left_by(tmp, 'moonherd.sh { "sh", "-c", "kill -9 $PPID" }'))
    assert.same({}, left_by(tmp, "os.exit(0)"))
  end)
end)
