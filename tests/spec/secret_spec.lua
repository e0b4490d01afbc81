local moonherd = require "moonherd"
local secret = require "moonherd.secret"

local TEXT = "hunter2-hunter2"

describe("secret", function ()
  local state, client

  setup(function () -- the platform serves until the program ends
    state = moonherd.fs.temp_dir()
    client = moonherd.connect { target = "local", state = state.path }
    client:ensure_namespace "secrets"
  end)
  teardown(function () state:remove() end)

  it("is shown by nothing", function ()
    local key = moonherd.secret(TEXT)
    assert.equal("***", tostring(key))
    assert.is_nil(moonherd.inspect { key = key }:find(TEXT, 1, true))
    assert.is_nil(next(key))
    local ok, message = pcall(function () return key .. nil end)
    assert.is_false(ok)
    assert.is_nil(tostring(message):find(TEXT, 1, true))
    assert.is_nil(require "moonherd._log".mask("the key is " .. TEXT):find(TEXT, 1, true))
  end)

  it("makes secret what it is put together with", function ()
    local key = moonherd.secret(TEXT)
    for _, header in ipairs { "Bearer " .. key, key .. "", key .. key, key .. 1 } do
      assert.is_true(secret.is(header))
      assert.equal("***", tostring(header))
    end
    assert.equal("Bearer " .. TEXT, ("Bearer " .. key):reveal())
  end)

  it("is not written as JSON, but for the text it gives", function ()
    local key = moonherd.secret(TEXT)
    for _, write in ipairs { moonherd.json.encode, moonherd.json.pretty } do
      local ok, err = pcall(write, { name = "k", list = { key } })
      assert.is_false(ok)
      assert.same({ "bad_value", "list[1]" }, { err.reason, err.path })
      assert.is_nil(err.message:find(TEXT, 1, true))
    end
    assert.equal('"' .. TEXT .. '"', moonherd.json.encode(key:reveal()))
  end)

  it("gives its text to who asks for it", function ()
    local key = moonherd.secret(TEXT)
    assert.equal(TEXT, key:reveal())
    assert.equal(key, moonherd.secret(key))
    assert.is_true(key == moonherd.secret(TEXT))
    assert.is_false(key == moonherd.secret "another one")
    assert.equal(5, secret.reveal(5))
  end)

  it("is text", function ()
    for _, value in ipairs { 5, true, {} } do
      local ok, err = pcall(moonherd.secret, value)
      assert.is_false(ok)
      assert.matches("^moonherd.secret: bad text %(string expected", err.message)
    end
  end)

  it("is taken by programs", function ()
    local key = moonherd.secret(TEXT)
    local result = moonherd.sh({ "sh", "-c", "cat; printf %s \"$KEY$1\"", "sh", key },
      { stdin = key, env = { KEY = key } })
    assert.equal(TEXT .. TEXT .. TEXT, result.stdout)
  end)

  it("is taken as a secret of a Worker, as a binding, and as a credential", function ()
    local key = moonherd.secret(TEXT)
    local script = client:namespace "secrets":script "shop"
    script:upload {
      script = "addEventListener('fetch', () => {})", compatibility_date = "2026-10-01",
      bindings = { ONE = key, TWO = { type = "secret_text", text = key } },
    }
    script:put_secret("THREE", key)
    script:put_secrets { FOUR = key }
    local types = {}
    for _, binding in ipairs(script:bindings()) do types[binding.name] = binding.type end
    assert.same({ ONE = "secret_text", TWO = "secret_text", THREE = "secret_text",
      FOUR = "secret_text" }, types)
    local _, err = moonherd.try(moonherd.connect, { target = "no target", api_token = key })
    assert.is_nil(tostring(err):find "api_token")
  end)
end)
