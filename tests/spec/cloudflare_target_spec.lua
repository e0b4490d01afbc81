local targets = require "moonherd.cloudflare.target"

local ACCOUNT = "0123456789abcdef0123456789abcdef"
local CLOUDFLARE = "https://api.cloudflare.com/client/v4"

describe("where a client's requests go", function ()
  local environment, getenv

  before_each(function ()
    environment = {}
    getenv = stub(os, "getenv", function (name) return environment[name] end)
  end)
  after_each(function () getenv:revert() end)

  local function choose(opts, host)
    return targets.choose(opts or {}, host or {})
  end

  local function refusal(opts, host)
    local ok, err = pcall(choose, opts, host)
    assert.is_false(ok)
    assert.are.equal("usage", err.kind)
    return err
  end

  local function with_credential()
    environment.CLOUDFLARE_API_TOKEN = "secret-token"
    environment.CLOUDFLARE_ACCOUNT_ID = ACCOUNT
  end

  describe("by default", function ()
    it("is the embedded platform without a credential", function ()
      assert.are.same({ name = "local", state = ".moonherd" }, choose())
    end)

    it("is Cloudflare with one", function ()
      with_credential()
      local place = choose()
      assert.are.same({ "cloudflare", CLOUDFLARE, ACCOUNT },
        { place.name, place.base, place.account })
      assert.are.same({ token = "secret-token", source = "CLOUDFLARE_API_TOKEN" }, place.credential)
    end)

    it("is nowhere under CI without one: a missing secret must not look like a deploy", function ()
      environment.CI = "true"
      assert.are.equal("target_missing", refusal().reason)
      assert.are.equal("local", choose({ target = "local" }).name)
      assert.are.equal("local", choose({}, { target = "local" }).name)
    end)

    it("takes empty variables for unset ones", function ()
      environment.CLOUDFLARE_API_TOKEN, environment.CI = "", ""
      assert.are.equal("local", choose().name)
    end)
  end)

  describe("in order", function ()
    it("is what the command line says, then the script, then MOONHERD_TARGET", function ()
      with_credential()
      environment.MOONHERD_TARGET = "local"
      assert.are.equal("local", choose().name)
      assert.are.equal("cloudflare", choose({ target = "cloudflare" }).name)
      assert.are.equal("cloudflare", choose({}, { target = "cloudflare" }).name)
    end)

    it("refuses a script that disagrees with the command line", function ()
      local err = refusal({ target = "cloudflare" }, { target = "local" })
      assert.are.equal("target_conflict", err.reason)
      assert.is_truthy(err.message:find("'cloudflare'", 1, true))
      err = refusal({ base_url = "https://x.test" }, { target = "https://y.test" })
      assert.are.equal("target_conflict", err.reason)
      err = refusal({ target = "local", account_id = "a" }, { account = "b" })
      assert.are.equal("target_conflict", err.reason)
    end)

    it("lets both say the same", function ()
      with_credential()
      local place = choose({ target = "https://x.test/v4/" }, { target = "https://x.test/v4" })
      assert.are.equal("https://x.test/v4", place.base)
    end)
  end)

  describe("as a base URL", function ()
    before_each(with_credential)

    it("is a target of its own", function ()
      assert.are.equal("https://x.test/v4", choose({ target = "https://x.test/v4" }).base)
      assert.are.equal("https://x.test/v4", choose({ base_url = "https://x.test/v4" }).base)
    end)

    it("moves Cloudflare", function ()
      environment.CLOUDFLARE_API_BASE_URL = "https://proxy.test/client/v4"
      assert.are.equal("https://proxy.test/client/v4", choose().base)
      local place = choose { target = "cloudflare", base_url = "https://x.test" }
      assert.are.equal("https://x.test", place.base)
    end)

    it("does not go with the embedded platform, nor with another one", function ()
      local err = refusal { target = "local", base_url = "https://x.test" }
      assert.is_truthy(err.message:find "base_url")
      err = refusal { target = "https://x.test", base_url = "https://y.test" }
      assert.is_truthy(err.message:find "two places")
    end)

    it("is refused when it is none, with the nearest target", function ()
      assert.are.equal("moonherd.connect: unknown target 'clodflare' (did you mean 'cloudflare'?)",
        refusal({ target = "clodflare" }).message)
      assert.is_truthy(refusal({ target = "http://u:p@x.test" }).message:find "user name")
      for _, name in ipairs { "target", "base_url" } do
        local message = refusal({ [name] = "http://me:hunter2@x.test" }).message
        assert.is_nil(message:find "hunter2")
      end
      assert.are.equal("moonherd.connect: bad base_url 'local' (an http or https URL is expected)",
        refusal({ base_url = "local" }).message)
    end)
  end)

  describe("over plain http", function ()
    before_each(with_credential)

    it("is loopback alone, unless the command line allows more", function ()
      assert.are.equal("insecure_base_url", refusal({ base_url = "http://10.0.0.1/v4" }).reason)
      assert.are.equal("insecure_base_url",
        refusal({ base_url = "http://127.0.0.1.evil.test" }).reason)
      assert.are.equal("http://127.0.0.1:1/v4", choose({ base_url = "http://127.0.0.1:1/v4" }).base)
      assert.are.equal("http://10.0.0.1",
        choose({ base_url = "http://10.0.0.1" }, { insecure_base_url = true }).base)
    end)
  end)

  describe("needs a credential", function ()
    it("from the script first", function ()
      with_credential()
      local place = choose { api_token = "other-token" }
      assert.are.same({ token = "other-token", source = "the script" }, place.credential)
    end)

    it("or an e-mail address and a key", function ()
      environment.CLOUDFLARE_EMAIL, environment.CLOUDFLARE_API_KEY = "a@b.test", "the-key"
      environment.CLOUDFLARE_ACCOUNT_ID = ACCOUNT
      local credential = choose().credential
      assert.are.same({ "a@b.test", "the-key" }, { credential.email, credential.key })
    end)

    it("that is whole", function ()
      assert.is_truthy(refusal({ target = "cloudflare", api_email = "a@b.test" }).message
        :find "api_key is missing")
      assert.is_truthy(refusal({ target = "cloudflare", api_key = "k" }).message
        :find "api_email is missing")
      assert.is_truthy(refusal({ target = "cloudflare", api_token = "t", api_key = "k" }).message
        :find "two credentials")
      environment.CLOUDFLARE_API_KEY = "the-key"
      local err = refusal()
      assert.are.equal("no_credential", err.reason)
      assert.is_truthy(err.message:find "CLOUDFLARE_EMAIL is not")
    end)

    it("that is there, and an account", function ()
      assert.are.equal("no_credential", refusal({ target = "cloudflare" }).reason)
      assert.are.equal("no_account", refusal({ target = "cloudflare", api_token = "t" }).reason)
    end)

    it("that no header breaks on, and never shows it", function ()
      local err = refusal { target = "cloudflare", api_token = "se\r\ncret", account_id = ACCOUNT }
      assert.are.equal("bad_credential", err.reason)
      assert.is_nil(err.message:find "cret")
    end)
  end)

  describe("on the embedded platform", function ()
    it("ignores the account and the credential of the environment", function ()
      with_credential()
      assert.are.same({ name = "local", state = ".moonherd" }, choose { target = "local" })
    end)

    it("has the state directory of the script, then of the command line", function ()
      assert.are.equal("a", choose({ state = "a" }, { state = "b", target = "local" }).state)
      assert.are.equal("b", choose({}, { state = "b", target = "local" }).state)
    end)
  end)
end)
