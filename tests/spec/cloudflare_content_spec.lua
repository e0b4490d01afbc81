local fs = require "moonherd.fs"
local host = require "moonherd._host"
local multipart = require "moonherd.multipart"
local stand_in = require "tests.spec.support.stand_in"

local TARGET = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts/shop/content"

describe("the content of a script", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  local function answer_with(parts, headers)
    local segments, content_type = multipart.encode(parts)
    headers = headers or {}
    headers["content-type"] = content_type
    server:answer { body = table.concat(segments), headers = headers }
  end

  it("is refused when two modules have one name", function ()
    local twice = { name = "a.js", filename = "a.js", content = "one" }
    answer_with { twice, { name = "a.js", filename = "a.js", content = "two" } }
    local _, err = pcall(script.content, script)
    assert.are.equal("bad_answer", err.reason)
  end)

  local MODULES = {
    { name = "lib/b.txt", filename = "b.txt", content_type = "text/plain", content = "text" },
    { name = "i.mjs", filename = "i.mjs", content_type = "application/javascript+module",
      content = "export default {}" },
    { name = "d.bin", filename = "d.bin", content_type = "application/octet-stream",
      content = "\0\r\n--x\xff" },
    { name = "empty.txt", filename = "empty.txt", content_type = "text/plain", content = "" },
  }

  it("is the modules, byte for byte", function ()
    answer_with(MODULES, { ["cf-entrypoint"] = "i.mjs", etag = '"abc"' })
    assert.are.same({
      main_module = "i.mjs", etag = "abc", modules = {
        ["lib/b.txt"] = { content = "text", type = "text/plain" },
        ["i.mjs"] = { content = "export default {}", type = "application/javascript+module" },
        ["d.bin"] = { content = "\0\r\n--x\xff", type = "application/octet-stream" },
        ["empty.txt"] = { content = "", type = "text/plain" },
      },
    }, script:content())
    assert.are.same({ "GET", TARGET }, { server:last().method, server:last().target })
  end)

  it("starts with its first part when nothing says otherwise", function ()
    answer_with { MODULES[2], MODULES[1] }
    assert.are.equal("i.mjs", script:content().main_module)
  end)

  it("may hold a part larger than a block", function ()
    local large = ("0123456789abcdef"):rep(40000)
    answer_with { { name = "l.bin", filename = "l.bin", content_type = "application/octet-stream",
      content = large } }
    assert.is_true(script:content().modules["l.bin"].content == large)
  end)

  it("is one script in service-worker syntax", function ()
    server:answer { body = "addEventListener()", headers = {
      ["content-type"] = "application/javascript; charset=utf-8", etag = 'W/"e"',
    } }
    assert.are.same({ body_part = "worker.js", etag = "e", modules = {
      ["worker.js"] = { content = "addEventListener()", type = "application/javascript" },
    } }, script:content())
  end)

  it("is nothing for a Worker of assets alone", function ()
    server:answer { status = 204 }
    assert.are.same({ modules = {} }, script:content())
  end)

  it("that is missing is an error like any other", function ()
    server:fail(404, 10007)
    local ok, err = pcall(script.content, script)
    assert.are.same({ false, "script_not_found" }, { ok, err.reason })
  end)

  it("that ends too early is refused", function ()
    server:answer { body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nbytes',
      headers = { ["content-type"] = "multipart/form-data; boundary=x" } }
    local ok, err = pcall(script.content, script)
    assert.are.same({ false, "bad_answer" }, { ok, err.reason })
    server:answer { body = "x", headers = { ["content-type"] = "multipart/form-data" } }
    ok, err = pcall(script.content, script)
    assert.are.same({ false, "bad_answer" }, { ok, err.reason })
  end)

  it("is replaced alone", function ()
    server:succeed { id = "shop", etag = "new" }
    local result = script:put_content { modules = { ["a.mjs"] = "1" } }
    assert.are.same({ id = "shop", etag = "new", requests = 1 }, result)
    local request = server:last()
    assert.are.same({ "PUT", TARGET }, { request.method, request.target })
    assert.is_truthy(request.body:find('\r\n\r\n{"main_module":"a.mjs"}\r\n', 1, true))
  end)

  it("goes back as it came", function ()
    answer_with(MODULES, { ["cf-entrypoint"] = "i.mjs", etag = '"abc"' })
    script:put_content(script:content())
    local body = server:last().body
    local text = 'filename="lib/b.txt"\r\nContent-Type: text/plain\r\n\r\ntext'
    assert.is_truthy(body:find(text, 1, true))
    assert.is_truthy(body:find("\0\r\n--x\xff", 1, true))
  end)

  it("takes nothing but code", function ()
    local ok, err = pcall(script.put_content, script, { script = "x", bindings = {} })
    assert.is_false(ok)
    assert.is_truthy(err.message:find "replaces the code alone")
  end)

  describe("from files", function ()
    local folder, options

    before_each(function ()
      folder = os.tmpname()
      os.remove(folder)
      fs.mkdir(folder .. "/dist/lib", 493, true)
      fs.write(folder .. "/dist/index.mjs", "main")
      fs.write(folder .. "/dist/lib/a.txt", "text")
      fs.write(folder .. "/dist/.hidden", "no")
      fs.write(folder .. "/one.js", "one")
      options = host.options
      host.options = { script_dir = folder }
    end)
    after_each(function ()
      host.options = options
      for _, path in ipairs { "/dist/lib/a.txt", "/dist/lib/b.odd", "/dist/lib", "/dist/index.mjs",
        "/dist/.hidden", "/dist", "/one.js", "" } do
        pcall(fs.remove, folder .. path)
      end
    end)

    local function sent()
      local names = {}
      for name in server:last().body:gmatch 'filename="(.-)"' do names[#names + 1] = name end
      return names
    end

    it("is a folder beside the script, hidden files left out", function ()
      script:put_content { dir = "dist" }
      assert.are.same({ "index.mjs", "lib/a.txt" }, sent())
    end)

    it("is one file", function ()
      script:put_content { file = "one.js" }
      assert.are.same({ "one.js" }, sent())
      script:put_content { file = folder .. "/one.js", body_part = "one.js" }
      assert.is_truthy(server:last().body:find('{"body_part":"one.js"}', 1, true))
    end)

    it("is refused by name when its type is unknown", function ()
      fs.write(folder .. "/dist/lib/b.odd", "?")
      local ok, err = pcall(script.put_content, script, { dir = "dist" })
      assert.is_false(ok)
      assert.is_truthy(err.message:find("'lib/b.odd'", 1, true))
    end)

    it("is an error of files when it is not there", function ()
      local ok, err = pcall(script.put_content, script, { file = "none.mjs" })
      assert.are.same({ false, "io", "not_found" }, { ok, err.kind, err.reason })
    end)
  end)
end)
