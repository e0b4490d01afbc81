-- The tokens of asset uploads: who they are from, what they are good for, how long.

local assets = require "tests.spec.support.assets"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local log = require "moonherd._log"
local support = require "tests.spec.support.platform"
local tokens = require "moonherd.platform.asset_tokens"

local refused = support.refused
local SCRIPT = "/prod/scripts/site"
local KEY = ("k"):rep(32)
local SCOPE = { acc = support.ACCOUNT, ns = "the-uuid", script = "site", sid = "the-session" }

describe("a token", function ()
  it("has three segments, a JSON header and payload", function ()
    local header, payload = tokens.issue(KEY, "upload", SCOPE, 1000.7):match "^(.-)%.(.-)%.[%w_-]+$"
    assert.same({ alg = "HS256", typ = "JWT" }, json.decode(hash.unbase64url(header)))
    assert.same({ kind = "upload", iat = 1000, exp = 4600, acc = SCOPE.acc, ns = "the-uuid",
      script = "site", sid = "the-session" }, json.decode(hash.unbase64url(payload)))
  end)

  it("is good for an hour, for its kind, with its key", function ()
    local token = tokens.issue(KEY, "upload", SCOPE, 1000)
    assert.equal("the-session", tokens.read(KEY, "upload", token, 4599.9).sid)
    assert.is_nil(tokens.read(KEY, "upload", token, 4600))
    assert.is_nil(tokens.read(KEY, "completion", token, 1000))
    assert.is_nil(tokens.read(("x"):rep(32), "upload", token, 1000))
  end)

  it("is good only as it is", function ()
    local token = tokens.issue(KEY, "upload", SCOPE, 1000)
    local head, payload, signature = token:match "^(.-)%.(.-)%.(.-)$"
    local other = hash.base64url '{"alg":"none"}'
    local longer = hash.base64url(hash.unbase64url(payload):gsub("4600", "9999"))
    for _, bad in ipairs {
      "", ".", "..", "a.b.c", head, head .. "." .. payload, head .. "." .. payload .. ".",
      other .. "." .. payload .. "." .. signature,
      head .. "." .. longer .. "." .. signature,
      head .. "." .. payload .. "." .. signature:reverse(),
      head .. "." .. payload .. "." .. signature:sub(1, -2),
      token .. "=", token .. ".x", " " .. token, token .. ("A"):rep(10000),
    } do
      assert.is_nil(tokens.read(KEY, "upload", bad, 1000), bad)
    end
  end)

  it("is hidden in all that is shown", function ()
    local token = tokens.issue(KEY, "upload", SCOPE, 1000)
    assert.is_nil(log.mask("seen: " .. token):find(token:match "[^.]+$", 1, true))
  end)
end)

describe("an upload", function ()
  local server, token

  before_each(function ()
    server = support.start()
    server:make_namespace "prod"
    token = assets.session(server, SCRIPT, assets.manifest { ["/a"] = "a" })
  end)
  after_each(function () server:close() end)

  local function upload(with)
    return assets.upload(server, with, { assets.part "a" })
  end

  it("needs the token of a session, whatever the path", function ()
    refused(upload(nil), 400, 9106)
    refused(upload(support.TOKEN), 401, 10000)
    refused(upload(token .. "x"), 401, 10000)
    refused(assets.upload_one(server, support.TOKEN, assets.hash_of "a", "a"), 401, 10000)
    refused(server:request("POST", assets.UPLOAD, { form = { assets.part "a" }, headers =
      { authorization = false, ["x-auth-email"] = "a@b.c", ["x-auth-key"] = token } }), 401, 10000)
    assert.equal(201, upload(token).status)
  end)

  it("does not take a completion token", function ()
    refused(upload(upload(token).result.jwt), 401, 10000)
  end)

  it("belongs to the account of its session", function ()
    local path = assets.UPLOAD:gsub(support.ACCOUNT, ("f"):rep(32))
    refused(server:request("POST", path, { form = { assets.part "a" },
      headers = { authorization = "Bearer " .. token } }), 401, 10000)
  end)

  it("needs the session to be there still", function ()
    support.ok(server:api("DELETE", "/prod"))
    refused(upload(token), 401, 10000)
  end)

  it("is refused an hour later", function ()
    local clock = require "moonherd._clock"
    local late = tokens.issue(server.platform.key, "upload", SCOPE, clock.wall() - 3600)
    refused(upload(late), 401, 10000)
  end)

  it("is a POST", function ()
    refused(server:request("GET", assets.UPLOAD, { headers = { authorization = "Bearer "
      .. token } }), 405, 10405)
    refused(server:request("GET", assets.UPLOAD), 401, 10000)
  end)

  it("has the only paths that take such a token", function ()
    for _, path in ipairs { "", "/prod", SCRIPT, SCRIPT .. "/content" } do
      refused(server:api("GET", path, { headers = { authorization = "Bearer " .. token } }),
        401, 10000)
    end
  end)
end)
