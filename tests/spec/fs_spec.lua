local moonherd = require "moonherd"
local fs = require "moonherd.fs"

local folder

local function path(...) return fs.join(folder, ...) end

local function remove_all(dir)
  local found = {}
  for entry in fs.walk(dir) do found[#found + 1] = entry.path end
  for i = #found, 1, -1 do fs.remove(found[i]) end
  fs.remove(dir)
end

local function shell(command)
  assert(os.execute(command:gsub("%$D", folder)))
end

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("io", err.kind)
  return err.reason, err
end

describe("fs", function ()
  before_each(function ()
    folder = os.tmpname()
    fs.remove(folder)
    fs.mkdir(folder)
  end)
  after_each(function () remove_all(folder) end)

  it("writes and reads whole files", function ()
    for _, bytes in ipairs { "", "hello", "\0\r\n\xff", ("x"):rep(3 << 20) } do
      fs.write(path "a", bytes)
      assert.is_true(fs.read(path "a") == bytes)
    end
    assert.same({ "a" }, fs.list(folder))
  end)

  it("reads what is not a plain file", function ()
    assert.equal("", fs.read "/dev/null")
    assert.matches("^%S+ %S+", fs.read "/proc/version")
    shell "mkfifo $D/pipe"
    local reader = moonherd.spawn(fs.read, path "pipe")
    fs.write(path "pipe", "through the pipe")
    assert.equal("through the pipe", reader:wait())
  end)

  it("refuses what is larger than max", function ()
    fs.write(path "a", "12345")
    assert.equal("12345", fs.read(path "a", { max = 5 }))
    local reason, err = failure(fs.read, path "a", { max = 4 })
    assert.equal("too_large", reason)
    assert.equal(("cannot read '%s': it has more than 4 bytes"):format(path "a"), err.message)
  end)

  it("replaces a file and keeps its permissions", function ()
    fs.write(path "a", "old", { mode = 384 })
    assert.equal(384, fs.stat(path "a").mode)
    fs.write(path "a", "new")
    assert.equal(384, fs.stat(path "a").mode)
    assert.equal("new", fs.read(path "a"))
  end)

  it("lets one of several exclusive writers succeed", function ()
    local function write(text)
      return (pcall(fs.write, path "a", text, { exclusive = true }))
    end
    local won = {}
    for i, is_made in ipairs(moonherd.map({ "1", "2", "3", "4" }, write)) do
      if is_made then won[#won + 1] = tostring(i) end
    end
    assert.same({ fs.read(path "a") }, won)
    assert.equal("exists", failure(fs.write, path "a", "", { exclusive = true }))
    assert.same({ "a" }, fs.list(folder))
  end)

  it("replaces what a link points to, not the link", function ()
    fs.write(path "a", "old")
    shell "ln -s a $D/link"
    fs.write(path "link", "new")
    assert.equal("new", fs.read(path "a"))
    assert.equal("link", fs.stat(path "link", { follow = false }).type)
    assert.equal("file", fs.stat(path "link").type)
  end)

  it("writes to devices directly, and reports a full disk", function ()
    fs.write("/dev/null", "gone")
    local reason, err = failure(fs.write, "/dev/full", "no room")
    assert.equal("disk_full", reason)
    assert.equal("cannot write '/dev/full': no space left on device", err.message)
    assert.equal("/dev/full", err.path)
  end)

  it("says what a path leads to", function ()
    fs.write(path "a", "12345")
    local info = fs.stat(path "a")
    assert.equal("file", info.type)
    assert.equal(5, info.size)
    assert.is_true(math.abs(info.mtime - os.time()) < 60)
    assert.equal("directory", fs.stat(folder).type)
    assert.equal("device", fs.stat("/dev/null").type)
  end)

  it("tells whether something exists", function ()
    fs.write(path "a", "")
    assert.is_true(fs.exists(path "a"))
    assert.is_true(fs.exists(folder))
    assert.is_false(fs.exists(path "b"))
    assert.is_false(fs.exists(path("a", "below a file")))
    shell "ln -s nowhere $D/dangling"
    assert.is_false(fs.exists(path "dangling"))
  end)

  it("makes directories", function ()
    fs.mkdir(path "one", 448)
    assert.equal(448, fs.stat(path "one").mode)
    assert.equal("exists", failure(fs.mkdir, path "one"))
    assert.equal("not_found", failure(fs.mkdir, path "two/three"))
    fs.mkdir(path "two//three/", nil, true)
    fs.mkdir(path "two/three", nil, true)
    assert.equal("directory", fs.stat(path "two/three").type)
    fs.write(path "file", "")
    assert.equal("exists", failure(fs.mkdir, path "file", nil, true))
    assert.equal("not_directory", failure(fs.mkdir, path "file/below", nil, true))
  end)

  it("lists names in byte order", function ()
    for _, name in ipairs { "b", "a", "B", "_", "a-x", "\u{e4}", ".hidden" } do
      fs.write(path(name), "")
    end
    assert.same({ ".hidden", "B", "_", "a", "a-x", "b", "\u{e4}" }, fs.list(folder))
  end)

  it("removes files, links and empty directories", function ()
    fs.mkdir(path "d")
    fs.write(path "d/a", "")
    shell "ln -s d $D/link"
    assert.equal("not_empty", failure(fs.remove, path "d"))
    fs.remove(path "link")
    fs.remove(path "d/a")
    fs.remove(path "d")
    assert.same({}, fs.list(folder))
    assert.equal("not_found", failure(fs.remove, path "d"))
  end)

  it("gives every failure its reason", function ()
    fs.write(path "a", "")
    assert.equal("not_found", failure(fs.read, path "b"))
    assert.equal("is_directory", failure(fs.read, folder))
    assert.equal("is_directory", failure(fs.write, folder, ""))
    assert.equal("not_directory", failure(fs.read, path "a/b"))
    assert.equal("not_directory", failure(fs.list, path "a"))
    assert.equal("not_found", failure(fs.write, path "no/such", ""))
    assert.equal("not_found", failure(fs.stat, path "b"))
    assert.same({ "a" }, fs.list(folder))
  end)

  it("refuses wrong arguments", function ()
    local function message(f, ...)
      local ok, err = pcall(f, ...)
      assert.is_false(ok)
      assert.equal("usage", err.kind)
      return err.message
    end
    assert.matches("fs.read: bad path %(string expected, got nil%)", message(fs.read))
    assert.matches("fs.stat: bad path %(it has a zero byte%)", message(fs.stat, "a\0b"))
    assert.matches("fs.write: bad bytes %(string expected, got nil%)", message(fs.write, "a"))
    assert.matches("did you mean 'mode'", message(fs.write, "a", "", { mod = 1 }))
    assert.matches("bad option 'max'", message(fs.read, "a", { max = "1" }))
    assert.matches("fs.join: bad path", message(fs.join, "a", 1))
    assert.matches("fs.mkdir: bad mode", message(fs.mkdir, "a", "b"))
  end)

  it("stops when it is cancelled, and leaves nothing behind", function ()
    local function cancelled(f, ...)
      local task = moonherd.spawn(f, ...)
      moonherd.sleep(0)
      task:cancel()
      local ok, err = pcall(task.wait, task)
      if not ok then assert.equal("cancelled", err.kind) end
    end
    local function has_temporary()
      for _, name in ipairs(fs.list(folder)) do
        if name:find "%.tmp$" then return true end
      end
    end
    shell "mkfifo $D/pipe"
    cancelled(fs.read, path "pipe")
    cancelled(fs.write, path "pipe", "")
    for _ = 1, 10 do cancelled(fs.write, path "a", ("x"):rep(1 << 20)) end
    for _ = 1, 250 do -- the jobs under way end on their own
      if not has_temporary() then break end
      moonherd.sleep "20ms"
    end
    assert.is_nil(has_temporary())
  end)

  it("runs many at once", function ()
    local names = {}
    for i = 1, 200 do names[i] = path(tostring(i)) end
    moonherd.map(names, { concurrency = 32 }, function (name) fs.write(name, name) end)
    local read = moonherd.map(names, { concurrency = 32 }, function (name)
      return fs.read(name)
    end)
    assert.same(names, read)
  end)
end)

describe("fs.walk", function ()
  before_each(function ()
    folder = os.tmpname()
    fs.remove(folder)
    fs.mkdir(path "a/b", nil, true)
    fs.write(path "a/b/deep", "123")
    fs.write(path "a-x", "1")
    fs.write(path "a/c", "")
  end)
  after_each(function () shell "rm -rf $D" end)

  local function walked()
    local lines = {}
    for e in fs.walk(folder) do
      assert.equal(path(e.name), e.path)
      lines[#lines + 1] = ("%s %s %d"):format(e.name, e.type, e.size)
    end
    return lines
  end

  it("gives directories first, names in byte order", function ()
    assert.same({ "a directory 0", "a/b directory 0", "a/b/deep file 3", "a/c file 0",
      "a-x file 1" }, walked())
  end)

  it("follows links, but not in circles", function ()
    shell "ln -s ../.. $D/a/b/up; ln -s nowhere $D/gone; ln -s self $D/self"
    shell "ln -s a-x $D/file; ln -s a/b $D/z"
    assert.same({ "a directory 0", "a/b directory 0", "a/b/deep file 3", "a/b/up link 0",
      "a/c file 0", "a-x file 1", "file file 1", "gone link 0", "self link 0",
      "z directory 0", "z/deep file 3", "z/up link 0" }, walked())
  end)

  it("says which names are links", function ()
    shell "ln -s a-x $D/file; ln -s a/b $D/z; ln -s nowhere $D/gone"
    local links = {}
    for e in fs.walk(folder) do
      if e.is_link then links[#links + 1] = e.name end
    end
    assert.same({ "file", "gone", "z" }, links)
  end)

  it("leaves out what is in a directory that it is not to enter", function ()
    local lines = {}
    local function enter(e)
      assert.equal("directory", e.type)
      return e.name ~= "a/b"
    end
    for e in fs.walk(folder, { enter = enter }) do lines[#lines + 1] = e.name end
    assert.same({ "a", "a/b", "a/c", "a-x" }, lines)
  end)

  it("goes on when a directory has vanished", function ()
    local lines = {}
    for e in fs.walk(folder) do
      lines[#lines + 1] = e.name
      if e.name == "a" then shell "rm -r $D/a" end
    end
    assert.same({ "a", "a-x" }, lines)
  end)

  it("raises for a directory that is not there", function ()
    assert.equal("not_found", failure(fs.walk, path "none"))
    assert.equal("not_directory", failure(fs.walk, path "a-x"))
  end)
end)

describe("fs.realpath", function ()
  before_each(function ()
    folder = os.tmpname()
    fs.remove(folder)
    fs.mkdir(path "a/b", nil, true)
    shell "ln -s a $D/l; ln -s nowhere $D/gone"
  end)
  after_each(function () shell "rm -rf $D" end)

  it("is the path without links and dots", function ()
    local real = fs.realpath(folder)
    assert.equal(real .. "/a/b", fs.realpath(path "l/./b"))
    assert.equal(real, fs.realpath(path "l/.."))
    assert.equal("/", fs.realpath "/")
  end)

  it("raises where nothing is", function ()
    assert.equal("not_found", failure(fs.realpath, path "gone"))
    assert.equal("not_directory", failure(fs.realpath, "/etc/passwd/x"))
  end)
end)

describe("paths", function ()
  local function all(f, cases)
    for given, expected in pairs(cases) do assert.equal(expected, f(given)) end
  end

  it("are joined", function ()
    assert.equal("", fs.join())
    assert.equal("a", fs.join("a"))
    assert.equal("a/b/c", fs.join("a", "b/", "c"))
    assert.equal("/b/c", fs.join("a", "/b", "c"))
    assert.equal("a/b", fs.join("", "a", "", "b", ""))
    assert.equal("/a", fs.join("/", "a"))
    assert.equal("../a", fs.join("..", "a"))
  end)

  it("have a directory", function ()
    all(fs.dirname, { ["a/b/c"] = "a/b", ["a"] = ".", ["/a"] = "/", ["/"] = "/", ["a/"] = ".",
      ["a//b"] = "a", [""] = ".", ["//a"] = "/", ["a/b//"] = "a" })
  end)

  it("have a name", function ()
    local slashes = ("/"):rep(1e6)
    assert.equal("a", fs.basename("a" .. slashes))
    assert.equal("/", fs.dirname(slashes .. "a"))
    all(fs.basename, { ["a/b/c"] = "c", ["a"] = "a", ["/"] = "/", ["a/"] = "a", [""] = "",
      ["//"] = "/", ["/a//"] = "a" })
  end)

  it("have an extension", function ()
    all(fs.extension, { ["a/b.js"] = ".js", ["a.b/c"] = "", [".profile"] = "", ["a.tar.gz"] = ".gz",
      [".a.b"] = ".b", ["a."] = ".", [""] = "", [".."] = "", ["..a"] = "", ["..a.b"] = ".b" })
  end)

  it("of a megabyte are taken apart at once", function ()
    local long = ("x"):rep(1 << 20)
    assert.equal("", fs.extension(long))
    assert.equal(".y", fs.extension(long .. ".y"))
    assert.equal("y", fs.basename(long .. "/y"))
  end)
end)
