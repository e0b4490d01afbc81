local moonherd = require "moonherd"
local fs = require "moonherd.fs"
local sh = moonherd.sh

local function failure(...)
  local ok, err = pcall(sh, ...)
  assert.is_false(ok)
  return err
end

-- Waits until a process has gone; one whose parent has reaped it is gone, a zombie is not.
local function wait_gone(pid)
  while fs.exists("/proc/" .. pid) do moonherd.sleep "5ms" end
end

local function open_descriptors()
  return #fs.list "/proc/self/fd"
end

describe("sh", function ()
  local RESULTS = {
    { "gives what a program writes", { "echo", "one", "two  three" }, nil,
      { stdout = "one two  three\n", stderr = "", code = 0 } },
    { "leaves arguments as they are", { "printf", "%s|", "*", "$HOME", "a b", "", "'" }, nil,
      { stdout = "*|$HOME|a b||'|", stderr = "", code = 0 } },
    { "takes numbers", { "echo", 1, 2.5 }, nil, { stdout = "1 2.5\n", stderr = "", code = 0 } },
    { "keeps the streams apart", { "sh", "-c", "echo out; echo err >&2" }, nil,
      { stdout = "out\n", stderr = "err\n", code = 0 } },
    { "keeps bytes", { "printf", "a\\000\\377" }, nil,
      { stdout = "a\0\xff", stderr = "", code = 0 } },
    { "gives bytes to read", { "cat" }, { stdin = "a\0\xff" },
      { stdout = "a\0\xff", stderr = "", code = 0 } },
    { "gives nothing to read by default", { "cat" }, nil, { stdout = "", stderr = "", code = 0 } },
    { "does not mind a program that reads nothing", { "true" }, { stdin = ("x"):rep(1 << 20) },
      { stdout = "", stderr = "", code = 0 } },
    { "runs in a folder", { "pwd" }, { cwd = "/usr" },
      { stdout = "/usr\n", stderr = "", code = 0 } },
    { "gives codes when asked to", { "sh", "-c", "exit 7" }, { check = false },
      { stdout = "", stderr = "", code = 7 } },
    { "gives signals when asked to", { "sh", "-c", "kill -KILL $$" }, { check = false },
      { stdout = "", stderr = "", signal = "KILL" } },
    { "waits for those who hold the output", { "sh", "-c", "(sleep 0.05; echo late) & echo soon" },
      nil, { stdout = "soon\nlate\n", stderr = "", code = 0 } },
    { "has outputs that can be opened by name", { "sh", "-c", "echo x > /dev/stdout" }, nil,
      { stdout = "x\n", stderr = "", code = 0 } },
  }
  for _, case in ipairs(RESULTS) do
    it(case[1], function () assert.same(case[4], sh(case[2], case[3])) end)
  end

  local ERRORS = {
    { "a code", { "sh", "-c", "echo a; echo b >&2; exit 3" }, nil,
      "exit", "sh: failed: b (code 3)" },
    { "a signal", { "sh", "-c", "kill -KILL $$" }, nil, "signal", "sh: ended by signal KILL" },
    { "no program", { "no-such-program" }, { check = false },
      "not_found", "no-such-program: no such file or directory" },
    { "a file that is no program", { "/etc/passwd" }, nil,
      "permission", "/etc/passwd: permission denied" },
    { "a time limit", { "sleep", "100" }, { timeout = "20ms" },
      "timeout", "sleep: stopped after 0.02 s" },
    { "a time limit it ignores", { "sh", "-c", "trap '' TERM; sleep 100" },
      { timeout = "20ms", grace = "20ms" }, "timeout", "sh: stopped after 0.02 s" },
    { "too much output", { "yes" }, { max_output = 1000 },
      "too_large", "yes: stopped after more than 1000 bytes of output" },
  }
  for _, case in ipairs(ERRORS) do
    it("raises for " .. case[1], function ()
      local err = failure(case[2], case[3])
      assert.equal("process", err.kind)
      assert.equal(case[4], err.reason)
      assert.equal(case[5], tostring(err))
    end)
  end

  it("says in an error how it ended and what it said last", function ()
    local err = failure { "sh", "-c", "seq 2000 >&2; echo gone >&2; exit 9" }
    assert.equal(9, err.code)
    assert.equal("sh", err.program)
    assert.matches("^….*\n1999\n2000\ngone$", err.stderr)
    assert.is_true(#err.stderr < 2100)
    assert.is_string(err.hint)
  end)

  local USAGE = {
    { "ls -l", nil, 'a list such as { "git", "status" } expected, got string' },
    { {}, nil, "names no program" },
    { { "echo", true }, nil, "bad argument 2 %(string expected, got boolean%)" },
    { { "echo", nil, "x" }, nil, "bad argument 2 %(string expected, got nil%)" },
    { { "ls", timeout = 1 }, nil, "%('timeout' is none: options are a second table%)" },
    { { "echo", "a\0b" }, nil, "bad argument 2 %(it has a zero byte%)" },
    { { "true" }, { timeot = 1 }, "unknown option 'timeot' %(did you mean 'timeout'%?%)" },
    { { "true" }, { cwd = "/no/such" }, "'cwd' %('/no/such' is not a folder%)" },
    { { "true" }, { cwd = "/etc/passwd" }, "'cwd' %('/etc/passwd' is not a folder%)" },
    { { "true" }, { env = { ["A=B"] = "x" } }, "'env' %('A=B' is no name%)" },
    { { "true" }, { env = { A = {} } }, "'env.A' %(string expected, got table%)" },
  }
  it("finds at once what was said last in much that was said", function ()
    local err = failure({ "sh", "-c", "printf '%1000000s\n%1000000s' x '' >&2; exit 1" })
    assert.matches("x$", err.message)
  end)

  it("names what is wrong with its arguments", function ()
    for _, case in ipairs(USAGE) do
      local err = failure(case[1], case[2])
      assert.equal("usage", err.kind)
      assert.matches(case[3], err.message)
      assert.matches("^moonherd.sh: ", err.message)
    end
  end)

  it("adds, replaces and removes variables", function ()
    local script = 'echo "$HOME|$NEW|${PATH+set}|${LANG-none}"'
    local result = sh({ "/bin/sh", "-c", script }, { env = { HOME = "/h", NEW = 1, LANG = false } })
    assert.equal("/h|1|set|none\n", result.stdout)
    result = sh({ "/usr/bin/env" }, { clear_env = true, env = { ONLY = "this" } })
    assert.equal("ONLY=this\n", result.stdout)
  end)

  it("hands down no descriptors and no signal settings", function ()
    local mine <close> = assert(io.open "/etc/passwd")
    assert.is_string(mine:read())
    local names = sh({ "sh", "-c", "echo /proc/$$/fd/*" }).stdout
    assert.is_nil(names:find "/fd/[4-9]" or names:find "/fd/%d%d", names) -- 3 lists the folder
    local status = sh({ "cat", "/proc/self/status" }).stdout
    for _, field in ipairs { "SigIgn", "SigBlk" } do
      local signals = tonumber(status:match(field .. ":%s(%x+)"), 16)
      assert.equal(0, signals & 0x3FFFFFFF) -- those behind are the C library's own
    end
  end)

  it("hides secrets in errors", function ()
    local secret = moonherd.log.hide "hunter2-hunter2"
    local err = failure({ "sh", "-c", "echo the key is $KEY >&2; exit 1" },
      { env = { KEY = secret } })
    assert.is_nil(tostring(err):find(secret, 1, true))
    assert.equal("the key is [hidden]", err.stderr)
  end)

  it("ends the whole group when the call is cancelled", function ()
    local marker = os.tmpname()
    local task = moonherd.spawn(function ()
      local script = "sleep 100 & echo $! > %s.new; mv %s.new %s; wait"
      sh { "sh", "-c", script:format(marker, marker, marker) }
    end)
    local pid = ""
    while pid == "" do
      moonherd.sleep "2ms"
      pid = fs.read(marker):gsub("%s", "")
    end
    task:cancel "no longer needed"
    local ok, err = pcall(task.wait, task)
    assert.is_false(ok)
    assert.equal("cancelled", err.kind)
    wait_gone(pid)
    fs.remove(marker)
  end)

  it("ends a child that ignores TERM within the grace of a timeout around it", function ()
    local _, err = moonherd.try(moonherd.timeout, "20ms", sh,
      { "sh", "-c", "trap '' TERM; sleep 100" }, { grace = "20ms" })
    assert.equal("timeout", err.kind)
  end)

  it("ends what a stopped program has left in its group", function ()
    local marker = os.tmpname()
    local script = "trap 'exit 0' TERM;"
      .. "sh -c 'trap \"\" TERM; echo $$ > %s; exec sleep 100' > /dev/null 2>&1 & wait"
    pcall(sh, { "sh", "-c", script:format(marker) }, { timeout = "200ms" })
    local pid = fs.read(marker):gsub("%s", "")
    assert.matches("^%d+$", pid)
    wait_gone(pid)
    fs.remove(marker)
  end)

  it("shows output line by line as it comes, and keeps the end of it", function ()
    local script = [[
      local moonherd = require "moonherd"
      moonherd.log.hide "hunter2-hunter2"
      local result = moonherd.sh({ "sh", "-c", "echo one; printf 'hunter2-'; sleep 0.05;"
        .. "echo hunter2; echo bad >&2; printf end" }, { stream = "job: ", max_output = 4 })
      io.write("kept ", result.stdout, " ", #result.stderr)
    ]]
    local result = sh { arg[-1] or "build/moonherd", "--target", "local", "-e", script }
    assert.equal("job: one\njob: [hidden]\njob: end\nkept \nend 4", result.stdout)
    assert.equal("job: bad\n", result.stderr)
  end)

  it("shows more than anybody keeps", function ()
    local script = 'require "moonherd".sh({ "seq", "200000" }, { stream = true })'
    local result = sh { arg[-1] or "build/moonherd", "--target", "local", "-e", script }
    assert.equal(#sh({ "seq", "200000" }).stdout, #result.stdout)
  end)

  it("leaks nothing over many children", function ()
    sh { "true" }
    local before = open_descriptors()
    for i = 1, 100 do assert.equal(0, sh({ "true" }).code, i) end
    local list = {}
    for i = 1, 200 do list[i] = i end
    local codes = moonherd.map(list, { concurrency = 16 }, function (i)
      return sh({ "sh", "-c", "exit " .. i % 8 }, { check = false }).code
    end)
    for i, code in ipairs(codes) do assert.equal(i % 8, code) end
    moonherd.sleep(0)
    assert.is_true(open_descriptors() <= before) -- connections of others may close meanwhile
  end)
end)
