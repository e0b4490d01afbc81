local asset_files = require "moonherd.cloudflare.asset_files"
local errors = require "moonherd.error"
local folders = require "tests.spec.support.folder"
local hash = require "moonherd.hash"
local hashes = require "moonherd.cloudflare.asset_hash"
local ignore = require "moonherd.cloudflare.asset_ignore"
local log = require "moonherd._log"
local types = require "moonherd.cloudflare.asset_types"

local PNG = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

describe("the content type of an asset", function ()
  local cases = {
    { "/index.html", "text/html; charset=utf-8" }, { "/A.HTML", "text/html; charset=utf-8" },
    { "/app.js", "text/javascript; charset=utf-8" },
    { "/app.mjs", "text/javascript; charset=utf-8" },
    { "/site.css", "text/css; charset=utf-8" }, { "/notes.txt", "text/plain; charset=utf-8" },
    { "/app.js.map", "application/json" }, { "/data.json", "application/json" },
    { "/app.webmanifest", "application/manifest+json" }, { "/m.wasm", "application/wasm" },
    { "/logo.svg", "image/svg+xml" }, { "/p.png", "image/png" }, { "/p.JPG", "image/jpeg" },
    { "/f.woff2", "font/woff2" }, { "/favicon.ico", "image/x-icon" }, { "/v.mp4", "video/mp4" },
    { "/feed.xml", "application/xml" }, { "/doc.pdf", "application/pdf" },
    { "/LICENSE", "application/null" }, { "/a.b/README", "application/null" },
    { "/.html", "application/null" }, { "/x.", "application/null" },
    { "/x.odd", "application/null" },
  }
  for _, case in ipairs(cases) do
    it(("of %s is %s"):format(case[1], case[2]), function ()
      assert.are.equal(case[2], types.of(types.extension(case[1])))
    end)
  end
end)

describe(".assetsignore", function ()
  -- rules, path, whether it is ignored; a path with a slash at its end is a directory
  local cases = {
    { "", "index.html", false }, { "", "_headers", true }, { "", "_redirects", true },
    { "", ".assetsignore", true }, { "", "_worker.js", true }, { "", "_worker.js/", true },
    { "", "docs/_headers", false }, { "", ".well-known/security.txt", false },
    { "", "node_modules/", false }, { "", ".DS_Store", false }, -- as wrangler
    { "!/_headers", "_headers", false },
    { "*.map", "a.map", true }, { "*.map", "js/a.map", true }, { "*.map", "a.map.js", false },
    { "*.MAP", "a.map", true }, { "*.map", "A.MAP", true },
    { "*.map\n!keep.map", "js/keep.map", false }, { "!keep.map\n*.map", "keep.map", true },
    { "# *.js", "a.js", false }, { "\\#a", "#a", true }, { "\\!a", "!a", true },
    { "\n\r\n*.js\r\n", "a.js", true }, { "\xEF\xBB\xBF*.js", "a.js", true },
    { "/a.txt", "a.txt", true }, { "/a.txt", "b/a.txt", false },
    { "b/a.txt", "b/a.txt", true }, { "b/a.txt", "c/b/a.txt", false },
    { "build/", "build/", true }, { "build/", "build", false }, { "build/", "x/build/", true },
    { "/build/", "x/build/", false },
    { "a/*.js", "a/x.js", true }, { "a/*.js", "a/b/x.js", false },
    { "**/x", "x", true }, { "**/x", "a/b/x", true }, { "a/**/x", "a/x", true },
    { "a/**/x", "a/b/c/x", true }, { "a/**", "a/b/c", true }, { "a/**", "a/", false },
    { "a**c", "abbc", true }, { "?.txt", "ü.txt", true }, { "?.txt", "uu.txt", false },
    { "[0-9].txt", "7.txt", true }, { "[!0-9].txt", "7.txt", false },
    { "[!0-9].txt", "x.txt", true },
    { "[]x].txt", "].txt", true }, { "a[", "a[", true }, { "a.c", "abc", false },
    { "a+b(1).txt", "a+b(1).txt", true }, { "a%d", "a%d", true }, { "a\\*", "a*", true },
    { "a\\*", "ab", false }, { "name \t ", "name", true }, { "name\\ ", "name ", true },
    { "/", "a", false }, { "!", "a", false },
  }
  for _, case in ipairs(cases) do
    local rules, path, expected = table.unpack(case)
    it(("%q %s %s"):format(rules, expected and "ignores" or "keeps", path), function ()
      local is_ignored = ignore.read(rules)
      assert.are.equal(expected, is_ignored((path:gsub("/$", "")), path:sub(-1) == "/"))
    end)
  end
end)

describe("a site", function ()
  local folder
  after_each(function ()
    if folder then folder:remove() end
    folder = nil
  end)

  local function read(files, opts)
    folder = folders.new(files)
    opts = opts or {}
    opts.dir = folder.path
    return asset_files.read(opts, "upload")
  end

  local function paths_of(site)
    local list = {}
    for path in pairs(site:manifest()) do list[#list + 1] = path end
    table.sort(list)
    return list
  end

  local function refusal(files, opts)
    local ok, err = pcall(read, files, opts)
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    return err
  end

  it("has the files of a folder under the paths they are served at", function ()
    local site = read {
      ["index.html"] = "<h1>", ["a b/ü ?#%.html"] = "x", ["empty.txt"] = "", ["i/p.png"] = PNG,
      [".well-known/acme"] = "token", [".hidden"] = "h", ["node_modules/x.js"] = "1",
      ["_headers"] = "/*\n  x: y\n", ["_redirects"] = "/a /b\n", ["sub/_headers"] = "mine",
      ["_worker.js"] = "secret", [".assetsignore"] = "drafts\n", ["drafts/a.md"] = "no",
    }
    assert.are.same({ "/.hidden", "/.well-known/acme", "/a b/ü ?#%.html", "/empty.txt", "/i/p.png",
      "/index.html", "/node_modules/x.js", "/sub/_headers" }, paths_of(site))
    assert.are.same({ "/*\n  x: y\n", "/a /b\n" }, { site.headers, site.redirects })
    assert.are.equal(#PNG, site:manifest()["/i/p.png"].size)
    assert.are.equal(0, site:manifest()["/empty.txt"].size)
  end)

  it("hashes salt, bytes and extension", function ()
    local site = read({ ["a.html"] = "x", ["b.txt"] = "x", ["c.HTML"] = "x", d = "x" },
      { salt = "acme" })
    local manifest = site:manifest()
    local function expected(suffix) return hash.sha256("acme\0x" .. suffix):sub(1, 32) end
    assert.are.equal(expected ".html", manifest["/a.html"].hash)
    assert.are.equal(expected ".txt", manifest["/b.txt"].hash)
    assert.are.equal(expected ".html", manifest["/c.HTML"].hash)
    assert.are.equal(expected ".", manifest["/d"].hash)
  end)

  it("has other hashes with another salt, or none", function ()
    local seen = {}
    for _, salt in ipairs { false, "a", "b" } do
      local site = asset_files.read({ files = { ["/x"] = "1" }, salt = salt or nil }, "upload")
      seen[site.files[1].hash] = true
    end
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.are.equal(3, count)
  end)

  it("does not let a salt continue in the bytes, nor the bytes in the extension", function ()
    local function hash_of(path, content, salt)
      return asset_files.read({ files = { [path] = content }, salt = salt }, "upload").files[1].hash
    end
    assert.are_not.equal(hash_of("/x", "bc", "a"), hash_of("/x", "c", "ab"))
    assert.are_not.equal(hash_of("/x.js", "1"), hash_of("/x", "1.js"))
    assert.are_not.equal(hash_of("/x.js", "1"), hash_of("/x.s", "1.j"))
  end)

  it("hashes bytes as it hashes files, large ones too", function ()
    local large = ("0123456789abcdef"):rep(200000)
    local site = read({ ["a.bin"] = large, ["b.bin"] = large:sub(1, 49152), ["c.bin"] = "" },
      { files = { ["/d.bin"] = large, ["/e.bin"] = large:sub(1, 49152), ["/f.bin"] = "" } })
    local manifest = site:manifest()
    for a, b in pairs { ["/a.bin"] = "/d.bin", ["/b.bin"] = "/e.bin", ["/c.bin"] = "/f.bin" } do
      assert.are.same(manifest[a], manifest[b])
    end
    assert.are.equal(hash.sha256("\0" .. large .. ".bin"):sub(1, 32), manifest["/a.bin"].hash)
  end)

  describe("hashes a file once", function ()
    local pack = require "moonherd._pack"
    local hash_all, now, site_folder, hashed

    before_each(function ()
      hash_all, now, hashed = pack.hash, hashes.now, {}
      pack.hash = function (prefix, most, list)
        for i = 1, #list, 2 do hashed[#hashed + 1] = list[i]:match "[^/]*$" end
        return hash_all(prefix, most, list)
      end
      hashes.now = function () return now() + 60 end -- what was written just now has settled
      site_folder = folders.new { ["a.txt"] = "a", ["b.txt"] = "b" }
    end)
    after_each(function ()
      pack.hash, hashes.now = hash_all, now
      site_folder:remove()
    end)

    local function hash_of_b(opts)
      opts = opts or {}
      opts.dir = site_folder.path
      return asset_files.read(opts, "upload"):manifest()["/b.txt"].hash
    end

    it("whoever uses it", function ()
      assert.are.equal(hash_of_b(), hash_of_b())
      assert.are.same({ "a.txt", "b.txt" }, hashed)
    end)

    it("unless it was written to, or is another one of the same name", function ()
      local first = hash_of_b()
      site_folder:write("b.txt", "c")
      assert.are_not.equal(first, hash_of_b())
      site_folder:write("new", "d")
      assert(os.rename(site_folder:at "new", site_folder:at "b.txt"))
      hash_of_b()
      assert.are.same({ "a.txt", "b.txt", "b.txt", "b.txt" }, hashed)
    end)

    it("unless it is so new that a change might not show", function ()
      hashes.now = now
      hash_of_b()
      hash_of_b()
      assert.are.equal(4, #hashed)
    end)

    it("for each salt", function ()
      assert.are_not.equal(hash_of_b(), hash_of_b { salt = "acme" })
      assert.are.equal(4, #hashed)
    end)
  end)

  it("takes bytes in the place of a file of the same path", function ()
    local site = read({ ["a.json"] = "old", ["b.json"] = "b" }, { files = {
      ["/a.json"] = "new", ["/feed"] = { content = "<rss/>", type = "application/rss+xml" },
      ["/feed2"] = "<rss/>",
    } })
    assert.are.same({ "/a.json", "/b.json", "/feed", "/feed2" }, paths_of(site))
    local manifest = site:manifest()
    assert.are.equal("new", site.by_hash[manifest["/a.json"].hash].content)
    assert.are.equal("application/rss+xml", site.by_hash[manifest["/feed"].hash].type)
    assert.are_not.equal(manifest["/feed"].hash, manifest["/feed2"].hash)
  end)

  it("follows links within the folder", function ()
    local site = read { ["a/x.txt"] = "1", b = { link = "a" }, ["y.txt"] = { link = "a/x.txt" } }
    assert.are.same({ "/a/x.txt", "/b/x.txt", "/y.txt" }, paths_of(site))
  end)

  it("warns of what is hardly meant to be public", function ()
    local lines, write = {}, log.write
    log.write = function (level, message) lines[#lines + 1] = level .. " " .. message end
    local ok, err = pcall(read, { [".env"] = "KEY=1", ["_worker.js"] = "", ["a.txt"] = "" })
    log.write = write
    assert.is_true(ok, err)
    assert.are.same({ "warn upload: '.env' will be public; name it in .assetsignore",
      "warn upload: '_worker.js' is code of Pages, not an asset; it is left out" }, lines)
  end)

  describe("is refused", function ()
    local elsewhere
    before_each(function () elsewhere = folders.new { ["secret.txt"] = "s" } end)
    after_each(function () elsewhere:remove() end)

    it("when a link leads out of it", function ()
      local err = refusal { ["x/l.txt"] = { link = elsewhere:at "secret.txt" } }
      assert.are.same({ "usage", "bad_link", "x/l.txt" }, { err.kind, err.reason, err.path })
      assert.are.equal("bad_link", refusal({ d = { link = elsewhere.path } }).reason)
      assert.are.equal("bad_link", refusal({ d = { link = ".." } }).reason)
    end)

    it("but not when what leads out of it is ignored", function ()
      local site = read { l = { link = elsewhere.path }, a = "1", [".assetsignore"] = "/l" }
      assert.are.same({ "/a" }, paths_of(site))
    end)

    it("when a link leads nowhere or round in circles", function ()
      assert.are.equal("bad_link", refusal({ l = { link = "nothing" } }).reason)
      assert.are.equal("bad_link", refusal({ ["a/l"] = { link = "../a" } }).reason)
    end)

    it("when a name is not UTF-8", function ()
      local err = refusal { ["a/\xFF.txt"] = "" }
      assert.are.equal("bad_name", err.reason)
      assert.are.equal([[upload: asset 'a/\xFF.txt' has a name that is not UTF-8]], err.message)
    end)

    it("when a name has a control character", function ()
      local err = refusal { ["a\nb.txt"] = "" }
      assert.are.equal("bad_name", err.reason)
      assert.are.equal([[upload: asset 'a\x0Ab.txt' has a control character in its name]],
        err.message)
    end)

    it("when a file is too large", function ()
      folder = folders.new {}
      assert(os.execute(("truncate -s %d '%s'"):format((25 << 20) + 1, folder:at "big.bin")))
      local ok, err = pcall(asset_files.read, { dir = folder.path }, "upload")
      assert.are.same({ false, "too_large", "big.bin" }, { ok, err.reason, err.path })
      local files = { ["/b"] = ("x"):rep((25 << 20) + 1) }
      ok, err = pcall(asset_files.read, { files = files }, "upload")
      assert.are.same({ false, "too_large", "/b" }, { ok, err.reason, err.path })
    end)

    it("when there are too many files", function ()
      local files = {}
      for i = 1, 100001 do files["/" .. i] = "" end
      local ok, err = pcall(asset_files.read, { files = files }, "upload")
      assert.are.same({ false, "usage", "too_many_assets" }, { ok, err.kind, err.reason })
    end)

    it("when it holds something that is no file", function ()
      folder = folders.new {}
      assert(os.execute(("mkfifo '%s'"):format(folder:at "pipe")))
      local ok, err = pcall(asset_files.read, { dir = folder.path }, "upload")
      assert.are.same({ false, "not_a_file", "pipe" }, { ok, err.reason, err.path })
    end)

    it("when it is empty, or all of it is ignored", function ()
      for _, files in ipairs { {}, { [".assetsignore"] = "*", a = "1" }, { _headers = "x" } } do
        local err = refusal(files)
        assert.is_truthy(err.message:find("there are no assets in folder", 1, true), err.message)
        folder:remove()
      end
    end)

    it("when it is not there, or not a folder", function ()
      local ok, err = pcall(asset_files.read, { dir = elsewhere:at "none" }, "upload")
      assert.are.same({ false, "io", "not_found" }, { ok, err.kind, err.reason })
      ok, err = pcall(asset_files.read, { dir = elsewhere:at "secret.txt" }, "upload")
      assert.are.same({ false, "io", "not_directory" }, { ok, err.kind, err.reason })
    end)

    local bad_files = {
      { { ["a.txt"] = "" }, "needs a path" }, { { ["/"] = "" }, "needs a path" },
      { { ["/a//b"] = "" }, "needs a path" }, { { ["/../b"] = "" }, "needs a path" },
      { { ["/a/."] = "" }, "needs a path" }, { { [1] = "" }, "paths are strings" },
      { { ["/\xFF"] = "" }, "not UTF-8" }, { { ["/a"] = 1 }, "got number" },
      { { ["/a"] = {} }, "without content" },
      { { ["/a"] = { content = 1 } }, "bad field 'content'" },
      { { ["/a"] = { content = "", mime = "x" } }, "bad field 'mime'" },
      { { ["/a"] = { content = "", type = "html" } }, "'type' is a content type" },
    }
    for i, case in ipairs(bad_files) do
      it(("when a file given as bytes is wrong (%d)"):format(i), function ()
        local ok, err = pcall(asset_files.read, { files = case[1] }, "upload")
        assert.is_false(ok)
        assert.are.equal("usage", err.kind)
        assert.is_truthy(err.message:find(case[2], 1, true), err.message)
      end)
    end
  end)
end)
