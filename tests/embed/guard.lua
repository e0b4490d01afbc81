-- Every public way out of a guard. tests/embed/test_guard.c runs each function in its own handle,
-- with a folder: in/ may be read, out/ may be written, secret/ neither. `in/link` and `out/way`
-- lead to secret/, `out/dangling` to a file in it that is not there yet.
-- luacheck: ignore 111 122 142 143
local moonherd = require "moonherd"
local http = moonherd.http
local case, dir = ...
local secret, inside, out = dir .. "/secret/file", dir .. "/in", dir .. "/out"

local function refused(f, ...)
  local result = table.pack(pcall(f, ...))
  local err = result[2]
  if result[1] then error("it is not refused", 2) end
  if type(err) ~= "table" or err.reason ~= "guarded" then error(err, 2) end
  assert(err.kind == "usage" and err.hint, "no hint")
end

local function gone(value) assert(value == nil, "it is there") end

local cases = {}

-- ---- files --------------------------------------------------------------------------------------

local function outside()
  return { secret, inside .. "/link/file", inside .. "/../secret/file", out .. "/../secret/file",
    inside .. "/./.././secret/file", "/etc/passwd", "/proc/self/environ", "/dev/null",
    inside .. "x/file", inside .. "/nothing/../../secret/file", "/proc/self/root/etc/passwd",
    "/proc/self/cwd/Makefile", "/proc/self/fd/0", "/dev/fd/0", "/dev/stdin" }
end

function cases.files_are_not_read()
  for _, path in ipairs(outside()) do
    refused(io.open, path)
    refused(io.lines, path)
    refused(io.input, path)
    refused(loadfile, path)
    refused(dofile, path)
    refused(moonherd.fs.read, path)
    refused(moonherd.fs.stat, path)
    refused(moonherd.fs.exists, path)
    refused(moonherd.fs.realpath, path)
    refused(moonherd.fs.list, path)
    refused(moonherd.read, path)
    refused(http.get, "http://localhost/client/v4/x", { ca_file = path })
    refused(http.get, "http://localhost/client/v4/x", { key_file = path })
  end
end

function cases.files_are_not_written()
  local paths = outside()
  table.move({ inside .. "/new", inside .. "/file" }, 1, 2, #paths + 1, paths)
  for _, path in ipairs(paths) do
    for _, mode in ipairs { "w", "a", "r+", "w+", "a+b" } do refused(io.open, path, mode) end
    refused(io.output, path)
    refused(os.remove, path)
    refused(os.rename, path, out .. "/taken")
    refused(os.rename, out .. "/file", path)
    refused(moonherd.fs.write, path, "")
    refused(moonherd.fs.write, path, "", { exclusive = true })
    refused(moonherd.fs.mkdir, path)
    refused(moonherd.fs.mkdir, path .. "/deep/er", nil, true)
    refused(moonherd.fs.remove, path)
    refused(moonherd.sqlite.open, path)
    refused(moonherd.serve, { unix = path, handler = print })
  end
  refused(os.tmpname)
  refused(io.tmpfile)
end

function cases.a_link_that_leads_nowhere_makes_no_file()
  local file, why = io.open(out .. "/dangling", "w")
  assert(not file and why, "it was made")
  assert(not pcall(moonherd.fs.read, out .. "/dangling"))
  pcall(moonherd.fs.write, out .. "/dangling", "x")
  pcall(moonherd.sqlite.open, out .. "/dangling")
end

-- A link of the folder is moved to where a real folder was checked a moment ago.
function cases.a_link_that_is_moved_in_meanwhile()
  moonherd.fs.mkdir(out .. "/real")
  moonherd.fs.write(out .. "/real/file", "mine")
  for _ = 1, 200 do
    local reader = moonherd.spawn(pcall, moonherd.fs.read, out .. "/place/file")
    os.rename(out .. "/real", out .. "/place")
    moonherd.sleep(0)
    os.rename(out .. "/place", out .. "/real")
    os.rename(out .. "/way", out .. "/place")
    local _, text = reader:wait()
    assert(text ~= "top secret", "it was read")
    os.rename(out .. "/place", out .. "/way")
  end
end

-- SQL that reaches beyond its file, or ends the process, as what takes the address of code.
function cases.sql_stays_in_its_file()
  local db <close> = moonherd.sqlite.open(out .. "/own.db")
  local made, blob = dir .. "/secret/made", moonherd.sqlite.blob(("A"):rep(8))
  for _, sql in ipairs { "ATTACH '%s' AS x", "VACUUM INTO '%s'", "SELECT readfile('%s')",
    "SELECT writefile('%s', 'x')", "SELECT edit('%s', 'touch')", "SELECT load_extension('%s')",
    "CREATE VIRTUAL TABLE t USING csv(filename='%s')", "SELECT * FROM zipfile('%s')",
    "SELECT * FROM fsdir('%s')", "PRAGMA temp_store_directory='%s'",
    "PRAGMA TEMP_STORE_DIRECTORY='%s'",
    "PRAGMA writable_schema=ON", "UPDATE sqlite_master SET sql=''", "PRAGMA mmap_size=1000000",
    "PRAGMA hard_heap_limit=1000", "SELECT * FROM pragma_hard_heap_limit(1000)",
    "SELECT fts3_tokenizer('simple', ?)", "SELECT fts3_tokenizer('simple')" } do
    sql = sql:format(made)
    for _, method in ipairs { "exec", "first", "rows" } do
      assert(not pcall(db[method], db, sql, sql:find "?" and blob or nil), sql)
    end
    assert(not pcall(moonherd.sqlite.open, out .. "/other.db", { migrations = { sql } }), sql)
  end
  assert(db:first "SELECT 1 AS one".one == 1)
  local own <close> = moonherd.sqlite.open ":memory:"
  assert(own:exec "CREATE TABLE t(x)" == 0 and not moonherd.fs.exists(out .. "/:memory:"))
end

-- SQLite trusts the files beside a database. A journal may name another one that is then deleted,
-- and one that becomes shorter while it is mapped ends the process.
function cases.files_of_sqlite_are_its_own()
  local magic, name = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", secret
  local sum = 0
  for i = 1, #name do sum = sum + name:byte(i) end
  local journal = ("\1"):rep(512) .. (">I4"):pack(1) .. name .. (">I4I4"):pack(#name, sum) .. magic
  local db <close> = moonherd.sqlite.open(out .. "/held.db")
  db:exec "CREATE TABLE IF NOT EXISTS t(x)"
  for _, ending in ipairs { "-journal", "-wal", "-shm" } do
    local path = out .. "/held.db" .. ending
    refused(io.open, path, "w")
    refused(moonherd.fs.write, path, journal)
    refused(os.rename, path, out .. "/elsewhere")
    refused(os.rename, out .. "/dangling", path)
    refused(os.remove, path)
    refused(moonherd.sqlite.open, path)
    refused(moonherd.sqlite.open, out .. "/new.db" .. ending)
  end
  assert(db:exec "INSERT INTO t VALUES (1)" == 1)
end

-- In coroutines: a new one has little room for them.
function cases.lines_take_many_formats()
  for n = 20, 240, 4 do
    local formats = {}
    for i = 1, n do formats[i] = "l" end
    coroutine.wrap(function ()
      assert(io.lines(inside .. "/file", table.unpack(formats))() == "mine")
    end)()
  end
end

function cases.what_is_inside_works()
  assert(moonherd.fs.read(inside .. "/file") == "mine")
  local file <close> = assert(io.open(out .. "/new", "w"))
  file:write "one\ntwo\n"
  file:close()
  local lines = {}
  for line in io.lines(out .. "/new") do lines[#lines + 1] = line end
  assert(table.concat(lines, ",") == "one,two")
  io.input(out .. "/new")
  assert(io.read "l" == "one" and io.close(io.input()))
  moonherd.fs.mkdir(out .. "/a/b/c", nil, true)
  moonherd.fs.write(out .. "/a/b/c/d", "deep")
  assert(os.rename(out .. "/a/b/c/d", out .. "/e") and moonherd.fs.read(out .. "/e") == "deep")
  assert(os.remove(out .. "/e") and not moonherd.fs.exists(out .. "/e"))
  assert(os.remove(out .. "/a/b/c"))
  local none, why, code = io.open(out .. "/none")
  assert(not none and why:find "No such file" and code == 2)
  local names = {}
  for entry in moonherd.fs.walk(inside) do names[#names + 1] = entry.name .. " " .. entry.type end
  assert(table.concat(names, ",") == "file file,link link,module.lua file")
end

function cases.modules_are_found_inside_alone()
  package.path = dir .. "/secret/?.lua;" .. inside .. "/?.lua"
  assert(require "module" == 7)
  local ok, why = pcall(require, "hidden")
  assert(not ok and why:find "the guard refuses to read")
  assert(not package.searchpath("hidden", dir .. "/secret/?.lua"))
  assert(package.searchpath("module", inside .. "/?.lua") == inside .. "/module.lua")
end

-- ---- processes and code -------------------------------------------------------------------------

function cases.no_process_is_started()
  refused(io.popen, "id")
  refused(os.execute, "id")
  assert(os.execute() == false)
  if moonherd.sh then refused(moonherd.sh, { "id" }) end
end

function cases.no_c_module_is_loaded()
  refused(package.loadlib, "libc.so.6", "*")
  refused(package.loadlib, "libm.so.6", "sin")
  package.cpath = "/usr/lib/x86_64-linux-gnu/lua/5.4/?.so"
  assert(#package.searchers == 3 and not pcall(require, "lpeg"))
end

function cases.no_bytecode_is_loaded()
  local code = string.dump(function () end)
  for _, mode in ipairs { "b", "bt", "t" } do
    assert(not load(code, "x", mode))
    assert(not load(code, "x", mode, {}))
    local parts = { code:sub(1, 1), code:sub(2) }
    assert(not load(function () return table.remove(parts, 1) end, "x", mode))
  end
  assert(not load(code))
  moonherd.fs.write(out .. "/code", code)
  assert(not loadfile(out .. "/code"))
  assert(not loadfile(out .. "/code", "b"))
  assert(not pcall(dofile, out .. "/code"))
  assert(load("return ...", "x", "bt", {})(7) == 7)
end

-- ---- from the inside ----------------------------------------------------------------------------

function cases.debug_looks_and_does_not_touch()
  for _, name in ipairs { "getregistry", "getupvalue", "setupvalue", "upvaluejoin", "upvalueid",
    "setmetatable", "getuservalue", "setuservalue", "sethook", "gethook", "getlocal", "setlocal",
    "setcstacklimit", "debug" } do
    gone(debug[name])
    gone(package.loaded.debug[name])
    gone(require "debug"[name])
  end
  local info = debug.getinfo(1, "lSfn")
  assert(info.short_src and info.currentline > 0 and not info.func)
  gone(debug.getinfo(io.open).func)
  gone(debug.getinfo(coroutine.running(), 1).func)
  assert(debug.traceback "x":find "traceback")
end

function cases.metatables_of_handles_are_out_of_reach()
  local file <close> = io.open(inside .. "/file")
  local task = moonherd.spawn(function () end)
  for _, handle in ipairs { file, task, io.stdout } do
    assert(getmetatable(handle) == false)
    gone(debug.getmetatable(handle))
    assert(not pcall(setmetatable, handle, {}))
    assert(not pcall(rawset, handle, "x", 1))
  end
  assert(debug.getmetatable(setmetatable({}, { __metatable = 1, x = 2 })).x == 2)
end

function cases.replaced_functions_change_nothing()
  local plain = { pcall = pcall }
  assert(getmetatable "" == false and not debug.getmetatable "")
  string.sub = function () return inside .. "/file" end
  _G.error = function () end
  _G.tostring = function () return inside .. "/file" end
  local _, text = plain.pcall(moonherd.fs.read, secret)
  assert(text ~= "top secret")
  assert(not plain.pcall(io.open, secret))
end

-- The private modules of moonherd trust their callers: nothing hands them to a script.
function cases.private_modules_are_out_of_reach()
  moonherd.connect()
  getmetatable(moonherd).parts = { store = "moonherd._store" }
  gone(moonherd.store)
  for _, name in ipairs { "_std", "_guarded", "_fs", "_store", "_platform", "_task", "_parts",
    "test", "testing.place", "store", "store.sqlite", "cloudflare.transport", "platform",
    "platform.main", "cli" } do
    name = "moonherd." .. name
    gone(package.loaded[name])
    gone(package.preload[name])
    assert(not pcall(require, name), name)
    for _, searcher in ipairs(package.searchers) do
      assert(type(searcher(name)) ~= "function", name)
    end
  end
  assert(package.searchers[2] "moonherd.fs" "moonherd._store" == moonherd.fs)
end

function cases.public_modules_are_the_same_everywhere()
  assert(require "moonherd" == moonherd and package.loaded["moonherd"] == moonherd)
  assert(require "moonherd.fs" == moonherd.fs and require "moonherd.json" == moonherd.json)
  assert(require "cjson".encode { 1 } == "[1]" and require "argparse")
  package.loaded["moonherd.fs"] = nil
  assert(require "moonherd.fs" == moonherd.fs)
end

-- ---- what is the client's ----------------------------------------------------------------------

-- Calls f(table, name, value) for every field of every table a script can reach from `value`,
-- through metatables too. `seen` ends it.
local function visit(value, seen, f)
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  for name, field in next, value do
    f(value, name, field)
    visit(name, seen, f)
    visit(field, seen, f)
  end
  visit(getmetatable(value), seen, f)
end

-- The credential that test_guard.c has put into the environment, where no script finds it.
local TOKEN = "a-token-" .. "that-no-script-sees"

local function all_modules()
  for _, name in ipairs { "args", "channel", "env", "fs", "hash", "http", "inherit", "inspect",
    "job", "json", "limit", "log", "multipart", "progress", "prompt", "retry", "secret",
    "serve", "sh", "sqlite", "time" } do assert(moonherd[name], name) end
  for _, name in ipairs { "async", "backoff", "error", "events" } do
    require("moonherd." .. name)
  end
end

-- Every function that a script can reach, of Lua's libraries, of moonherd's modules and of the
-- handles of the client, is replaced by one that looks at what it is given.
function cases.replaced_functions_see_no_credential()
  all_modules()
  local client = moonherd.connect()
  local ns = client:namespace "prod-1"
  local script, told = ns:script "shop", nil
  local next, tostring, type, pcall, rawset = next, tostring, type, pcall, rawset
  local pack, find, ours = table.pack, string.find, {}
  local function look(place, value, seen)
    if type(value) == "string" and find(value, TOKEN, 1, true) then told = place end
    if type(value) ~= "table" or seen[value] then return end
    seen[value] = true
    for name, field in next, value do
      look(place, name, seen)
      look(place, field, seen)
    end
  end
  local function spy(place, name, value)
    if type(value) ~= "function" or ours[value] then return end
    local function spying(...)
      local arguments = pack(...)
      for i = 1, arguments.n do look(tostring(name), arguments[i], {}) end
      return value(...)
    end
    ours[spying] = true
    place[#place + 1] = { name, spying }
  end
  local found = { [ours] = true }
  for _, root in ipairs { _G, package.loaded, client, ns, script } do
    visit(root, found, function (_, _, value) look("a field", value, {}) end)
  end
  gone(told)
  for place in next, found do
    local list = {}
    for name, value in next, place do spy(list, name, value) end
    for _, entry in next, list do pcall(rawset, place, entry[1], entry[2]) end
  end
  local ok, err = pcall(function () return ns:details() end)
  assert(not ok and err.reason == "connect_failed", told or err)
  ok, err = pcall(function ()
    script:upload { script = "// code", compatibility_date = "2026-10-01" }
  end)
  assert(not ok and err.reason == "connect_failed", told or err)
  gone(told)
end

-- What scripts put in the place of Lua's functions is not called with what is moonherd's own.
function cases.replaced_libraries_see_nothing()
  local pcall, seen = pcall, {}
  local function spy(place, name)
    local plain = place[name]
    place[name] = function (...)
      seen[#seen + 1] = name
      return plain(...)
    end
  end
  for _, name in ipairs { "require", "setmetatable", "pcall", "rawset", "next", "type" } do
    spy(_G, name)
  end
  for _, name in ipairs { "pack", "unpack", "insert", "concat" } do spy(table, name) end
  for _, name in ipairs { "format", "find", "match", "gsub", "sub" } do spy(string, name) end
  for _, name in ipairs { "request", "get" } do spy(http, name) end
  for _, name in ipairs { "encode", "decode" } do spy(moonherd.json, name) end
  for _, name in ipairs { "read", "write", "join" } do spy(moonherd.fs, name) end
  moonherd.read(inside .. "/file")
  moonherd.gather(function () moonherd.sleep(0) end)
  local client = moonherd.connect()
  client:budget()
  pcall(client.request, client, { method = "GET", path = "/user/tokens/verify" })
  assert(#seen == 0, table.concat(seen, " "))
end

function cases.strings_keep_their_methods()
  string.sub = function () return "mine" end
  function string.twice(s) return s .. s end
  assert(("abc"):sub(1, 1) == "a" and string.sub() == "mine" and ("x"):twice() == "xx")
end

function cases.credentials_are_the_clients()
  for _, name in ipairs { "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY" } do
    gone(os.getenv(name))
    gone(moonherd.env.get(name))
    gone(moonherd.env.all()[name])
  end
  assert(os.getenv "PATH" and moonherd.env.get "PATH" and moonherd.env.all().PATH)
  assert(moonherd.connect().target == "http://127.0.0.1:9/client/v4")
end

function cases.processes_would_tell_them()
  assert(os.getenv "CLOUDFLARE_API_TOKEN" == TOKEN)
  assert(moonherd.env.get "CLOUDFLARE_API_TOKEN" == TOKEN)
end

-- The environment is the host's: a script cannot change it, and the guard does not look at it.
function cases.the_environment_is_not_looked_at()
  gone(os.setenv)
  os.getenv = function () return "http://127.0.0.1:9/client/v4" end
  refused(os.setlocale, "C")
  assert(os.setlocale(nil))
  local ok, err = pcall(function ()
    moonherd.connect { target = "http://127.0.0.1:9/client/v4", api_token = "t", account_id = "a" }
      :namespaces()
  end)
  assert(not ok and err.kind == "usage")
end

function cases.other_threads_are_no_way_out()
  local function try()
    refused(io.open, secret)
    refused(io.popen, "id")
    refused(http.get, "http://127.0.0.1:9/")
  end
  moonherd.spawn(try):wait()
  coroutine.wrap(try)()
  coroutine.wrap(function () coroutine.wrap(try)() end)()
  table.sort({ 1, 2 }, function () return not pcall(refused, io.open, secret) end)
  local _ <close> = setmetatable({}, { __close = try })
  local closed = coroutine.create(function ()
    local _ <close> = setmetatable({}, { __close = function () refused(io.open, secret) end })
    coroutine.yield()
  end)
  coroutine.resume(closed)
  assert(coroutine.close(closed))
end

-- The finalizers run when the handle is closed; test_guard.c looks whether they have made files.
function cases.finalizers_at_the_end()
  LAST = setmetatable({}, { __gc = function ()
    pcall(io.open, dir .. "/secret/made", "w")
    pcall(os.execute, "touch " .. dir .. "/secret/made")
    pcall(os.rename, out .. "/file", dir .. "/secret/made")
    pcall(package.loadlib, "libc.so.6", "*")
  end })
end

-- ---- the network --------------------------------------------------------------------------------

function cases.no_network_but_the_api()
  for _, url in ipairs { "http://127.0.0.1:9/", "http://127.0.0.1:9/client/v4/user/tokens/verify",
    "https://api.cloudflare.com/client/v4/user/tokens/verify", "file:///etc/passwd",
    "http://localhost/client/v4/x", "http://[::1]:9/", "ftp://localhost/", "127.0.0.1:9",
    "http://localhost\\@127.0.0.1:9/", "http://localhost@127.0.0.1:9/" } do
    refused(http.get, url)
    refused(http.request, { url = url, body = "x" })
    refused(http.request, { url = url, stream = true })
  end
  refused(http.get, "http://localhost/client/v4/x", { unix_socket = out .. "/some.sock" })
  refused(http.get, "http://localhost/client/v4/x", { unix_socket = "/var/run/docker.sock" })
  refused(moonherd.serve, { port = 0, handler = print })
end

-- The socket of the platform, which the test puts where the script may look.
local function socket_of_platform()
  moonherd.connect()
  return assert(moonherd.fs.glob(inside .. "/moonherd-*/*.sock")[1])
end

-- That, past the client. Nothing gives the script its credential: what the guard lets pass, the
-- platform turns down.
local function over_socket()
  local socket = socket_of_platform()
  return function (method, path, headers)
    return http.request { method = method, url = "http://localhost" .. path,
      unix_socket = socket, headers = headers, body = method:find "^P" and "{}" or nil }
  end
end

local function passes(send, method, path)
  local status = send(method, path).status
  assert(status == 401 or status == 400 or status == 403, status)
end

local ACCOUNT = "/client/v4/accounts/11111111111111111111111111111111"
local DISPATCH = "/workers/dispatch/namespaces"
local NAMESPACES = ACCOUNT .. DISPATCH

-- Over the socket of the platform itself, past the client.
function cases.paths_lead_where_they_seem_to()
  local send = over_socket()
  for _, path in ipairs { NAMESPACES, NAMESPACES .. "/", NAMESPACES .. "/other", "/",
    NAMESPACES .. "/other/scripts/x", NAMESPACES .. "/prod-1/../other", "/client/v4/accounts",
    NAMESPACES .. "/prod-1/%2e%2e/other", NAMESPACES .. "/prod-1/%252e%252e/other",
    NAMESPACES .. "/prod-1%2f..%2fother", NAMESPACES .. "/prod-1/scripts/..%2f..%2fother",
    NAMESPACES .. "/prod-1/scripts/..%2F..%2Fother%2Fscripts%2Fx", NAMESPACES .. "//other",
    NAMESPACES .. "/prod-1/scripts/..%5c..%5cother", NAMESPACES .. "/prod-1/..;/other",
    NAMESPACES .. "/prod-1\\..\\other", NAMESPACES .. "/prod-1%00/x", NAMESPACES .. "/PROD-1",
    "/client/v4/../client/v4/accounts/x", "/client/v4", "/client/v4x/accounts",
    "/client/v4/accounts/22222222222222222222222222222222" .. DISPATCH .. "/prod-1",
    "/client/v4/accounts/11111111111111111111111111111111%2f..%2f2" .. DISPATCH .. "/prod-1",
    ACCOUNT .. "/workers/scripts/x", "/client/v4/zones", "/x/../client/v4/user/tokens/verify" } do
    for _, method in ipairs { "GET", "HEAD", "PUT", "DELETE" } do refused(send, method, path) end
  end
  refused(send, "POST", NAMESPACES)
  refused(send, "PUT", NAMESPACES .. "/prod-1")
  refused(send, "PATCH", NAMESPACES .. "/prod-1")
  refused(send, "GET", NAMESPACES .. "/prod-1", { host = "other" })
  refused(send, "GET", NAMESPACES .. "/prod-1", { ["X-HTTP-Method-Override"] = "DELETE" })
  passes(send, "GET", NAMESPACES .. "/prod-1")
  passes(send, "GET", NAMESPACES .. "/prod-1/scripts/a%2Fb")
  passes(send, "GET", NAMESPACES .. "/%70rod-1")
  passes(send, "GET", "/client/v4/user/tokens/verify")
end

-- Nothing puts a second request, or another line, behind the one that the guard has seen.
function cases.a_request_is_one_request()
  local socket = socket_of_platform()
  local second = "DELETE " .. NAMESPACES .. "/other HTTP/1.1\r\nhost: localhost\r\n\r\n"
  for _, request in ipairs {
    { headers = { ["content-length"] = "0" } }, { headers = { ["Content-Length "] = "0" } },
    { headers = { ["transfer-encoding"] = "chunked" } }, { headers = { x = "1\r\nhost: other" } },
    { headers = { ["x: 1\r\nhost"] = "other" } }, { headers = { expect = "100-continue" } },
    { method = "GET / HTTP/1.1\r\n\r\nGET" }, { method = "GET /" },
    { url = "http://localhost" .. NAMESPACES .. "/prod-1 HTTP/1.1\r\nx:" },
    { url = "http://localhost" .. NAMESPACES .. "/prod-1 x" } } do
    request.method = request.method or "POST"
    request.url = request.url or "http://localhost" .. NAMESPACES .. "/prod-1/scripts"
    request.unix_socket, request.body = socket, second
    local ok, err = pcall(http.request, request)
    assert(not ok and err.kind == "usage", tostring(err))
  end
end

function cases.the_client_is_held_too()
  local client = moonherd.connect()
  refused(function () return client:namespaces() end)
  refused(function () return client:create_namespace "prod-2" end)
  refused(function () return client:namespace "other":details() end)
  refused(function () return client:namespace "prod-1":rename "other" end)
  local ok, err = pcall(function () return client:namespace "prod-1":details() end)
  assert(not ok and err.status == 404)
  refused(moonherd.connect, { state = dir .. "/secret/state" })
  moonherd.connect { account_id = "22222222222222222222222222222222" }
end

function cases.a_script_that_only_reads()
  local send = over_socket()
  for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get", "OPTIONS" } do
    refused(send, method, NAMESPACES .. "/prod-1")
  end
  passes(send, "GET", NAMESPACES)
  passes(send, "HEAD", NAMESPACES)
  assert(#moonherd.connect():namespaces() == 0)
end

-- With the network allowed the rules of the API hold for the API's host, in every spelling.
function cases.with_any_network_the_api_is_guarded_still()
  for _, url in ipairs { "http://api.test:9/", "http://API.test:9/client/v4/zones",
    "http://api.test.:9/client/v4/zones", "http://u@api.test:9/client/v4/zones",
    "http://api.test:9/client/v4/accounts/2", "http://api.test:10/client/v4/zones",
    "https://api.test/client/v4/zones" } do
    refused(http.get, url)
  end
  local ok, err = pcall(http.get, "http://127.0.0.1:9/client/v4/zones")
  assert(not ok and err.reason == "connect_failed", tostring(err))
end

-- With it a script can listen: the credential must not come to where it does.
function cases.the_credential_goes_to_the_api_alone()
  local seen = {}
  local server = moonherd.spawn(moonherd.serve, { port = 0, on_listen = function (s)
    seen.base = ("http://127.0.0.1:%d/client/v4"):format(s.port)
  end, handler = function (request)
    for name, value in pairs(request.headers) do seen[#seen + 1] = name .. ": " .. value end
    request:respond(404, {}, "{}")
  end })
  while not seen.base do moonherd.sleep(0.01) end
  refused(moonherd.connect, { base_url = seen.base, account_id = "1" })
  refused(moonherd.connect, { target = seen.base, account_id = "1" })
  refused(moonherd.connect, { target = "cloudflare", base_url = seen.base, account_id = "1" })
  local own = moonherd.connect { base_url = seen.base, account_id = "1", api_token = "own" }
  assert(not pcall(own.namespaces, own) and table.concat(seen, "\n"):find("Bearer own", 1, true))
  local client = moonherd.connect { account_id = "1", retry = false, timeout = 0.2, budget = false }
  for _, field in ipairs { "_base", "_socket", "_ca_file", "base", "target", "_state" } do
    client[field] = seen.base
  end
  pcall(client.namespaces, client)
  pcall(client.doctor, client)
  assert(not table.concat(seen, "\n"):find "a%-token")
  server:cancel()
end

-- ---- redirects ----------------------------------------------------------------------------------

-- The answers of test_guard.c's server lead elsewhere: nobody follows.
function cases.a_redirect_is_not_followed(base)

  local answer = http.get(base .. "/client/v4/user/tokens/verify")
  assert(answer.status == 302 and answer.headers.location)
  refused(http.get, answer.headers.location)
  -- A budget is kept in a file of the user, and goes on without it.
  local client = moonherd.connect { api_token = "t", budget = true, retry = false,
    account_id = "11111111111111111111111111111111" }
  local ok, err = pcall(function () return client:namespace "prod-1":details() end)
  assert(not ok and err.status == 302, tostring(err))
end

local f = cases[case] or error("no case " .. case)
f(select(3, ...))
print "held"
