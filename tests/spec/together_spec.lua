-- The client and the embedded platform together: two readings of the contract that must agree.
local fs = require "moonherd.fs"
local moonherd = require "moonherd"

local DATE = "2026-10-01"
local CODE = "export default { fetch() { return new Response('hi') } }"

describe("the client and the embedded platform", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local client, ns
  local count = 0

  setup(function ()
    -- The platform holds its state until the program ends: it stays where the build is.
    local name = os.tmpname()
    os.remove(name)
    local state = (os.getenv "B" or "build") .. "/tests" .. name
    client = moonherd.connect { target = "local", state = state }
  end)

  before_each(function ()
    count = count + 1
    ns = client:ensure_namespace("together " .. count)
  end)
  after_each(function ()
    if ns:exists() then ns:delete { expect = ns:details().script_count } end
  end)

  local function upload(name, more)
    local spec = { modules = { ["a.mjs"] = CODE }, compatibility_date = DATE }
    for key, value in pairs(more or {}) do spec[key] = value end
    return ns:script(name):upload(spec)
  end

  local function reason(f, ...)
    local result, err = moonherd.try(f, ...)
    return result == nil and err.reason or "none"
  end

  describe("agree on namespaces", function ()
    it("that are made, listed and taken", function ()
      assert.are.equal(ns.name, ns:details().namespace_name)
      assert.are.equal(0, ns:details().script_count)
      assert.are.equal("namespace_exists", reason(client.create_namespace, client, ns.name))
      local names = {}
      for _, details in ipairs(client:namespaces()) do names[details.namespace_name] = true end
      assert.is_true(names[ns.name])
    end)

    it("that are not there", function ()
      local lost = client:namespace "lost"
      assert.is_false(lost:exists())
      assert.are.equal("namespace_not_found", reason(lost.details, lost))
      assert.are.equal("namespace_not_found", reason(lost.delete, lost))
      assert.is_false(lost:script("x"):exists())
      assert.are.equal("namespace_not_found", reason(moonherd.collect, lost:scripts()))
    end)

    it("that hold scripts", function ()
      upload "a"
      upload "b"
      assert.are.equal("namespace_not_empty", reason(ns.delete, ns))
      assert.are.equal("unexpected_count", reason(ns.delete, ns, { expect = 1 }))
      ns:delete { expect = 2 }
      assert.is_false(ns:exists())
    end)
  end)

  describe("agree on scripts", function ()
    it("from the first upload to the end", function ()
      local script = ns:script "shop-1"
      assert.is_false(script:exists())
      assert.are.equal("script_not_found", reason(script.details, script))
      local result = upload("shop-1", { tags = { "customer:1", "plan:pro" } })
      assert.are.same({ "shop-1", "a.mjs", 1 }, { result.id, result.entry_point, result.requests })
      local details = script:details()
      assert.are.equal(result.etag, details.script.etag)
      assert.are.same({ "customer:1", "plan:pro" }, details.script.tags)
      assert.are.equal(DATE, details.script.compatibility_date)
      script:delete()
      assert.is_false(script:exists())
      assert.are.equal("script_not_found", reason(script.delete, script))
    end)

    it("whose names need encoding", function ()
      upload "ä b%25&+;=@"
      assert.is_true(ns:script("ä b%25&+;=@"):exists())
      for script in ns:scripts() do assert.are.equal("ä b%25&+;=@", script.name) end
      assert.are.equal("invalid_name", reason(upload, "a?b"))
    end)

    it("that are refused", function ()
      local function refused(more) return reason(upload, "x", more) end
      assert.are.equal("no_handlers", refused { modules = { ["a.mjs"] = "" } })
      assert.are.equal("validation", refused { keep_bindings = { "no_such_type" } })
      assert.are.equal("binding_not_found", refused { bindings = { KEY = moonherd.inherit } })
      assert.is_false(ns:script("x"):exists())
    end)
  end)

  describe("agree on bindings", function ()
    it("that have a default for the first deploy", function ()
      local bindings = {
        KEY = moonherd.inherit { default = { type = "secret_text", text = "first" } },
        PLAN = moonherd.inherit { default = "free" },
      }
      assert.are.equal(2, upload("x", { bindings = bindings }).requests)
      assert.are.equal(1, upload("x", { bindings = bindings }).requests)
    end)

    it("that are kept unnamed when they are secret, and lost when they are not", function ()
      upload("x", { bindings = { A = "text", S = { type = "secret_text", text = "hunter22" } } })
      upload "x"
      upload("x", { bindings = { S = moonherd.inherit } })
      local lost = { bindings = { A = moonherd.inherit } }
      assert.are.equal("binding_not_found", reason(upload, "x", lost))
    end)

    it("that are all kept", function ()
      upload("x", { bindings = { A = "text", J = { type = "json", json = { 1 } } } })
      upload("x", { bindings = moonherd.inherit })
      upload("x", { bindings = { A = moonherd.inherit, J = moonherd.inherit } })
    end)
  end)

  describe("agree on content", function ()
    local shop

    setup(function ()
      shop = {}
      for _, name in ipairs { "index.mjs", "lib/catalogue.mjs", "lib/money.mjs", "lib/router.mjs",
        "templates/page.txt", "data/rates.bin", "wasm/money.wasm" } do
        shop[name] = fs.read("examples/workers/shop/" .. name)
      end
    end)

    it("of modules, byte for byte, and back again without a change", function ()
      local first = upload("shop", { modules = shop, main_module = "index.mjs" })
      local content = ns:script("shop"):content()
      assert.are.equal("index.mjs", content.main_module)
      assert.are.equal(first.etag, content.etag)
      for name, bytes in pairs(shop) do
        assert.is_true(content.modules[name].content == bytes, name)
      end
      for name in pairs(content.modules) do assert.is_truthy(shop[name], name) end
      assert.are.equal(first.etag, ns:script("shop"):put_content(content).etag)
    end)

    it("of a script in service-worker syntax", function ()
      local source = fs.read "examples/workers/legacy/worker.js"
      ns:script("legacy"):upload { script = source, compatibility_date = DATE }
      local content = ns:script("legacy"):content()
      assert.are.equal(source, content.modules[content.body_part].content)
    end)

    it("that is large, and that is empty", function ()
      local large = ("\0\r\n--0123456789abcdef"):rep(60000)
      upload("x", { main_module = "a.mjs",
        modules = { ["a.mjs"] = CODE, ["l.bin"] = large, ["e.txt"] = "" } })
      local modules = ns:script("x"):content().modules
      assert.is_true(modules["l.bin"].content == large)
      assert.are.equal("", modules["e.txt"].content)
    end)

    it("that replaces the code alone", function ()
      local script = ns:script "x"
      assert.are.equal("script_not_found", reason(script.put_content, script,
        { modules = { ["a.mjs"] = CODE } }))
      local bindings = { S = { type = "secret_text", text = "hunter22" } }
      upload("x", { tags = { "kept" }, bindings = bindings })
      script:put_content { modules = { ["b.mjs"] = CODE } }
      assert.are.equal("b.mjs", script:content().main_module)
      assert.are.same({ "kept" }, script:details().script.tags)
      upload("x", { bindings = { S = moonherd.inherit } })
    end)
  end)

  describe("agree on the list", function ()
    before_each(function ()
      for i = 1, 5 do
        local tags = { "customer:" .. i, i % 2 == 0 and "even" or "odd" }
        upload("s" .. i, { tags = tags })
      end
      upload("plain", { tags = { "customer:1x" } })
    end)

    local function names(opts)
      local list = moonherd.collect(ns:scripts(opts))
      for i, script in ipairs(list) do list[i] = script.name end
      return table.concat(list, " ")
    end

    it("page by page", function ()
      assert.are.equal("plain s1 s2 s3 s4 s5", names())
      assert.are.equal("plain s1 s2 s3 s4 s5", names { page_size = 1 })
      assert.are.equal("plain s1 s2 s3 s4 s5", names { page_size = 4 })
      assert.are.equal("plain s1 s2", names { max = 3, page_size = 2 })
    end)

    it("filtered by tags", function ()
      assert.are.equal("s2 s4", names { tags = { "even" } })
      assert.are.equal("s1", names { tags = { ["customer:1"] = true } })
      local wishes = { odd = true, ["customer:1"] = false }
      assert.are.equal("s3 s5", names { tags = wishes, page_size = 1 })
      assert.are.equal("plain", names { tags = { odd = false, even = false } })
      assert.are.equal("", names { tags = { "nobody" } })
    end)

    it("many at a time", function ()
      local report = moonherd.each(ns:scripts { page_size = 2 }, { concurrency = 3 },
        function (script) script:delete() end)
      assert.are.same({ 6, 0 }, { report.done, #report.failed })
      assert.are.equal("", names())
    end)
  end)
end)
