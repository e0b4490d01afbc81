-- The rules of bindings that need no server: what a list takes over, drops and refuses.

local bindings = require "moonherd.platform.bindings"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"

local call

-- The first entry of the refusal that `f` ends with, its status, and all entries.
local function refused(f, ...)
  local is_done, refusal = pcall(f, ...)
  assert(not is_done, "was not refused")
  assert(errors.is_refusal(refusal), tostring(refusal))
  return refusal.entries[1], refusal.status, refusal.entries
end

before_each(function ()
  call = { warnings = {} }
  function call:warn(message) table.insert(self.warnings, message) end
end)

describe("bindings", function ()
  local previous = {
    { name = "KEY", type = "secret_text" },
    { name = "MODE", type = "plain_text", text = "live" },
    { name = "KV", type = "kv_namespace", namespace_id = "1" },
  }

  local function resolve(list, options)
    options = options or {}
    return bindings.resolve({
      list = list,
      keep = options.keep or {},
      strict = options.strict,
    }, options.previous or previous, call)
  end

  local function by_name(resolution)
    local found = {}
    for _, binding in ipairs(resolution.list) do found[binding.name] = binding end
    return found
  end

  it("are exactly the list when nothing is kept", function ()
    local result = resolve { { name = "A", type = "plain_text", text = "x" } }
    assert.equal(1, #result.list)
    assert.same({}, result.carried)
  end)

  it("lose the value of a secret, which comes apart", function ()
    local result = resolve {
      { name = "S", type = "secret_text", text = "hush" },
      { name = "K", type = "secret_key", algorithm = { name = "HMAC" }, format = "raw",
        usages = json.array { "sign" }, key_base64 = "AAAA" },
      { name = "J", type = "secret_key", algorithm = "x", format = "jwk",
        usages = json.array { "sign" }, key_jwk = { kty = "oct" } },
    }
    assert.same({ S = { text = "hush" }, K = { key_base64 = "AAAA" },
      J = { key_jwk = { kty = "oct" } } },
      result.values)
    for _, binding in ipairs(result.list) do
      assert.is_nil(binding.text)
      assert.is_nil(binding.key_base64)
      assert.is_nil(binding.key_jwk)
    end
    assert.equal("raw", result.list[2].format)
  end)

  it("are inherited by name, or by old name", function ()
    local result = resolve {
      { name = "KEY", type = "inherit" },
      { name = "STORE", type = "inherit", old_name = "KV", version_id = "latest" },
    }
    assert.same({ name = "KEY", type = "secret_text" }, result.list[1])
    assert.same({ name = "STORE", type = "kv_namespace", namespace_id = "1" }, result.list[2])
    assert.same({ KEY = "KEY", STORE = "KV" }, result.carried)
  end)

  it("are dropped when they cannot be inherited, or refused when strict", function ()
    local list = {
      { name = "X", type = "inherit" }, { name = "KEY", type = "inherit" },
        { name = "Y", type = "inherit" },
    }
    assert.equal(1, #resolve(list).list)
    local entry, status, entries = refused(resolve, list, { strict = true })
    assert.equal(400, status)
    assert.equal(10057, entry.code)
    assert.equal(2, #entries)
    assert.equal("/bindings/2", entries[2].source.pointer)
  end)

  it("are kept by type, unless the list has the name", function ()
    local result = resolve({ { name = "KEY", type = "plain_text", text = "now open" } },
      { keep = { secret_text = true, kv_namespace = true } })
    local found = by_name(result)
    assert.equal("plain_text", found.KEY.type)
    assert.equal("kv_namespace", found.KV.type)
    assert.is_nil(found.MODE)
  end)

  it("are inherited from the latest version only", function ()
    local list = { { name = "KEY", type = "inherit",
      version_id = "0b9e4c1e-0000-4000-8000-000000000000" } }
    assert.equal("/bindings/0/version_id", refused(resolve, list).source.pointer)
  end)

  it("need a name, their own, and a type", function ()
    assert.equal(10052, refused(resolve, { { type = "ai" } }).code)
    assert.equal(10052, refused(resolve, { { type = "ai", name = "" } }).code)
    assert.equal(10021, refused(resolve, { { type = "ai", name = 1 } }).code)
    local entry = refused(resolve, { { type = "ai", name = "A" }, { type = "ai", name = "A" } })
    assert.equal(10053, entry.code)
    assert.equal("Binding name 'A' already in use. Please use a different name and try again.",
      entry.message)
    assert.equal("/bindings/0/type", refused(resolve, { { name = "A" } }).source.pointer)
    refused(resolve, { "A" })
  end)

  it("with an odd name are taken with a warning", function ()
    resolve { { type = "ai", name = "my-ai" } }
    assert.equal(1, #call.warnings)
  end)

  it("need the fields of their type", function ()
    for type_name, field in pairs {
      kv_namespace = "namespace_id", plain_text = "text", secret_text = "text", d1 = "database_id",
      json = "json", service = "service", queue = "queue_name", r2_bucket = "bucket_name",
    } do
      local entry = refused(resolve, { { name = "A", type = type_name } })
      assert.equal(10021, entry.code)
      assert.equal("/bindings/0/" .. field, entry.source.pointer)
    end
  end)

  it("of unknown types that speak of a secret are refused", function ()
    for _, name in ipairs { "secret", "secret_txt", "Secret_Text" } do
      local entry = refused(resolve, { { type = name, name = "S", text = "seen-by-nobody" } })
      assert.equal(10021, entry.code)
      assert.equal("/bindings/0/type", entry.source.pointer)
    end
  end)

  it("of unknown types are kept as they are", function ()
    local odd = { name = "A", type = "from_the_future", anything = { 1 } }
    assert.same(odd, resolve({ odd }).list[1])
  end)

  it("call a database by one name", function ()
    assert.same({ name = "DB", type = "d1", database_id = "7" },
      resolve({ { name = "DB", type = "d1", id = "7" } }).list[1])
  end)

  it("hold at most 5 KB, 128 of them variables and secrets", function ()
    local longest = ("x"):rep(5 * 1024)
    resolve { { name = "A", type = "plain_text", text = longest } }
    assert.equal(10054, refused(resolve, { { name = "A", type = "plain_text", text = longest
      .. "x" } }).code)
    assert.equal(10054, refused(resolve, { { name = "A", type = "secret_text", text = longest
      .. "x" } }).code)
    local list = {}
    for i = 1, 128 do list[i] = { name = "V" .. i, type = "plain_text", text = "" } end
    assert.equal(128, #resolve(list).list)
    list[129] = { name = "KV", type = "kv_namespace", namespace_id = "1" }
    assert.equal(129, #resolve(list).list)
    assert.equal(10055, refused(resolve, list, { keep = { secret_text = true } }).code)
  end)

  it("are kept by known types only", function ()
    assert.same({ secret_text = true }, bindings.read_keep(json.array { "secret_text" }))
    local entry = refused(bindings.read_keep, json.array { "secret_text", "secrets" })
    assert.truthy(entry.message:find "^unknown type")
    assert.equal("/keep_bindings/1", entry.source.pointer)
    assert.truthy(refused(bindings.read_keep, true).message:find "array of binding types")
  end)
end)
