local errors = require "moonherd.error"
local inherit = require "moonherd.cloudflare.inherit"
local json = require "moonherd.json"
local log = require "moonherd._log"
local stand_in = require "tests.spec.support.stand_in"

local TARGET = "/client/v4/accounts/" .. stand_in.ACCOUNT
  .. "/workers/dispatch/namespaces/prod/scripts/shop"
local DATE = "2026-10-01"

describe("an upload", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  -- The body as it came, with a boundary that is always the same.
  local function body()
    local request = server:last()
    local content_type = request.headers["content-type"]
    local boundary = content_type:match '^multipart/form%-data; boundary="?([^"]+)"?$'
    assert.are.equal(#request.body, tonumber(request.headers["content-length"]))
    local text = request.body:gsub(boundary:gsub("%p", "%%%0"), "BOUNDARY")
    return text
  end

  local function metadata()
    return json.decode(body():match "\r\n\r\n({.-})\r\n%-%-BOUNDARY")
  end

  local function upload(opts)
    local spec = { modules = { ["a.mjs"] = "export default {}" }, compatibility_date = DATE }
    for name, value in pairs(opts) do spec[name] = value end
    return script:upload(spec)
  end

  local function refusal(opts)
    local ok, err = pcall(upload, opts)
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    assert.are.same({ "usage", 0 }, { err.kind, #server.requests })
    return err.message
  end

  describe("on the wire", function ()
    it("of one module is these bytes", function ()
      upload {}
      local request = server:last()
      assert.are.same({ "PUT", TARGET .. "?bindings_inherit=strict" },
        { request.method, request.target })
      assert.are.equal([[
--BOUNDARY
Content-Disposition: form-data; name="metadata"
Content-Type: application/json

{"compatibility_date":"2026-10-01","keep_assets":true,]]
        .. [["keep_bindings":["secret_text","secret_key"],"main_module":"a.mjs"}
--BOUNDARY
Content-Disposition: form-data; name="a.mjs"; filename="a.mjs"
Content-Type: application/javascript+module

export default {}
--BOUNDARY--
]], (body():gsub("\r\n", "\n")))
    end)

    it("of many modules has the main one first and every type by extension", function ()
      upload { main_module = "src/index.mjs", modules = {
        ["lib/util.js"] = "1", ["src/index.mjs"] = "2", ["a.txt"] = "3", ["b.bin"] = "\0\r\n--\xff",
        ["c.wasm"] = "5", ["d.py"] = "6", ["index.mjs.map"] = "7", ["e.html"] = "8",
        ["f.cjs"] = "9",
        ["odd"] = { content = "10", type = "text/x-odd" },
      } }
      local found = {}
      for name, kind in body():gmatch 'filename="(.-)"\r\nContent%-Type: (.-)\r\n' do
        found[#found + 1] = name .. " " .. kind
      end
      assert.are.same({
        "src/index.mjs application/javascript+module", "a.txt text/plain",
        "b.bin application/octet-stream", "c.wasm application/wasm", "d.py text/x-python",
        "e.html text/plain", "f.cjs application/javascript",
        "index.mjs.map application/source-map", "lib/util.js application/javascript+module",
        "odd text/x-odd",
      }, found)
      assert.is_truthy(body():find("\r\n\r\n\0\r\n--\xff\r\n--BOUNDARY", 1, true))
    end)

    it("in service-worker syntax is these bytes", function ()
      script:upload { script = "addEventListener('fetch', f)", compatibility_date = DATE,
        keep_bindings = false, keep_assets = false, bindings_inherit = false }
      assert.are.equal(TARGET, server:last().target)
      assert.are.equal([[
--BOUNDARY
Content-Disposition: form-data; name="metadata"
Content-Type: application/json

{"body_part":"worker.js","compatibility_date":"2026-10-01","keep_assets":false}
--BOUNDARY
Content-Disposition: form-data; name="worker.js"; filename="worker.js"
Content-Type: application/javascript

addEventListener('fetch', f)
--BOUNDARY--
]], (body():gsub("\r\n", "\n")))
    end)

    it("takes what content() returned", function ()
      script:upload { compatibility_date = DATE, body_part = "w.js", etag = "abc",
        modules = { ["w.js"] = { content = "x", type = "application/javascript" } } }
      assert.are.equal("w.js", metadata().body_part)
      assert.is_nil(metadata().etag)
    end)
  end)

  describe("says in its metadata", function ()
    it("every field by its own name", function ()
      local fields = {
        compatibility_flags = { "nodejs_compat" }, usage_model = "standard",
        limits = { cpu_ms = 50, subrequests = 10 }, logpush = true, tags = { "a:b", "c" },
        tail_consumers = { { service = "tail" } }, streaming_tail_consumers = { { service = "t" } },
        observability = { enabled = true, head_sampling_rate = 0.5, redact_query_string = true,
          issues = { enabled = true }, logs = { enabled = true, invocation_logs = false },
          traces = { enabled = true, propagation_policy = "accept" } },
        placement = { mode = "smart" }, migrations = { new_tag = "v1", new_classes = { "A" } },
        cache_options = { enabled = true }, annotations = { ["workers/message"] = "hello" },
        package_dependencies = { { name = "a" } }, containers = { { class_name = "A" } },
        code_update_strategy = { mode = "deferred", max_delay = 300 }, capnp_schema = "x",
      }
      upload(fields)
      local sent = metadata()
      for name, value in pairs(fields) do assert.are.same(value, sent[name], name) end
      upload { exports = { A = { type = "worker" } } }
      assert.are.same({ A = { type = "worker" } }, metadata().exports)
    end)

    it("empty lists as lists, and null as null", function ()
      upload { tags = {}, compatibility_flags = {}, tail_consumers = json.null, bindings = {} }
      local text = body():match "{.-}\r\n"
      for _, part in ipairs { '"tags":[]', '"compatibility_flags":[]', '"tail_consumers":null',
        '"bindings":[]' } do
        assert.is_truthy(text:find(part, 1, true), part)
      end
    end)

    it("which bindings there are, by name", function ()
      upload { bindings = {
        PLAN = "pro", KEY = inherit, LOST = { type = "secret_text" },
        STORE = { type = "kv_namespace", namespace_id = "1" },
        CONFIG = { type = "json", json = { a = { 1, 2 } } },
        SECRET = { type = "secret_text", text = "hunter22" },
        SIGN = { type = "secret_key", algorithm = { name = "HMAC" }, format = "raw",
          usages = { "sign" } },
      } }
      assert.are.same({
        { name = "CONFIG", type = "json", json = { a = { 1, 2 } } },
        { name = "KEY", type = "inherit" }, { name = "LOST", type = "inherit" },
        { name = "PLAN", type = "plain_text", text = "pro" },
        { name = "SECRET", type = "secret_text", text = "hunter22" },
        { name = "SIGN", type = "inherit" },
        { name = "STORE", type = "kv_namespace", namespace_id = "1" },
      }, metadata().bindings)
    end)

    it("secret values, and hides them from everything that is logged", function ()
      upload { bindings = {
        TEXT = { type = "secret_text", text = "swordfish-1" },
        RAW = { type = "secret_key", algorithm = "x", format = "raw", usages = { "sign" },
          key_base64 = "swordfish-2" },
        JWK = { type = "secret_key", algorithm = "x", format = "jwk", usages = { "sign" },
          key_jwk = { kty = "oct", k = "swordfish-3" } },
      } }
      local text = log.mask "swordfish-1 swordfish-2 swordfish-3"
      assert.is_nil(text:find "swordfish")
      assert.are.equal("swordfish-1", metadata().bindings[3].text)
    end)

    it("no secret that was given with something wrong", function ()
      pcall(upload, { logpsh = true, bindings = {
        A = { type = "secret_text", text = "swordfish-4" }, B = { text = "swordfish-5" },
        C = inherit { default = { type = "secret_text", text = "swordfish-6" } } } })
      assert.is_nil(log.mask("swordfish-4 swordfish-5 swordfish-6"):find "swordfish")
    end)

    it("which bindings there are, as a list", function ()
      upload { bindings = { { name = "B", type = "ai" }, { name = "A", type = "secret_text" },
        { name = "C", type = "d1", id = "1" }, { name = "D", type = "brand_new_thing", x = 1 } } }
      assert.are.same({ { name = "B", type = "ai" }, { name = "A", type = "inherit" },
        { name = "C", type = "d1", id = "1" }, { name = "D", type = "brand_new_thing", x = 1 } },
        metadata().bindings)
    end)

    it("listed secrets as inherited ones, whatever else the API tells about them", function ()
      upload { bindings = { { name = "K", type = "secret_text", created_by = "somebody" } } }
      assert.are.same({ { name = "K", type = "inherit" } }, metadata().bindings)
    end)

    it("that all live bindings stay", function ()
      upload { bindings = inherit }
      assert.are.same({}, metadata().bindings)
      local kept = {}
      for _, name in ipairs(metadata().keep_bindings) do kept[name] = true end
      for _, name in ipairs { "plain_text", "json", "secret_text", "kv_namespace", "d1" } do
        assert.is_true(kept[name], name)
      end
      assert.is_nil(kept.inherit)
    end)

    it("which types stay unnamed", function ()
      upload { keep_bindings = { "plain_text" } }
      assert.are.same({ "plain_text" }, metadata().keep_bindings)
      upload { keep_bindings = {} }
      assert.is_nil(metadata().keep_bindings)
    end)
  end)

  describe("inherits with a default", function ()
    local function missing(...)
      local entries = {}
      for i, name in ipairs { ... } do
        entries[i] = { code = 10057, message = ("inherit binding '%s' is invalid"):format(name) }
      end
      server:answer { status = 400, body = json.encode { success = false, errors = entries } }
    end
    local bindings = {
      A = inherit { default = "a" },
      B = inherit { default = { type = "secret_text", text = "bbbb" } },
      C = inherit,
    }

    it("what is live, in one request", function ()
      assert.are.equal(1, upload { bindings = bindings }.requests)
      assert.are.equal("inherit", metadata().bindings[1].type)
    end)

    it("and gives the default for what is not, in a second", function ()
      missing "B"
      assert.are.equal(2, upload({ bindings = bindings }).requests)
      assert.are.same({ { name = "A", type = "inherit" },
        { name = "B", type = "secret_text", text = "bbbb" }, { name = "C", type = "inherit" } },
        metadata().bindings)
    end)

    it("but gives up when another one has none", function ()
      missing("A", "C")
      local ok, err = pcall(upload, { bindings = bindings })
      assert.are.same({ false, "binding_not_found", 1 }, { ok, err.reason, #server.requests })
    end)

    it("and raises every other failure", function ()
      server:fail(400, 10021, "syntax")
      local ok, err = pcall(upload, { bindings = bindings })
      assert.are.same({ false, "validation", 1 }, { ok, err.reason, #server.requests })
    end)

    it("only where the API tells", function ()
      assert.is_truthy(refusal({ bindings = bindings, bindings_inherit = false }):find "strict")
    end)
  end)

  describe("gives", function ()
    it("what the API says, without nulls, and the number of requests", function ()
      server:answer { body = '{"success":true,"errors":[],"messages":[],"result":'
        .. '{"id":"shop","etag":"e","tail_consumers":null,"startup_time_ms":3}}' }
      assert.are.same({ id = "shop", etag = "e", startup_time_ms = 3, requests = 1 }, upload {})
    end)

    it("at least the number of requests", function ()
      server:succeed(nil)
      assert.are.same({ requests = 1 }, upload {})
    end)
  end)

  describe("refuses, before it sends anything,", function ()
    it("unknown options, with the nearest one or with advice", function ()
      assert.are.equal("script:upload: unknown option 'main_modul' (did you mean 'main_module'?)",
        refusal { main_modul = "a.mjs" })
      assert.are.equal("script:upload: unknown option 'observability.log' (did you mean 'logs'?)",
        refusal { observability = { log = {} } })
      assert.is_truthy(refusal({ vars = { A = "1" } }):find "bindings = {NAME")
      assert.is_truthy(refusal({ crons = {} }):find "no cron triggers")
    end)

    it("options of a wrong type", function ()
      assert.is_truthy(refusal({ logpush = 1 }):find "'logpush' %(boolean expected, got number%)")
      assert.is_truthy(refusal({ limits = { cpu_ms = "5" } }):find "'limits.cpu_ms'")
      assert.is_truthy(refusal({ usage_model = "standart" }):find "did you mean 'standard'")
      assert.is_truthy(refusal({ keep_bindings = true }):find '{"secret_text", "secret_key"}')
      assert.is_truthy(refusal({ bindings_inherit = "loose" }):find "'bindings_inherit'")
      assert.is_truthy(refusal({ observability = { head_sampling_rate = 2 } }):find "0 to 1")
      assert.is_truthy(refusal({ annotations = { ["workers/tag"] = ("x"):rep(26) } })
        :find "25 bytes")
    end)

    it("a missing or odd date", function ()
      for _, date in ipairs { "1.10.2026", "2026-13-01", "2026-00-10", "2026-02-29" } do
        assert.is_truthy(refusal({ compatibility_date = date }):find "like '2026%-10%-01'", date)
      end
      local ok, err = pcall(script.upload, script, { modules = { ["a.mjs"] = "" } })
      assert.is_false(ok)
      assert.is_truthy(err.message:find "'compatibility_date' is missing")
    end)

    it("modules with fields or types that cannot be", function ()
      local function of(module) return refusal({ modules = { ["a.mjs"] = module } }) end
      assert.are.equal("script:upload: module 'a.mjs': unknown option 'tpe' (did you mean 'type'?)",
        of { content = "", tpe = "text/plain" })
      for _, kind in ipairs { "esm", "text/", "text/plain\r\nX: y" } do
        assert.is_truthy(of({ content = "", type = kind }):find "a content type such as", kind)
      end
      assert.is_truthy(of({ content = "", type = 1 }):find "'type' is a string, got number")
    end)

    it("no code, or two sources of it", function ()
      local ok, err = pcall(script.upload, script, { compatibility_date = DATE })
      assert.is_false(ok)
      assert.is_truthy(err.message:find "there is no code")
      assert.is_truthy(refusal({ file = "a.mjs" }):find "file and modules")
      assert.is_truthy(refusal({ script = "x", main_module = "a.mjs" }):find "service%-worker")
    end)

    it("a main module that is not there, or one to guess", function ()
      assert.is_truthy(refusal({ main_module = "b.mjs" }):find "did you mean 'a.mjs'")
      assert.is_truthy(refusal({ modules = { ["a.mjs"] = "", ["b.mjs"] = "" } })
        :find "modules are a.mjs, b.mjs")
      assert.is_truthy(refusal({ modules = { ["a.txt"] = "" } }):find "no module of code")
      assert.is_truthy(refusal({ modules = {} }):find("assets = {dir = …}", 1, true))
      assert.is_truthy(refusal({ modules = {} }):find "no module of code")
    end)

    it("modules whose type is unknown, or that are none", function ()
      local message = refusal { modules = { ["a.mjs"] = "", ["data.xyz"] = "" } }
      assert.is_truthy(message:find("module 'data.xyz' is unknown", 1, true))
      assert.is_truthy(message:find(".mjs .js .cjs .wasm .txt .html", 1, true))
      assert.is_truthy(refusal({ modules = { ["a.mjs"] = 5 } }):find "bytes or {content=, type=}")
      assert.is_truthy(refusal({ modules = { ["a.mjs"] = {} } }):find "without content")
      assert.is_truthy(refusal({ modules = { "x" } }):find "needs a name")
    end)

    it("bindings that the API would drop or refuse", function ()
      local function binding(value) return refusal { bindings = { KEY = value } } end
      assert.is_truthy(binding(5):find "json = 5")
      assert.is_truthy(binding(json.null):find "leave the binding out")
      assert.is_truthy(binding({ text = "x" }):find "'type' is missing")
      assert.is_truthy(binding({ type = "kv_namespce" }):find "did you mean 'kv_namespace'")
      assert.is_truthy(binding({ type = "kv" }):find "did you mean 'kv_namespace'")
      assert.is_truthy(binding({ type = "kv_namespace" }):find "missing 'namespace_id'")
      assert.is_truthy(binding({ type = "kv_namespace", namespaceid = "1" })
        :find "there is 'namespaceid'")
      assert.is_truthy(binding({ type = "plain_text", text = 5 }):find "'text' is a string")
      assert.is_truthy(refusal({ bindings = { { type = "ai" } } }):find "needs a name")
      assert.is_truthy(refusal({ bindings = { "x" } }):find "a list holds tables")
      local twice = { { name = "A", type = "ai" }, { name = "A", type = "ai" } }
      assert.is_truthy(refusal({ bindings = twice }):find "given twice")
      assert.is_truthy(refusal({ bindings = inherit { default = "x" } }):find "no default")
    end)

    it("the value of a secret under a wrong name, which would keep the old one", function ()
      for _, field in ipairs { "value", "secret", "txet" } do
        local text = refusal { bindings = { KEY = { type = "secret_text", [field] = "s3cret" } } }
        assert.is_truthy(text:find("unknown field '" .. field, 1, true), text)
        assert.is_truthy(text:find "is in 'text'")
        assert.is_nil(text:find "s3cret")
      end
      local listed = { { name = "KEY", type = "secret_text", value = "s3cret" } }
      assert.is_truthy(refusal({ bindings = listed }):find "unknown field 'value'")
      local key = { type = "secret_key", format = "raw", usages = { "sign" }, text = "s3cret" }
      assert.is_truthy(refusal({ bindings = { KEY = key } }):find "'key_base64' or 'key_jwk'")
    end)

    it("tags beyond the limits, with the reason the API would give", function ()
      local many = {}
      for i = 1, 11 do many[i] = "t" .. i end
      local function reason(tags)
        local ok, err = pcall(upload, { tags = tags })
        assert.is_false(ok)
        return err.reason
      end
      assert.are.equal("too_many_tags", reason(many))
      assert.are.equal("bad_tag", reason { "a,b" })
      assert.are.equal("bad_tag", reason { "" })
      assert.are.equal("tag_too_large", reason { ("x"):rep(1025) })
      many[11] = nil
      upload { tags = many }
      assert.are.equal(10, #metadata().tags)
    end)

    it("classes declared in two ways", function ()
      assert.is_truthy(refusal({ migrations = {}, exports = {} }):find "two ways")
    end)
  end)
end)
