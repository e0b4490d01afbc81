-- Scripts whose tasks all wait for each other: they are told, and end. Each is a program of its
-- own, since nothing else may run beside it.
local moonherd = require "moonherd"

local PROGRAM = (os.getenv "B" or "build") .. "/moonherd"

local function run(script, ...)
  local argv = { PROGRAM, "--target", "local", "--log", "error", ... }
  argv[#argv + 1], argv[#argv + 2] = "-e", 'local moonherd = require "moonherd" ' .. script
  return moonherd.sh(argv, { check = false, timeout = "30s" })
end

describe("a deadlock", function ()
  local STUCK = {
    { "of the main script alone", "moonherd.channel():recv()",
      "task 1 waits for channel:recv at [^;]*; nothing is left that could wake it\n" },
    { "of a sender", "local c = moonherd.channel(1) c:send(1) c:send(2)",
      "task 1 waits for channel:send" },
    { "of a limit in itself",
      "local l = moonherd.limit(1) l:run(function () l:run(print) end)",
      "task 1 waits for limit:run" },
    { "of a task whose scope waits for it",
      "local c = moonherd.channel() moonherd.scope(function () moonherd.spawn(c.recv, c) end)",
      "task 2 waits for channel:recv, task 1 for its tasks at .*could wake them\n" },
    { "of a task that outlives the main script",
      "local c = moonherd.channel() moonherd.spawn(c.recv, c)",
      "task 2 waits for channel:recv, task 1 for its tasks" },
    { "of two tasks, each with what the other wants", [[
      local a, b = moonherd.limit(1), moonherd.limit(1)
      local function take(first, second)
        first:run(function () moonherd.sleep "1ms" second:run(print) end)
      end
      moonherd.gather(function () take(a, b) end, function () take(b, a) end)]],
      "task 2 waits for limit:run at .*, task 3 for limit:run at .*, task 1 for its tasks" },
    { "of many tasks", [[
      local c = moonherd.channel()
      for _ = 1, 20 do moonherd.spawn(c.recv, c) end
      c:recv()]],
      "task 1 waits for channel:recv.* and 16 more; nothing" },
    { "behind a timer that has run out", [[
      pcall(moonherd.timeout, "1ms", moonherd.sleep, 1)
      moonherd.channel():recv()]],
      "task 1 waits for channel:recv" },
    { "of a transaction", [[
      local f <close> = moonherd.fs.temp_dir()
      local db = moonherd.sqlite.open(f.path .. "/x.db")
      local c = moonherd.channel()
      db:transaction(function () c:recv() end)]],
      "task 1 waits for channel:recv" },
  }
  for _, case in ipairs(STUCK) do
    it("is told: " .. case[1], function ()
      local result = run(case[2])
      assert.equal(1, result.code)
      assert.matches("^moonherd: deadlock: " .. case[3], result.stderr)
    end)
  end

  it("is an error like others", function ()
    local result = run [[
      local c = moonherd.channel()
      for i = 1, 3 do
        local ok, err = pcall(c.recv, c)
        print(ok, err.kind, err.reason)
      end
      local _ <close> = setmetatable({}, { __close = function ()
        moonherd.sleep "1ms"
        print "cleaned up"
      end })
      c:recv()]]
    assert.equal(("false\tusage\tdeadlock\n"):rep(3) .. "cleaned up\n", result.stdout)
    assert.equal(1, result.code)
  end)

  it("ends a script that catches every error", function ()
    local result = run("local c = moonherd.channel() while true do pcall(c.recv, c) end",
      "--clock", "virtual")
    assert.equal(1, result.code)
  end)

  it("is told when the clock is virtual", function ()
    local result = run("moonherd.sleep(60) moonherd.channel():recv()", "--clock", "virtual")
    assert.matches("^moonherd: deadlock: task 1", result.stderr)
  end)
end)

describe("no deadlock", function ()
  local FREE = {
    { "while a time limit is set", [[
      print(select(2, pcall(moonherd.timeout, "1ms", function ()
        moonherd.channel():recv()
      end)).reason)]], "timeout\n" },
    { "while another task sleeps", [[
      local c = moonherd.channel()
      moonherd.spawn(function () moonherd.sleep "20ms" c:send "woken" end)
      print(c:recv())]], "woken\n" },
    { "while another task waits for a program", [[
      local c = moonherd.channel()
      moonherd.spawn(function () c:send(moonherd.sh({ "echo", "woken" }).stdout) end)
      io.write(c:recv())]], "woken\n" },
    { "while another task waits for a file, a database or an answer", [[
      local c = moonherd.channel()
      moonherd.spawn(function () c:send(#moonherd.fs.read "/dev/null") end)
      print(c:recv())
      moonherd.spawn(function ()
        local f <close> = moonherd.fs.temp_dir()
        local db <close> = moonherd.sqlite.open(f.path .. "/x.db")
        c:send(db:first("SELECT 7 AS n").n)
      end)
      print(c:recv())
      moonherd.spawn(function () c:send(#moonherd.connect():namespaces()) end)
      print(c:recv())]], "0\n7\n0\n" },
  }
  for _, case in ipairs(FREE) do
    it(case[1], function ()
      local result = run(case[2])
      assert.equal("", result.stderr)
      assert.equal(case[3], result.stdout)
    end)
  end
end)
