-- Static assets from a folder of the client to the bytes that the platform keeps.
local cloudflare = require "moonherd.cloudflare"
local folders = require "tests.spec.support.folder"
local handles = require "moonherd.cloudflare.handles"
local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"
local stored = require "tests.spec.support.assets"
local support = require "tests.spec.support.platform"

local DATE = "2026-10-01"
local PNG = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
local LARGE = ("0123456789abcdef"):rep(100000)
local SITE = {
  ["index.html"] = "<h1>", ["a b/ü #?%.html"] = "two", ["empty.txt"] = "", ["i/p.png"] = PNG,
  ["large.bin"] = LARGE, ["copy/of.html"] = "<h1>", [".well-known/x"] = "no type",
  ["_headers"] = "/*\n  x: y\n", [".assetsignore"] = "drafts", ["drafts/a.md"] = "no",
}

describe("assets from client to platform", function ()
  local server, ns, folder

  before_each(function ()
    server = support.start()
    server:make_namespace "prod"
    local client = stand_in.without_host_options(function ()
      return cloudflare.connect { base_url = "http://localhost/client/v4",
        account_id = support.ACCOUNT, api_token = support.TOKEN }
    end)
    handles.connection(client).socket = server.socket -- as for the target "local"
    ns = client:namespace "prod"
    folder = folders.new(SITE)
  end)
  after_each(function ()
    server:close()
    folder:remove()
  end)

  local function deploy(name, assets, more)
    local spec = { assets = assets, compatibility_date = DATE }
    for key, value in pairs(more or {}) do spec[key] = value end
    return ns:script(name):upload(spec)
  end

  local function read(name, path)
    return stored.read(server, "prod", name, path)
  end

  it("are the bytes of the files, with the types they are served as", function ()
    local result = deploy("site", { dir = folder.path, salt = "site", html_handling = "none" })
    assert.is_true(result.has_assets)
    assert.are.same({ files = 7, sent = 6, skipped = 1, bytes = #LARGE + #PNG + 14 }, result.assets)
    assert.are.equal(3, result.requests)
    for path, expected in pairs {
      ["/index.html"] = { "<h1>", "text/html; charset=utf-8" },
      ["/copy/of.html"] = { "<h1>", "text/html; charset=utf-8" },
      ["/a b/ü #?%.html"] = { "two", "text/html; charset=utf-8" },
      ["/empty.txt"] = { "", "text/plain; charset=utf-8" },
      ["/i/p.png"] = { PNG, "image/png" },
      ["/large.bin"] = { LARGE, "application/octet-stream" },
      ["/.well-known/x"] = { "no type", nil }, -- served without a type
    } do
      local bytes, content_type = read("site", path)
      assert.is_true(bytes == expected[1], path)
      assert.are.equal(expected[2], content_type, path)
    end
    assert.is_nil((read("site", "/drafts/a.md")))
    assert.is_nil((read("site", "/_headers")))
  end)

  it("are sent again only where they have changed", function ()
    deploy("site", { dir = folder.path })
    folder:write("index.html", "<h1>new")
    local result = deploy("site", { dir = folder.path })
    assert.are.same({ files = 7, sent = 1, skipped = 6, bytes = 7 }, result.assets)
    assert.are.equal("<h1>new", (read("site", "/index.html")))
    assert.are.equal("<h1>", (read("site", "/copy/of.html")))
    assert.are.equal(2, deploy("site", { dir = folder.path }).requests) -- a session and the script
  end)

  it("are shared by scripts of one salt, not by those of another", function ()
    deploy("a", { dir = folder.path })
    assert.are.equal(0, deploy("b", { dir = folder.path }).assets.sent)
    assert.are.equal(6, deploy("c", { dir = folder.path, salt = "c" }).assets.sent)
  end)

  it("are kept, served otherwise, replaced and removed", function ()
    local code = { modules = { ["a.mjs"] = "export default { fetch() {} }" } }
    local function has(assets) return deploy("site", assets, code).has_assets end
    assert.is_true(has { files = { ["/a.txt"] = "a" } })
    assert.is_true(has(nil))
    assert.is_true(has { not_found_handling = "404-page", base_path = moonherd.null })
    assert.are.equal("a", (read("site", "/a.txt")))
    assert.is_true(has { files = { ["/b.txt"] = "b" }, run_worker_first = { "/api/*" } })
    assert.is_nil((read("site", "/a.txt")))
    assert.are.equal("b", (read("site", "/b.txt")))
    assert.is_false(has(false))
  end)

  it("are bound, by the token of an upload of its own", function ()
    local script = ns:script "site"
    local token, report = script:upload_assets { dir = folder.path }
    assert.are.equal("/*\n  x: y\n", report.config._headers)
    assert.is_false(script:exists())
    script:upload {
      modules = { ["a.mjs"] = "export default { fetch() {} }" }, compatibility_date = DATE,
      assets = { jwt = token, run_worker_first = true },
      bindings = { ASSETS = { type = "assets" } },
    }
    assert.are.equal("<h1>", (read("site", "/index.html")))
  end)

  it("of thousands of files arrive, in buckets sent at once", function ()
    local files = {}
    for i = 1, 2500 do files[("/f/%d.txt"):format(i)] = "file " .. i end
    local seen = {}
    local result = deploy("site", { files = files, on_progress = function (sent, all, bytes)
      assert.are.equal(2500, all)
      seen[#seen + 1] = sent
      assert.is_true(bytes > 0)
    end })
    assert.are.same({ 2500, 3, 5 }, { result.assets.sent, #seen, result.requests })
    assert.are.equal("file 2500", (read("site", "/f/2500.txt")))
  end)

  it("that change on the way leave the script as it was", function ()
    deploy("site", { files = { ["/a.txt"] = "a" } })
    local pack = require "moonherd._pack"
    local hash = pack.hash
    pack.hash = function (...)
      local found, err = hash(...)
      folder:write("index.html", "<h1>changed")
      return found, err
    end
    local _, err = moonherd.try(deploy, "site", { dir = folder.path })
    pack.hash = hash
    assert.are.same({ "io", "file_changed" }, { err.kind, err.reason })
    assert.are.equal("a", (read("site", "/a.txt")))
  end)
end)
