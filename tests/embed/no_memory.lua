-- A little of everything that takes memory of the process: the embedded platform and its database,
-- a server and requests to it, a database of the script, programs, files, hashes. test_no_memory.c
-- runs it and refuses memory; it may fail in any way but must end.
local moonherd = require "moonherd"
local fs, hash, http = moonherd.fs, moonherd.hash, moonherd.http

local parts = {}

function parts.platform()
  local state = fs.join(arg[1], "state")
  local client = moonherd.connect { target = "local", state = state, retry = false }
  local ns = client:ensure_namespace "n"
  local worker = ns:script "w"
  worker:upload { script = "export default {}", compatibility_date = "2026-10-01", tags = { "a" } }
  assert(worker:content().modules["worker.js"] or true)
  for script in ns:scripts { tags = { "a" } } do assert(script.name == "w") end
end

function parts.http()
  local server <close> = require "moonherd.serve".listen {}
  moonherd.scope(function ()
    moonherd.spawn(function ()
      for request in server.accept, server do
        request:respond(200, { ["content-type"] = "text/plain" }, request:read_all())
      end
    end)
    local url = ("http://127.0.0.1:%d/?a=b"):format(server.port)
    local long = ("x"):rep(300000)
    assert(http.post(url, { body = "short", timeout = "20s" }).body == "short")
    assert(http.post(url, { body = long, timeout = "20s" }).body == long)
    server:close()
  end)
end

function parts.sqlite()
  local db <close> = moonherd.sqlite.open(fs.join(arg[1], "own.db"))
  db:exec "CREATE TABLE IF NOT EXISTS t(a, b)"
  db:exec("INSERT INTO t VALUES (?, ?)", 1, ("x"):rep(5000))
  db:transaction(function (tx) tx:exec "UPDATE t SET a = a + 1" end)
  for row in db:rows "SELECT a, b FROM t" do assert(row.a > 1) end
end

function parts.programs()
  assert(moonherd.sh({ "cat" }, { stdin = ("x"):rep(100000) }).stdout:len() == 100000)
  assert(not moonherd.try(moonherd.sh, { "/no/such/program" }))
end

function parts.files()
  local path = fs.join(arg[1], "file")
  fs.write(path, ("y"):rep(70000))
  assert(fs.read(path):len() == 70000)
  assert(#fs.list(arg[1]) > 0 and fs.realpath(path))
  fs.remove(path)
  local dir <close> = fs.temp_dir()
  assert(fs.stat(dir.path).type == "directory")
end

function parts.hashes()
  assert(#hash.sha256(("z"):rep(100000)) == 64)
  moonherd.log.info("a line of " .. moonherd.secret "hidden-from-all":reveal(), { n = 1 })
end

local names = {}
for name in pairs(parts) do
  if arg[2] == nil or arg[2] == name then names[#names + 1] = name end
end
table.sort(names)
moonherd.scope(function ()
  for _, name in ipairs(names) do moonherd.spawn(parts[name]) end
end)
return 0
