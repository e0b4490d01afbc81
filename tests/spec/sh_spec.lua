local moonherd = require "moonherd"
local fs = require "moonherd.fs"
local PROGRAM = (os.getenv "B" or "build") .. "/moonherd"
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
    { "reads what a function gives", { "cat" }, { stdin = coroutine.wrap(function ()
        for _, piece in ipairs { "a", "", "\0b", moonherd.secret "cccc" } do
          moonherd.sleep "1ms"
          coroutine.yield(piece)
        end
      end) },
      { stdout = "a\0bcccc", stderr = "", code = 0 } },
    { "has no use for what is given when it has ended", { "true" },
      { stdin = function () return ("x"):rep(1 << 16) end },
      { stdout = "", stderr = "", code = 0 } },
    { "does not wait for a function when it has ended", { "true" },
      { stdin = function () moonherd.sleep "1h" end },
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
      "exit", "sh -c 'echo a; echo b >&2; exit 3': failed: b (code 3)" },
    { "a signal", { "sh", "-c", "kill -KILL $$" }, nil, "signal",
      "sh -c 'kill -KILL $$': ended by signal KILL" },
    { "no program", { "no-such-program" }, { check = false },
      "not_found", "no-such-program: no such file or directory" },
    { "a file that is no program", { "/etc/passwd" }, nil,
      "permission", "/etc/passwd: permission denied" },
    { "a folder", { "/etc" }, nil, "permission", "/etc: it is a folder" },
    { "arguments that are too long", { "echo", ("x"):rep(1 << 20) }, nil,
      "too_long", "echo: argument list too long" },
    { "a signal without a name", { "sh", "-c", "kill -40 $$" }, nil,
      "signal", "sh -c 'kill -40 $$': ended by signal RTMIN+6" },
    { "a time limit", { "sleep", "100" }, { timeout = "20ms" },
      "timeout", "sleep 100: stopped after its timeout of 0.02 s" },
    { "a time limit it ignores", { "sh", "-c", "trap '' TERM; sleep 100" },
      { timeout = "20ms", grace = "20ms" }, "timeout",
      [[sh -c 'trap '\'''\'' TERM; sleep 100': stopped after its timeout of 0.02 s]] },
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

  it("shows the command in an error, as one would type it, without secrets", function ()
    local key = moonherd.secret "hunter2-hunter2"
    local err = failure { "sh", "-c", "exit 1", "it's", key, "--plain=x" }
    assert.equal([[sh -c 'exit 1' 'it'\''s' [hidden] --plain=x]], err.command)
  end)

  it("names in the message as much of the command as fits into a line", function ()
    local key = moonherd.secret "hunter2-hunter2"
    local err = failure { "sh", "-c", "true\n\tfalse", "x", key, ("ä"):rep(50) }
    assert.equal("sh -c 'true false' x [hidden] '" .. ("ä"):rep(24) .. "…: failed", err.message)
    assert.matches(("ä"):rep(50), err.command, 1, true)
  end)

  it("tells why there is no such program", function ()
    local tmp <close> = fs.temp_dir()
    local script, plain = fs.join(tmp.path, "script"), fs.join(tmp.path, "plain")
    fs.write(script, "#!/nope -x\n", { mode = 493 })
    fs.write(plain, "echo\n", { mode = 420 })
    local CASES = {
      { { "tuoch", "x" }, "tuoch: no such file or directory", "did you mean 'touch'?" },
      { { "no-such-program-at-all" }, nil, "is it installed, and in the PATH of the call?" },
      { { "touch" }, nil, "the variable PATH of the call is empty", { env = { PATH = "" } } },
      { { script }, script .. ": its interpreter '/nope' is not there",
        "install it, or correct the first line" },
      { { plain }, plain .. ": permission denied", ("chmod +x %s makes it one"):format(plain) },
      { { "./no-such-program" }, nil, "is the path right?" },
    }
    for _, case in ipairs(CASES) do
      local err = failure(case[1], case[4])
      assert.equal(case[3], err.hint)
      assert.equal(case[2] or tostring(err), tostring(err))
    end
  end)

  it("lets a program read an open file, from where it stands", function ()
    local file <close> = assert(io.open "/etc/passwd")
    local first = file:read "L"
    local rest = sh({ "cat" }, { stdin = file }).stdout
    assert.equal(fs.read "/etc/passwd", first .. rest)
  end)

  it("takes 50 MB from a text and from a function", function ()
    local piece, count = ("x"):rep(1000000), 0
    assert.equal("50000000\n", sh({ "wc", "-c" }, { stdin = piece:rep(50) }).stdout)
    assert.equal("50000000\n", sh({ "wc", "-c" }, { stdin = function ()
      count = count + 1
      return count <= 50 and piece or nil
    end }).stdout)
  end)

  it("ends the program when the function that feeds it fails", function ()
    local err = failure({ "cat" }, { stdin = function () error("no more", 0) end })
    assert.equal("no more", err.message)
    err = failure({ "cat" }, { stdin = function () return 5 end })
    assert.equal("moonherd.sh: option 'stdin' gave no text (string or nil expected, got number)",
      err.message)
  end)

  it("ends a program that is fed when the call is cancelled", function ()
    local _, err = moonherd.try(moonherd.timeout, "20ms", sh, { "cat" },
      { stdin = function () moonherd.sleep "1h" end })
    assert.equal("timeout", err.kind)
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
    local result = sh { PROGRAM, "--target", "local", "-e", script }
    assert.equal("job: one\njob: [hidden]\njob: end\nkept \nend 4", result.stdout)
    assert.equal("job: bad\n", result.stderr)
  end)

  it("shows of progress what stands there in the end, and long lines as several", function ()
    local script = [[
      local moonherd = require "moonherd"
      local key = moonherd.log.hide "hunter2-hunter2"
      moonherd.sh({ "printf", "10%%\\r20%%\\r\\nnew\\r\\n" }, { stream = "- " })
      local long = ("x"):rep(57340) .. key .. ("y"):rep(57000)
      moonherd.sh({ "cat" }, { stream = "", stdin = long })]]
    local result = sh { PROGRAM, "--target", "local", "-e", script }
    local short, long = result.stdout:match "^(.-\n.-\n)(.*)$"
    assert.equal("- 20%\n- new\n", short)
    assert.equal(("x"):rep(57340) .. "[hidden]" .. ("y"):rep(57000), (long:gsub("\n", "")))
  end)

  it("shows more than anybody keeps", function ()
    local script = 'require "moonherd".sh({ "seq", "200000" }, { stream = true })'
    local result = sh { PROGRAM, "--target", "local", "-e", script }
    assert.equal(#sh({ "seq", "200000" }).stdout, #result.stdout)
  end)

  it("leaks nothing over many children", function ()
    sh { "true" }
    local before = open_descriptors()
    for i = 1, 100 do assert.equal(0, sh({ "true" }).code, i) end
    local list = {}
    for i = 1, 200 do list[i] = i end
    local codes = moonherd.map(list, { concurrency = 8 }, function (i)
      return sh({ "sh", "-c", "exit " .. i % 8 }, { check = false }).code
    end)
    for i, code in ipairs(codes) do assert.equal(i % 8, code) end
    moonherd.sleep(0)
    assert.is_true(open_descriptors() <= before) -- connections of others may close meanwhile
    local count = "ps -o stat= --ppid $PPID | grep -c Z || true"
    local zombies = sh({ "sh", "-c", count }).stdout
    assert.equal("0\n", zombies)
  end)
end)
