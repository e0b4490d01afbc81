local moonherd = require "moonherd"
local fs = moonherd.fs
local PROGRAM = fs.absolute((os.getenv "B" or "build") .. "/moonherd")

local MIGRATIONS = { "CREATE TABLE tenant(id INTEGER PRIMARY KEY, name TEXT UNIQUE)" }

describe("sqlite with another process", function ()
  local tmp, db
  before_each(function ()
    tmp = fs.temp_dir()
    db = moonherd.sqlite.open(fs.join(tmp.path, "tenants.db"), { migrations = MIGRATIONS })
  end)
  after_each(function ()
    db:close()
    tmp:remove()
  end)

  -- What it prints; its arguments are the path and how long it waits for the lock.
  local function elsewhere(lock_timeout, body)
    local file = fs.join(tmp.path, "other.lua")
    fs.write(file, [[
      local moonherd = require "moonherd"
      local db <close> = moonherd.sqlite.open(arg[1], { lock_timeout = arg[2] })
    ]] .. body)
    return moonherd.sh({ PROGRAM, "run", "--target", "local", file, db.path, lock_timeout },
      { timeout = "60s" }).stdout
  end

  it("refuses a write when it was locked out for lock_timeout, not a read", function ()
    local said = db:transaction(function (tx)
      tx:exec "INSERT INTO tenant(name) VALUES ('mine')"
      return elsewhere("10ms", [[
        print(db:first("SELECT count(*) AS n FROM tenant").n)
        local _, err = moonherd.try(db.exec, db, "INSERT INTO tenant(name) VALUES ('other')")
        print(err.reason)
      ]])
    end)
    assert.equal("0\nlocked\n", said)
    assert.equal(1, db:first("SELECT count(*) AS n FROM tenant").n)
  end)

  it("waits for its turn, so that both may write at once", function ()
    local EACH <const> = 100
    local other = moonherd.spawn(elsewhere, "60s", ([[
      for i = 1, %d do db:exec("INSERT INTO tenant(name) VALUES (?)", "other " .. i) end
    ]]):format(EACH))
    for i = 1, EACH do db:exec("INSERT INTO tenant(name) VALUES (?)", "mine " .. i) end
    assert.equal("", other:wait())
    assert.equal(2 * EACH, db:first("SELECT count(*) AS n FROM tenant").n)
  end)
end)
