-- What moonherd.fs has beyond single files: paths as text, patterns, temporary ones, watching.
local moonherd = require "moonherd"
local fs = require "moonherd.fs"

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("fs.absolute and fs.relative", function ()
  local ABSOLUTE = {
    { "a", "/x", "/x/a" }, { "../a/./b/", "/x/y", "/x/a/b" }, { "/a//b", "/x", "/a/b" },
    { "../../..", "/x", "/" }, { "", "/x/", "/x" }, { "é\nb", "/x", "/x/é\nb" },
  }
  it("give paths from the root on", function ()
    for _, case in ipairs(ABSOLUTE) do assert.equal(case[3], fs.absolute(case[1], case[2])) end
    assert.equal(fs.realpath ".", fs.absolute ".")
    assert.equal(fs.absolute "a/b", fs.absolute("b", "a"))
  end)

  local RELATIVE = {
    { "/x/a", "/x", "a" }, { "/x", "/x", "." }, { "/x", "/x/a/b", "../.." },
    { "/a/b", "/x/y", "../../a/b" }, { "/xy", "/x", "../xy" },
  }
  it("give the way from one folder to another", function ()
    for _, case in ipairs(RELATIVE) do assert.equal(case[3], fs.relative(case[1], case[2])) end
    assert.equal("a", fs.relative "./a")
  end)
end)

describe("fs.glob", function ()
  local tmp

  local function make(names)
    for _, name in ipairs(names) do
      local path = fs.join(tmp.path, name)
      fs.mkdir(fs.dirname(path), nil, true)
      if name:byte(-1) == 0x2F then fs.mkdir(path, nil, true) else fs.write(path, "") end
    end
  end

  local function glob(pattern, opts)
    opts = opts or {}
    opts.dir = tmp.path
    local names = fs.glob(pattern, opts)
    for i, path in ipairs(names) do names[i] = path:sub(#tmp.path + 2) end
    return table.concat(names, " ")
  end

  before_each(function ()
    tmp = fs.temp_dir()
    make { "a.js", "b.css", "é.js", ".hidden.js", "lib/c.js", "lib/deep/d.js", "lib/.git/e.js",
      "[x].txt", "empty/" }
  end)
  after_each(function () tmp:remove() end)

  local CASES = {
    { "a.js", "a.js" }, { "*.js", "a.js é.js" }, { "?.js", "a.js é.js" }, { "*.no", "" },
    { ".*.js", ".hidden.js" }, { "[ab].*", "a.js b.css" }, { "[!a].*", "b.css" },
    { "[a-b].{js,css}", "a.js b.css" }, { "\\[x\\].txt", "[x].txt" }, { "[[]x].txt", "[x].txt" },
    { "**/*.js", "a.js lib/c.js lib/deep/d.js é.js" },
    { "lib/**", "lib/c.js lib/deep lib/deep/d.js" },
    { "lib/**/d.js", "lib/deep/d.js" }, { "**/**/d.js", "lib/deep/d.js" },
    { "{a,lib/{c,deep/d}}.js", "a.js lib/c.js lib/deep/d.js" }, { "{a,a}.js", "a.js" },
    { "{a}.js", "" }, { "{a.js", "" }, { "*/", "empty lib" }, { "lib/", "lib" },
    { "no/such/*", "" }, { "a.js/*", "" }, { "", "" }, { "[a.js", "" },
  }
  it("finds what a pattern means", function ()
    for _, case in ipairs(CASES) do
      assert.equal(case[2], glob(case[1]), case[1])
    end
  end)

  it("finds hidden names, files or folders when asked to", function ()
    assert.equal(".hidden.js a.js é.js", glob("*.js", { dot = true }))
    assert.equal("lib/.git/e.js", glob("**/e.js", { dot = true }))
    assert.equal("empty lib", glob("*", { type = "directory" }))
  end)

  it("takes names with anything in them", function ()
    make { "new\nline.js", "per%cent" }
    assert.equal("new\nline.js", glob "new*")
    assert.equal("per%cent", glob "per%cen?")
  end)

  it("follows links that a pattern names, and none for **", function ()
    assert.equal(0, moonherd.sh({ "ln", "-s", ".", fs.join(tmp.path, "loop") }).code)
    assert.equal("loop/a.js", glob "loop/a.js")
    assert.equal("loop/a.js", glob "l[o]op/a.js")
    assert.equal("a.js", glob "**/a.js")
  end)

  it("takes patterns from the root on, and says what is wrong with others", function ()
    assert.same({ tmp.path .. "/a.js" }, fs.glob(tmp.path .. "/a.*"))
    assert.matches("fs.glob: bad pattern", failure(fs.glob, 5).message)
    assert.matches("did you mean 'file'", failure(fs.glob, "*", { type = "fil" }).message)
  end)
end)

describe("fs.mkdir", function ()
  it("refuses what is no mode", function ()
    for _, mode in ipairs { -1, 4096 } do
      assert.matches("^fs.mkdir: bad mode", failure(fs.mkdir, "/no/such/folder", mode).message)
    end
  end)
end)

describe("fs.temp_dir and fs.temp_file", function ()
  it("stay in their folder", function ()
    assert.equal("fs.temp_dir: bad option 'prefix' (a part of a name expected, got '../x')",
      failure(fs.temp_dir, { prefix = "../x" }).message)
    assert.equal("fs.temp_file: bad option 'suffix' (a part of a name expected, got '/x')",
      failure(fs.temp_file, { suffix = "/x" }).message)
  end)

  it("go with their block, whatever is in them", function ()
    local path
    do
      local dir <close> = fs.temp_dir { prefix = "fs-spec-" }
      path = dir.path
      assert.equal(448, fs.stat(path).mode)
      assert.matches("^fs%-spec%-", fs.basename(path))
      assert.equal(path, tostring(dir))
      fs.mkdir(fs.join(path, "a/b"), nil, true)
      fs.write(fs.join(path, "a/b/c"), "")
    end
    assert.is_false(fs.exists(path))
  end)

  it("go when their block fails or its task is cancelled", function ()
    local paths = {}
    pcall(function ()
      local file <close> = fs.temp_file()
      paths[1] = file.path
      error "no"
    end)
    local task = moonherd.spawn(function ()
      local dir <close> = fs.temp_dir()
      paths[2] = dir.path
      moonherd.sleep "1h"
    end)
    while not paths[2] do moonherd.sleep(0.001) end
    task:cancel "enough"
    pcall(task.wait, task)
    for _, path in ipairs(paths) do assert.is_false(fs.exists(path)) end
  end)

  it("are files that only this user may read", function ()
    local file <close> = fs.temp_file { suffix = ".json", bytes = "{}" }
    assert.equal("{}", fs.read(file.path))
    assert.equal(384, fs.stat(file.path).mode)
    assert.equal(".json", fs.extension(file.path))
    fs.remove(file.path) -- gone before its time: no failure
  end)

  it("are not made where nothing is", function ()
    assert.equal("not_found", failure(fs.temp_dir, { dir = "/no/such" }).reason)
  end)
end)

describe("fs.remove_all", function ()
  it("does not follow links", function ()
    local tmp <close> = fs.temp_dir()
    local kept, gone = fs.join(tmp.path, "kept"), fs.join(tmp.path, "gone")
    fs.mkdir(kept)
    fs.mkdir(gone)
    fs.write(fs.join(kept, "a"), "")
    moonherd.sh { "ln", "-s", kept, fs.join(gone, "link") }
    fs.remove_all(gone)
    fs.remove_all(gone)
    assert.same({ "kept" }, fs.list(tmp.path))
    assert.same({ "a" }, fs.list(kept))
  end)

  it("refuses the root, and what is no path", function ()
    for _, path in ipairs { "/", "/usr/..", "", false } do
      assert.equal("usage", failure(fs.remove_all, path).kind)
    end
  end)
end)

describe("fs.remove_all", function ()
  -- In a program of its own, below a folder that may be lost.
  it("refuses the folder that the process is in, and those above", function ()
    local tmp <close> = fs.temp_dir()
    fs.mkdir(fs.join(tmp.path, "a/b"), nil, true)
    local program = fs.absolute(arg[-1] or "build/moonherd")
    for path, why in pairs { ["."] = "by its name", [".."] = "by its name", ["./"] = "by its name",
      ["../b/."] = "by its name", ["../b"] = "is in it", ["../../a/"] = "is in it",
      [tmp.path] = "is in it", [tmp.path .. "/a/b"] = "is in it" } do
      local result = moonherd.sh({ program, "-e",
        ("require 'moonherd'.fs.remove_all %q"):format(path) },
        { cwd = fs.join(tmp.path, "a/b"), check = false })
      assert.matches("fs.remove_all: refuses to remove '.*" .. why, result.stderr, path)
      assert.is_true(fs.exists(fs.join(tmp.path, "a/b")))
    end
  end)

  it("does not follow a link with a slash behind it", function ()
    local tmp <close> = fs.temp_dir()
    fs.mkdir(fs.join(tmp.path, "kept/deep"), nil, true)
    moonherd.sh { "ln", "-s", "kept", fs.join(tmp.path, "link") }
    fs.remove_all(fs.join(tmp.path, "link//"))
    assert.same({ "kept" }, fs.list(tmp.path))
    assert.same({ "deep" }, fs.list(fs.join(tmp.path, "kept")))
  end)
end)

describe("fs.watch", function ()
  local tmp
  before_each(function () tmp = fs.temp_dir() end)
  after_each(function () tmp:remove() end)

  local function path(name) return fs.join(tmp.path, name) end

  it("tells what was written, made and removed, each name once", function ()
    fs.write(path "old", "")
    local changes <close> = fs.watch(tmp.path, { debounce = "20ms" })
    fs.write(path "new\nline", "1")
    fs.write(path "new\nline", "2")
    fs.remove(path "old")
    assert.same({ path "new\nline", path "old" }, changes())
  end)

  it("watches folders as they come and go", function ()
    local changes <close> = fs.watch(tmp.path, { debounce = "20ms" })
    fs.mkdir(path "a/b", nil, true)
    fs.write(path "a/b/c", "")
    assert.same({ path "a", path "a/b", path "a/b/c" }, changes())
    fs.write(path "a/b/c", "again")
    assert.same({ path "a/b/c" }, changes())
    fs.remove_all(path "a")
    changes()
    fs.mkdir(path "a")
    assert.same({ path "a" }, changes())
    fs.write(path "a/d", "")
    assert.same({ path "a/d" }, changes())
  end)

  it("ends when its folder goes", function ()
    for _, recursive in ipairs { true, false } do
      fs.mkdir(path "w")
      fs.write(path "w/file", "")
      local folder <close> = fs.watch(path "w", { debounce = "10ms", recursive = recursive })
      local file <close> = fs.watch(path "w/file", { debounce = "10ms" })
      fs.remove_all(path "w")
      local seen = {}
      for paths in folder do
        for _, changed in ipairs(paths) do seen[changed] = true end
      end
      assert.same({ [path "w"] = true, [path "w/file"] = true }, seen)
      for paths in file do assert.is_string(paths[1]) end
    end
  end)

  it("watches one file through being replaced", function ()
    fs.write(path "config", "1")
    local changes <close> = fs.watch(path "config", { debounce = "20ms" })
    for i = 2, 4 do
      fs.write(path "other", "")
      fs.write(path "config", tostring(i))
      assert.same({ path "config" }, changes())
    end
  end)

  it("ends when it is closed, also for who waits", function ()
    local changes = fs.watch(tmp.path)
    local waiter = moonherd.spawn(function ()
      local count = 0
      for _ in changes do count = count + 1 end
      return count
    end)
    moonherd.sleep(0)
    changes:close()
    assert.equal(0, waiter:wait())
    assert.is_nil(changes())
    changes:close()
  end)

  it("can be cancelled and goes on afterwards", function ()
    local changes <close> = fs.watch(tmp.path, { debounce = "20ms" })
    local _, err = moonherd.try(moonherd.timeout, "20ms", function () return changes() end)
    assert.equal("timeout", err.kind)
    fs.write(path "a", "")
    assert.same({ path "a" }, changes())
  end)

  it("says when there is nothing to watch", function ()
    assert.equal("not_found", failure(fs.watch, path "no").reason)
    assert.equal("usage", failure(fs.watch, tmp.path, { debounce = -1 }).kind)
  end)
end)
