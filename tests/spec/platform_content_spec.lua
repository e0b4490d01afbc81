-- The content of a script, out and in: the same bytes, whatever they are and however many.

local hash = require "moonherd.hash"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local multipart = require "moonherd.multipart"
local support = require "tests.spec.support.platform"

local ok, refused, file, form = support.ok, support.refused, support.file, support.form
local SCRIPT = "/prod/scripts/a"
local CONTENT = SCRIPT .. "/content"

-- The parts of a multipart response, in order.
local function read_form(response)
  local reader = assert(multipart.reader(response.headers["content-type"]))
  local parts, part = {}, nil
  local function drain()
    for kind, value in reader.next, reader do
      if kind == "part" then
        part = { name = value.name, filename = value.filename, type = value.content_type,
          content = "" }
        parts[#parts + 1] = part
      elseif kind == "data" then
        part.content = part.content .. value
      end
    end
  end
  reader:feed(response.body)
  drain()
  reader:finish()
  drain()
  return parts
end

describe("content", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)
  before_each(function () server:api("DELETE", SCRIPT) end)

  local function get(headers)
    return server:api("GET", CONTENT, { headers = headers })
  end

  local function put(parts, headers)
    return server:api("PUT", CONTENT, { form = parts, headers = headers })
  end

  local function put_raw(source)
    return server:api("PUT", CONTENT,
      { body = source, headers = { ["content-type"] = "application/javascript" } })
  end

  describe("of modules", function ()
    local files = {
      file("lib/data.bin", "\0\1\r\n--\255", "application/octet-stream"),
      file("index.js", support.SOURCE),
      file("empty.txt", "", "text/plain; charset=utf-8"),
      file("mod.wasm", "\0asm\1\0\0\0", "application/wasm"),
      file("index.js.map", "{}", "application/source-map"),
    }

    it("comes as a form, the entry first, without source maps", function ()
      local etag = ok(server:put(SCRIPT, { main_module = "index.js" }, files)).etag
      local response = get()
      assert.equal(200, response.status)
      assert.truthy(response.headers["content-type"]:find "^multipart/form%-data; boundary=")
      assert.equal("index.js", response.headers["cf-entrypoint"])
      assert.equal('"' .. etag .. '"', response.headers.etag)
      assert.truthy(response.headers.ratelimit)
      local parts, names = read_form(response), {}
      for i, part in ipairs(parts) do
        names[i] = part.name
        assert.equal(part.name, part.filename)
      end
      assert.same({ "index.js", "lib/data.bin", "empty.txt", "mod.wasm" }, names)
      assert.equal("\0\1\r\n--\255", parts[2].content)
      assert.equal("text/plain; charset=utf-8", parts[3].type)
      assert.equal("", parts[3].content)
    end)

    it("is not sent again to who has it", function ()
      local etag = '"' .. ok(server:put(SCRIPT)).etag .. '"'
      for _, known in ipairs { etag, '"x", ' .. etag, "W/" .. etag, "*" } do
        local response = get { ["if-none-match"] = known }
        assert.equal(304, response.status)
        assert.equal("", response.body)
        assert.equal(etag, response.headers.etag)
      end
      assert.equal(200, get({ ["if-none-match"] = '"x"' }).status)
    end)

    it("that is put back has the same etag", function ()
      local etag = ok(server:put(SCRIPT, { main_module = "index.js" }, files)).etag
      local response = get()
      local result = ok(server:api("PUT", CONTENT, {
        body = response.body,
        headers = {
          ["content-type"] = response.headers["content-type"],
          ["cf-worker-main-module-part"] = response.headers["cf-entrypoint"],
        },
      }))
      assert.equal(etag, result.etag)
    end)
  end)

  describe("of a service worker", function ()
    local SOURCE = "addEventListener('fetch', f)"

    it("comes bare", function ()
      ok(server:put(SCRIPT, { body_part = "sw" }, { file("sw", SOURCE, "application/javascript"),
        file("more", "x", "text/plain") }))
      local response = get()
      assert.equal("application/javascript", response.headers["content-type"])
      assert.equal(SOURCE, response.body)
      assert.is_nil(response.headers["cf-entrypoint"])
    end)

    it("that is put back has the same etag, and keeps the parts of its bindings", function ()
      local metadata = {
        body_part = "sw",
        bindings = json.array { { type = "text_blob", name = "T", part = "blob" } },
      }
      local parts = { file("sw", SOURCE, "application/javascript"),
        file("blob", "bound", "text/plain") }
      local etag = ok(server:put(SCRIPT, metadata, parts)).etag
      assert.equal(etag, ok(put_raw(SOURCE)).etag)
      local other = ok(put_raw(SOURCE .. "//")).etag
      assert.are_not.equal(etag, other)
      assert.equal(etag, ok(put_raw(SOURCE)).etag)
    end)
  end)

  describe("that is put", function ()
    before_each(function () ok(server:put(SCRIPT)) end)

    it("is answered with the Script object", function ()
      local result = ok(put(form({ main_module = "b.js" }, { file("b.js", support.SOURCE) })))
      assert.equal("a", result.id)
      assert.is_nil(result.deployment_id)
      assert.equal(result.etag, ok(server:api("GET", SCRIPT)).script.etag)
    end)

    it("may name its entry in a header, before the metadata", function ()
      local parts = { { name = "one", filename = "x.js", content_type = support.ESM,
        content = "// 1" },
        { name = "two", filename = "y.js", content_type = support.ESM, content = "// 2" } }
      ok(put(parts, { ["cf-worker-main-module-part"] = "two" }))
      assert.equal("y.js", get().headers["cf-entrypoint"])
      ok(put(form({ main_module = "x.js" }, parts), { ["cf-worker-body-part"] = "two" }))
      assert.equal("// 2", get().body)
    end)

    it("may come with flattened metadata when a header names the entry", function ()
      local parts = { { name = "metadata[main_module]", content = "y.js" },
        { name = "files[]", filename = "y.js", content_type = support.ESM,
          content = support.SOURCE } }
      ok(put(parts, { ["cf-worker-main-module-part"] = "y.js" }))
      assert.equal(1, #read_form(get()))
      refused(put(parts), 400, 10021)
    end)

    it("by the Go client's path arrives too", function ()
      local path = "/client/v4/accounts/" .. support.ACCOUNT
        .. "/workers/dispatch_namespaces/prod/scripts/a/content"
      ok(server:request("PUT", path,
        { body = "// go", headers = { ["content-type"] = "application/javascript" } }))
      assert.equal("// go", get().body)
    end)

    it("must name an entry that is there and not empty", function ()
      refused(put { file("a.js", support.SOURCE) }, 400, 10021)
      refused(put(form({}, { file("a.js", support.SOURCE) })), 400, 10021)
      local errors = refused(put({ file("a.js", support.SOURCE) },
        { ["cf-worker-main-module-part"] = "b.js" }), 400, 10021)
      assert.equal('No such module "b.js".', errors[1].message)
      refused(put(form({ main_module = "a.js" }, { file("a.js", " ") })), 400, 10068)
      refused(put_raw "", 400, 10068)
      refused(put(form("{", {})), 400, 10026)
    end)
  end)

  describe("that is large", function ()
    local BLOCK = 256 * 1024

    local function bytes(n)
      return hash.random(4096):rep(n // 4096 + 1):sub(1, n)
    end

    it("comes back byte for byte", function ()
      for _, size in ipairs { BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * 1024 * 1024 + 7 } do
        local data = bytes(size)
        ok(server:put(SCRIPT, { main_module = "index.js" },
          { file("data.bin", data, "application/octet-stream"), file("index.js", support.SOURCE) }))
        local parts = read_form(get())
        assert.equal(2, #parts)
        assert.is_true(parts[2].content == data, "size " .. size)
      end
    end)

    it("has an etag that depends on its bytes alone", function ()
      local data = bytes(2 * BLOCK + 5)
      local function etag(content)
        return ok(server:put(SCRIPT, { main_module = "index.js" },
          { file("index.js", support.SOURCE), file("data.bin", content, "text/plain") })).etag
      end
      local first = etag(data)
      assert.equal(first, etag(data))
      assert.are_not.equal(first, etag("x" .. data:sub(2)))
    end)

    it("may be the entry, whose end is looked at too", function ()
      local source = ("// filler\n"):rep(60000)
        .. "var w = { queue() {} };\nexport { w as default };\n"
      assert.same({ "queue" }, { table.unpack(ok(server:put(SCRIPT, {},
        { file("index.js", source) })).handlers) })
      assert.is_true(read_form(get())[1].content == source)
    end)

    it("may be a bare source", function ()
      local source = "addEventListener('queue', f);\n" .. ("// filler\n"):rep(60000)
      ok(put_raw(source) and server:put(SCRIPT))
      assert.equal("queue", ok(put_raw(source)).handlers[1])
      assert.is_true(get().body == source)
    end)

    it("in many small parts stays out of memory too", function ()
      local files, data = { file("index.js", support.SOURCE) }, bytes(200 * 1024)
      for i = 1, 12 do files[i + 1] = file("d" .. i, data:sub(i), "text/plain") end
      ok(server:put(SCRIPT, { main_module = "index.js" }, files))
      local parts = read_form(get())
      assert.equal(13, #parts)
      for i = 1, 12 do assert.is_true(parts[i + 1].content == data:sub(i)) end
    end)

    it("arrives from several senders at once", function ()
      local data = bytes(1024 * 1024)
      moonherd.map({ "b", "c", "d", "e" }, { concurrency = 4 }, function (name)
        local path = "/prod/scripts/" .. name
        ok(server:put(path, {}, { file("index.js", support.SOURCE),
          file("x", data .. name, "text/plain") }))
        local parts = read_form(server:api("GET", path .. "/content"))
        assert.is_true(parts[2].content == data .. name)
      end)
    end)

    it("beyond the limit is refused", function ()
      local chunk = ("x"):rep(1024 * 1024)
      local head = '--b\r\nContent-Disposition: form-data; name="a.js"\r\n\r\n'
      local sent = 0
      local response = server:api("PUT", CONTENT:gsub("/a/", "/b/"), {
        body = function ()
          sent = sent + 1
          return sent == 1 and head or sent <= 66 and chunk or nil
        end,
        headers = { ["content-type"] = "multipart/form-data; boundary=b" },
      })
      refused(response, 413, 10027)
      response = server:api("PUT", SCRIPT, {
        body = "", content_length = 200 * 1024 * 1024,
        form = { { name = "metadata", content = '"' .. ("x"):rep(1024 * 1024) .. '"' } },
      })
      refused(response, 413, 10027)
    end)
  end)
end)
