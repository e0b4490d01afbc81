-- The bindings of a settings patch: the complete new list, in which entries may stand for what is
-- there.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, refused, file = support.ok, support.refused, support.file
local SCRIPT = "/prod/scripts/a"
local SETTINGS = SCRIPT .. "/settings"

describe("the bindings of a patch", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)

  local function put(metadata) return ok(server:put(SCRIPT, metadata)) end
  local function get() return ok(server:api("GET", SETTINGS)) end

  local function try_patch(patch)
    local text = json.encode(patch)
    return server:api("PATCH", SETTINGS, { form = { { name = "settings", content = text } } })
  end

  local function patch(fields) return ok(try_patch(fields)) end

  local function state()
    return server.platform.store:find_state(support.ACCOUNT, "prod", "a")
  end

  local function assert_same(expected, got)
    assert.equal(json.encode(expected), json.encode(got))
  end

  before_each(function ()
    server:api("DELETE", SCRIPT)
    put { bindings = json.array {
      { name = "KEY", type = "secret_text", text = "the-secret-value" },
      { name = "SIGN", type = "secret_key", algorithm = { name = "HMAC" }, format = "raw",
        usages = json.array { "sign" }, key_base64 = "a2V5a2V5" },
      { name = "MODE", type = "plain_text", text = "live" },
      { name = "KV", type = "kv_namespace", namespace_id = "1" },
      { name = "DATA", type = "json", json = { a = json.array { 1 } } },
    } }
  end)

  local function names(settings)
    local list = {}
    for i, binding in ipairs(settings.bindings) do list[i] = binding.name end
    return table.concat(list, " ")
  end

  local function patch_list(...) return patch { bindings = json.array { ... } } end

  it("are the complete new list", function ()
    assert.equal("AI", names(patch_list { name = "AI", type = "ai" }))
    assert.same({}, state().secrets)
    assert.equal("", names(patch_list()))
  end)

  it("inherit, also under a new name", function ()
    local before = state().secrets.KEY
    local shown = patch_list({ name = "KEY", type = "inherit" },
      { name = "TOKEN", type = "inherit", old_name = "KEY" },
      { name = "STORE", type = "inherit", old_name = "KV", version_id = "latest" })
    assert.equal("KEY TOKEN STORE", names(shown))
    assert.equal("1", shown.bindings[3].namespace_id)
    assert.equal(before, state().secrets.KEY)
    assert.are_not.equal(before, state().secrets.TOKEN)
    assert.is_nil(shown.bindings[2].text)
  end)

  it("inherit by name and type alone", function ()
    local before, secrets = get().bindings, state().secrets
    local list = json.array {}
    for i, binding in ipairs(before) do list[i] = { name = binding.name, type = binding.type } end
    assert_same(before, patch({ bindings = list }).bindings)
    assert.same(secrets, state().secrets)
  end)

  it("inherit secrets as they are shown, nulls in the place of values", function ()
    local secrets = state().secrets
    local list = get().bindings
    list[1].text, list[2].key_base64, list[2].key_jwk = json.null, json.null, json.null
    assert.equal("KEY SIGN MODE KV DATA", names(patch { bindings = list }))
    assert.same(secrets, state().secrets)
  end)

  it("take new values beside those that are inherited", function ()
    local before = state().secrets
    local shown = patch_list({ name = "KEY", type = "secret_text", text = "another-value" },
      { name = "SIGN", type = "inherit" }, { name = "MODE", type = "plain_text", text = "test" },
      { name = "NEW", type = "secret_text", text = "one-more" })
    assert.equal("KEY SIGN MODE NEW", names(shown))
    assert.are_not.equal(before.KEY, state().secrets.KEY)
    assert.equal(before.SIGN, state().secrets.SIGN)
    assert.is_string(state().secrets.NEW)
    assert.equal("test", shown.bindings[3].text)
  end)

  it("make a version for another value of a secret alone", function ()
    local list, number = get().bindings, state().number
    list[1].text = "another-value"
    patch { bindings = list }
    assert.equal(number + 1, state().number)
  end)

  it("may hold a JSON value of null", function ()
    assert_same(json.null, patch_list({ name = "DATA", type = "json", json = json.null })
      .bindings[1].json)
  end)

  it("are refused once for each that cannot be inherited", function ()
    local errors = refused(try_patch { bindings = json.array {
      { name = "X", type = "inherit" }, { name = "KEY", type = "inherit" },
      { name = "Y", type = "inherit", old_name = "NONE" } } }, 400, 10057)
    assert.equal(2, #errors)
    assert.equal("/bindings/0", errors[1].source.pointer)
    assert.equal("/bindings/2", errors[2].source.pointer)
  end)

  for _, case in ipairs {
    { "no name", { type = "ai" }, 10052, "/bindings/0/name" },
    { "no type", { name = "A" }, 10021, "/bindings/0/type" },
    { "no value, of no binding there", { name = "A", type = "secret_text" }, 10021,
      "/bindings/0/text" },
    { "no value, of a binding of another type", { name = "MODE", type = "secret_text" }, 10021,
      "/bindings/0/text" },
    { "no key for other usages", { name = "SIGN", type = "secret_key", format = "raw",
      algorithm = { name = "HMAC" }, usages = json.array { "verify" } }, 10021,
      "/bindings/0/key_base64" },
    { "too long a value", { name = "A", type = "plain_text", text = ("x"):rep(5121) }, 10054,
      "/bindings/0" },
    { "a part that is not there", { name = "W", type = "wasm_module", part = "w" }, 10021,
      "/bindings/0/part" },
    { "another version", { name = "KEY", type = "inherit", version_id = "1" }, 10021,
      "/bindings/0/version_id" },
  } do
    local what, binding, code, pointer = table.unpack(case)

    it("are refused with " .. what, function ()
      local errors = refused(try_patch { bindings = json.array { binding } }, 400, code)
      assert.equal(pointer, errors[1].source.pointer)
      assert.equal("KEY SIGN MODE KV DATA", names(get()))
    end)
  end

  it("are refused when a name is there twice, or one is too many", function ()
    local twice = json.array { { name = "A", type = "ai" }, { name = "A", type = "inherit" } }
    refused(try_patch { bindings = twice }, 400, 10053)
    local many = json.array {}
    for i = 1, 129 do many[i] = { name = "V" .. i, type = "plain_text", text = "x" } end
    refused(try_patch { bindings = many }, 400, 10055)
  end)

  it("keep the part they are the name of", function ()
    ok(server:put(SCRIPT, { body_part = "index.js", bindings = json.array {
      { name = "WASM", type = "wasm_module", part = "wasm" } } },
      { file("index.js", "addEventListener('fetch', f)", "application/javascript"),
        file("wasm", "\0asm", "application/wasm") }))
    local list = get().bindings
    assert.equal("WASM", names(patch { bindings = list }))
    list[1].name = "OTHER"
    assert.equal("OTHER", names(patch { bindings = list }))
  end)
end)
