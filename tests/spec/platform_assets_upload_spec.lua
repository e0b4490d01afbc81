-- Upload sessions of static assets and the bytes that are sent in them.

local assets = require "tests.spec.support.assets"
local base64_stream = require "moonherd.platform.base64_stream"
local hash = require "moonherd.hash"
local http = require "moonherd.http"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused
local SCRIPT = "/prod/scripts/site"
local HASH = ("0123456789abcdef"):rep(2)
local LARGE = ("0123456789abcdef"):rep(40000) -- three blocks

local server

before_each(function ()
  server = support.start()
  server:make_namespace "prod"
end)
after_each(function () server:close() end)

local function open(manifest, options)
  return assets.open(server, SCRIPT, manifest, options)
end

local function session(files)
  return assets.session(server, SCRIPT, assets.manifest(files))
end

-- The stored row of a content.
local function stored(content)
  return server.platform.store.db:read_one {
    "SELECT * FROM asset WHERE hash = ?", assets.hash_of(content),
  }
end

local function bytes_of(content)
  local row = stored(content)
  if row.content then return row.content end
  local blocks = {}
  repeat
    blocks[#blocks + 1] = server.platform.store:block(row.blob_id, #blocks)
  until #blocks * 256 * 1024 >= row.size
  return table.concat(blocks)
end

describe("an upload session", function ()
  it("is opened for a script that may not be there yet, in a namespace that is", function ()
    local token, buckets = session { ["/a"] = "a" }
    assert.is_string(token)
    assert.same({ { assets.hash_of "a" } }, buckets)
    refused(server:api("POST", "/none/scripts/site/assets-upload-session",
      { json = { manifest = {} } }), 404, 100119)
    refused(server:api("POST", "/prod/scripts/%00/assets-upload-session",
      { json = { manifest = {} } }), 400, 10016)
  end)

  it("asks for each hash once", function ()
    local _, buckets = session { ["/a"] = "same", ["/b"] = "same", ["/c"] = "other" }
    assert.equal(2, #buckets[1])
  end)

  it("without files, or without new ones, is complete at once", function ()
    local _, none = session {}
    assert.same({}, none)
    assets.complete(server, SCRIPT, { ["/a"] = "a" })
    local token, buckets = session { ["/a"] = "a", ["/b"] = "a" }
    assert.same({}, buckets)
    assert.equal("completion", json.decode(hash.unbase64url(token:match "%.(.-)%.")).kind)
  end)

  it("asks for nothing that another script of the namespace has sent", function ()
    server:make_namespace "other"
    assets.complete(server, SCRIPT, { ["/a"] = "a" })
    local manifest = assets.manifest { ["/x"] = "a" }
    local _, buckets = assets.session(server, "/prod/scripts/b", manifest)
    assert.same({}, buckets)
    _, buckets = assets.session(server, "/other/scripts/site", manifest)
    assert.equal(1, #buckets)
  end)

  it("takes two sizes of one hash as two assets, each asked for", function ()
    assets.complete(server, SCRIPT, { ["/a"] = "a" })
    local _, buckets = assets.session(server, SCRIPT,
      { ["/a"] = { hash = assets.hash_of "a", size = 2 } })
    assert.equal(1, #buckets)
  end)

  it("groups what it asks for by 50 MiB and 1000 files", function ()
    local function sizes(count, size)
      local manifest = {}
      for i = 1, count do
        manifest["/" .. i] = { hash = ("%032x"):format(i), size = size }
      end
      local list = ok(open(manifest)).buckets
      for i, bucket in ipairs(list) do list[i] = #bucket end
      return list
    end
    assert.same({ 2, 2, 1 }, sizes(5, 25 * 1024 * 1024))
    assert.same({ 1000, 1000, 1 }, sizes(2001, 0))
  end)

  it("warns about a hash that is not 32 hexadecimal digits", function ()
    local response = open { ["/a"] = { hash = "abc", size = 1 } }
    assert.equal(1, #response.json.messages)
    assert.equal("/manifest/~1a/hash", response.json.messages[1].source.pointer)
    assert.equal(0, #open({ ["/a"] = { hash = HASH, size = 1 } }).json.messages)
  end)

  describe("refuses", function ()
    local function entry(hash_of, size) return { ["/a"] = { hash = hash_of, size = size } } end
    for what, case in pairs {
      ["a path without /"] = { { a = { hash = HASH, size = 1 } }, "/manifest/a" },
      ["an empty path"] = { { [""] = { hash = HASH, size = 1 } }, "/manifest/" },
      ["a path with a control character"] =
        { { ["/a\n"] = { hash = HASH, size = 1 } }, "/manifest/~1a\n" },
      ["a path with .."] = { { ["/a/../~b"] = { hash = HASH, size = 1 } },
        "/manifest/~1a~1..~1~0b" },
      ["a path that ends in ."] = { { ["/."] = { hash = HASH, size = 1 } }, "/manifest/~1." },
      ["a file that is no object"] = { { ["/a"] = 1 }, "/manifest/~1a" },
      ["no hash"] = { entry(nil, 1), "/manifest/~1a/hash" },
      ["an empty hash"] = { entry("", 1), "/manifest/~1a/hash" },
      ["a long hash"] = { entry(("a"):rep(65), 1), "/manifest/~1a/hash" },
      ["a hash of other characters"] = { entry("a-b", 1), "/manifest/~1a/hash" },
      ["a hash that is a number"] = { entry(1, 1), "/manifest/~1a/hash" },
      ["no size"] = { entry(HASH), "/manifest/~1a/size" },
      ["a negative size"] = { entry(HASH, -1), "/manifest/~1a/size" },
      ["half a byte"] = { entry(HASH, 1.5), "/manifest/~1a/size" },
      ["a size in words"] = { entry(HASH, "1"), "/manifest/~1a/size" },
      ["25 MiB and a byte"] = { entry(HASH, 25 * 1024 * 1024 + 1), "/manifest/~1a/size" },
      ["a list"] = { json.array { 1 }, "/manifest" },
    } do
      it(what, function ()
        assert.equal(case[2], refused(open(case[1]), 400, 10021)[1].source.pointer)
      end)
    end

    it("one hash with two sizes", function ()
      refused(open { ["/a"] = { hash = HASH, size = 1 }, ["/b"] = { hash = HASH, size = 2 } },
        400, 10021)
    end)

    it("a body without a manifest, or that is no JSON", function ()
      local path = SCRIPT .. "/assets-upload-session"
      refused(server:api("POST", path, { body = '{"manifest":{"/a"' }), 400, 10026)
      refused(server:api("POST", path, { body = '{"manifest":{"/\xFF":1}}' }), 400, 10026)
      refused(server:api("POST", path, { body = "" }), 400, 10026)
      for _, body in ipairs { "{}", "[]", "1", '{"manifest":null}', '{"manifest":"x"}' } do
        refused(server:api("POST", path, { body = body }), 400, 10021)
      end
    end)
  end)

  it("takes 25 MiB, 64 characters of hash, and any names", function ()
    ok(open {
      ["/größe und raum/.well-known/a..b"] = { hash = ("Z9"):rep(32), size = 25 * 1024 * 1024 },
      ['/a},"'] = { hash = HASH, size = 0 },
    })
  end)
end)

-- Manifests of some size are cut into slices before they are decoded.
describe("a long manifest", function ()
  local count

  local function long(name, tail)
    count = 2000
    local members = {}
    for i = 1, count do
      members[i] = ('"/%s%d": {"hash":"%032x" , "size": %d}'):format(name, i, i, i % 10)
    end
    return '{"manifest" : { ' .. table.concat(members, " ,\n") .. "} " .. (tail or "") .. "}"
  end

  local function asked(body)
    local result = ok(server:api("POST", SCRIPT .. "/assets-upload-session", { body = body }))
    local n = 0
    for _, bucket in ipairs(result.buckets) do n = n + #bucket end
    return n
  end

  it("has all its files taken, however it is written", function ()
    assert.equal(2000, asked(long "plain"))
    assert.equal(2000, asked(long "a},\\\"{"))
    assert.equal(2000, asked(long "a},\\u0022:{"))
    assert.equal(2000, asked(long("more", ', "other": {}')))
    assert.equal(2000, server.platform.store.db:read_one({
      [[SELECT count(*) AS n FROM asset_file WHERE set_id = 1]] }).n)
  end)

  it("is refused when something is wrong far inside", function ()
    local path = SCRIPT .. "/assets-upload-session"
    local text = long "x"
    refused(server:api("POST", path, { body = (text:gsub('"/x1500"', '"x1500"')) }), 400, 10021)
    refused(server:api("POST", path, { body = (text:gsub('"/x1500"', '/x1500"')) }), 400, 10026)
    refused(server:api("POST", path, { body = text:sub(1, -2) }), 400, 10026)
    refused(server:api("POST", path, { body = text .. "}" }), 400, 10026)
  end)

  it("names at most 100,000 files", function ()
    local members = {}
    for i = 1, 100001 do members[i] = ('"/%d":{"hash":"a","size":1}'):format(i) end
    local body = '{"manifest":{' .. table.concat(members, ",") .. "}}"
    refused(server:api("POST", SCRIPT .. "/assets-upload-session", { body = body }), 400, 10021)
    refused(server:api("POST", SCRIPT .. "/assets-upload-session",
      { body = (" "):rep(32 * 1024 * 1024 + 1) }), 413, 10027)
  end)
end)

describe("an upload of assets", function ()
  it("is 202 until nothing is missing, then 201 with the completion token", function ()
    local token = session { ["/a"] = "a", ["/b"] = "b" }
    local response = assets.upload(server, token, { assets.part "a" })
    assert.equal(202, response.status)
    assert.same({}, response.result)
    response = assets.upload(server, token, { assets.part "b" })
    assert.equal(201, response.status)
    assert.is_string(response.result.jwt)
    assert.equal(201, assets.upload(server, token, { assets.part "a" }).status)
  end)

  it("keeps bytes and types as they were sent", function ()
    local binary = {}
    for i = 0, 255 do binary[i + 1] = string.char(i) end
    local all = table.concat(binary):rep(5)
    local cases = {
      { "<p>", "text/html; charset=utf-8", "text/html; charset=utf-8" },
      { "", "text/plain", "text/plain" },
      { all, "application/null", nil },
      { LARGE, "image/png", "image/png" },
      { "no type", false, nil },
    }
    local files, parts = {}, {}
    for i, case in ipairs(cases) do
      files["/" .. i], parts[i] = case[1], assets.part(case[1], case[2])
      parts[i].content_type = case[2] or nil
      parts[i].filename = i ~= 2 and parts[i].filename or nil
    end
    assert.equal(201, assets.upload(server, session(files), parts).status)
    for _, case in ipairs(cases) do
      assert.equal(case[1], bytes_of(case[1]))
      assert.equal(case[3], stored(case[1]).type)
    end
  end)

  it("takes bytes as they are without base64=true", function ()
    local token = session { ["/a"] = "QUJD", ["/b"] = LARGE }
    local parts = { assets.part "QUJD", assets.part(LARGE) }
    parts[1].content, parts[2].content = "QUJD", LARGE
    assert.equal(201, assets.upload(server, token, parts, "").status)
    assert.equal("QUJD", bytes_of "QUJD")
    assert.equal(LARGE, bytes_of(LARGE))
  end)

  it("takes one file as the body", function ()
    local token = session { ["/a"] = LARGE, ["/b"] = "", ["/c"] = "c" }
    local response = assets.upload_one(server, token, assets.hash_of(LARGE), LARGE, "image/png")
    assert.equal(202, response.status)
    assert.equal(202, assets.upload_one(server, token, assets.hash_of "", "",
      "application/null").status)
    assert.equal(201, assets.upload_one(server, token, assets.hash_of "c", "c").status)
    assert.equal(LARGE, bytes_of(LARGE))
    assert.equal("image/png", stored(LARGE).type)
    assert.is_nil(stored("").type)
  end)

  it("takes one file whose length nobody has said", function ()
    local token = session { ["/a"] = LARGE }
    local sent = 0
    local response = http.request {
      method = "POST",
      url = "http://localhost" .. assets.UPLOAD .. "/" .. assets.hash_of(LARGE),
      unix_socket = server.socket,
      headers = { authorization = "Bearer " .. token },
      body = function ()
        sent = sent + 1
        return sent <= 40 and LARGE:sub((sent - 1) * 16000 + 1, sent * 16000) or nil
      end,
    }
    assert.equal(201, response.status, response.body)
    assert.equal(LARGE, bytes_of(LARGE))
  end)

  it("stores equal blocks once, whichever way they come", function ()
    local token = session { ["/a"] = LARGE }
    assets.upload_one(server, token, assets.hash_of(LARGE), LARGE)
    local function blocks()
      return server.platform.store.db:read_one({ "SELECT count(*) AS n FROM block" }).n
    end
    local before = blocks()
    local other = LARGE:sub(1, 512 * 1024) .. "x"
    assert.equal(201, assets.upload(server, session { ["/b"] = other },
      { assets.part(other) }).status)
    assert.equal(before + 1, blocks())
  end)

  it("leaves what is stored as it is", function ()
    local token = session { ["/a"] = "abc" }
    assets.upload(server, token, { assets.part "abc" })
    local again = assets.part("xyz", "text/css", assets.hash_of "abc")
    assert.equal(201, assets.upload(server, token, { again }).status)
    assert.equal("abc", bytes_of "abc")
    assert.equal("text/html", stored("abc").type)
  end)

  it("tolerates line breaks in base64", function ()
    local token = session { ["/a"] = LARGE, ["/b"] = "some text" }
    local parts = { assets.part(LARGE), assets.part "some text" }
    parts[1].content = parts[1].content:gsub(("."):rep(76), "%0\r\n")
    parts[2].content = "\n" .. parts[2].content:gsub(".", "%0\n")
    assert.equal(201, assets.upload(server, token, parts).status)
    assert.equal(LARGE, bytes_of(LARGE))
    assert.equal("some text", bytes_of "some text")
  end)

  describe("is refused", function ()
    local function part_of(content, text)
      local part = assets.part(content)
      part.content = text
      return part
    end

    it("with a hash that the manifest does not have, which another may have", function ()
      assets.complete(server, SCRIPT, { ["/x"] = "x" })
      local token = session { ["/a"] = "a" }
      refused(assets.upload(server, token, { assets.part "x" }), 400, 10021)
      refused(assets.upload(server, token, { assets.part(LARGE) }), 400, 10021)
      refused(assets.upload_one(server, token, HASH, "x"), 400, 10021)
      for _, name in ipairs { "file", "a b", ("a"):rep(65), "%2e" } do
        refused(assets.upload(server, token, { assets.part("a", nil, name) }), 400, 10021)
      end
    end)

    it("with another size than the manifest's", function ()
      local token = session { ["/a"] = "abc", ["/b"] = LARGE }
      for _, text in ipairs { "", "QQ==", "QUJDRA==" } do
        refused(assets.upload(server, token, { part_of("abc", text) }), 400, 10021)
      end
      for _, content in ipairs { LARGE:sub(2), LARGE .. "x", LARGE:rep(2) } do
        refused(assets.upload(server, token, { part_of(LARGE, hash.base64(content)) }), 400, 10021)
        refused(assets.upload_one(server, token, assets.hash_of(LARGE), content), 400, 10021)
      end
      assert.equal(0, stored("abc").is_stored)
      assert.equal(0, stored(LARGE).is_stored)
    end)

    it("when it is not base64", function ()
      local token = session { ["/a"] = "abcd", ["/b"] = LARGE }
      for _, text in ipairs { "YWJjZA", "YWJjZA=", "YWJjZA===", "YWJj*A==", "YQ==YQ==", "=",
        "YWJj ZA==", "YWJjZB==" } do
        refused(assets.upload(server, token, { part_of("abcd", text) }), 400, 10021)
      end
      -- Large parts come in pieces: padding, a character too few or a wrong one at a piece's edge.
      local text = hash.base64(LARGE)
      local edge = 256 * 1024
      for _, bad in ipairs {
        text:sub(1, edge - 4) .. "QQ==" .. text:sub(edge + 1),
        text:sub(1, edge - 1) .. "*" .. text:sub(edge + 1),
        text:sub(1, edge) .. "=" .. text:sub(edge + 2),
        text:sub(1, -2), text .. "A", text .. "====",
      } do
        refused(assets.upload(server, token, { part_of(LARGE, bad) }), 400, 10021)
      end
    end)

    it("without files, without names, or when it is no form", function ()
      local token = session { ["/a"] = "a" }
      refused(assets.upload(server, token, {}), 400, 10021)
      local headers = { authorization = "Bearer " .. token }
      refused(server:request("POST", assets.UPLOAD, { json = {}, headers = headers }), 400, 10026)
      headers["content-type"] = "multipart/form-data; boundary=b"
      local body = "--b\r\nContent-Disposition: form-data\r\n\r\nYQ==\r\n--b--\r\n"
      refused(server:request("POST", assets.UPLOAD, { body = body, headers = headers }), 400, 10026)
      body = '--b\r\nContent-Disposition: form-data; name=""\r\n\r\nYQ==\r\n--b--\r\n'
      refused(server:request("POST", assets.UPLOAD, { body = body, headers = headers }), 400, 10021)
    end)
  end)

  it("keeps the files that were whole when a later one was wrong", function ()
    local token = session { ["/a"] = LARGE, ["/b"] = "b" }
    refused(assets.upload(server, token, { assets.part(LARGE), assets.part "nobody's" }),
      400, 10021)
    assert.equal(201, assets.upload(server, token, { assets.part(LARGE), assets.part "b" }).status)
  end)

  it("takes thousands of parts in one request", function ()
    local files, parts = {}, {}
    for i = 1, 3000 do
      local content = "file " .. i
      files["/" .. i], parts[i] = content, assets.part(content)
    end
    assert.equal(201, assets.upload(server, session(files), parts).status)
  end)

  it("takes many requests at once, and the last of them completes it", function ()
    local files, list = {}, {}
    for i = 1, 64 do
      list[i] = ("file %d "):format(i):rep(i * 300)
      files["/" .. i] = list[i]
    end
    local token = session(files)
    local statuses = moonherd.map(list, { concurrency = 64 }, function (content, i)
      if i % 2 == 0 then
        return assets.upload_one(server, token, assets.hash_of(content), content).status
      end
      return assets.upload(server, token, { assets.part(content) }).status
    end)
    local complete = 0
    for _, status in ipairs(statuses) do complete = complete + (status == 201 and 1 or 0) end
    assert.is_true(complete >= 1)
    for _, content in ipairs(list) do assert.equal(content, bytes_of(content)) end
  end)

  it("of the same large file, twice at once, stores it once", function ()
    local token = session { ["/a"] = LARGE }
    local statuses = moonherd.map({ 1, 2 }, function ()
      return assets.upload(server, token, { assets.part(LARGE) }).status
    end)
    assert.same({ 201, 201 }, statuses)
    assert.equal(LARGE, bytes_of(LARGE))
  end)
end)

describe("base64 in pieces", function ()
  -- What a text gives when it comes in pieces that end at these places; nil when it is wrong.
  local function decode(text, cuts)
    local stream, at, decoded = base64_stream.new(), 1, {}
    for _, cut in ipairs(cuts) do
      decoded[#decoded + 1] = stream:feed(text:sub(at, cut))
      if not decoded[1] then return nil end
      at = cut + 1
    end
    local last = stream:feed(text:sub(at))
    return last and stream:is_whole() and table.concat(decoded) .. last or nil
  end

  it("is the same wherever it is cut", function ()
    for _, content in ipairs { "", "a", "ab", "abc", "abcd", "\0\255\254 and more" } do
      local text = hash.base64(content)
      for i = 0, #text do
        for j = i, #text do
          assert.equal(content, decode(text, { i, j }))
          assert.equal(content, decode(text:gsub("..", "%0\r\n"), { i, j }))
        end
      end
    end
  end)

  it("is wrong wherever it is cut", function ()
    for _, text in ipairs { "YQ", "YQ=", "YQ==YQ==", "YQ==\nYQ==", "YW=J", "Y*Jj", "=", "YWJj=",
      "YWJjYQ==A", "YWJj YWJj" } do
      for i = 0, #text do assert.is_nil(decode(text, { i }), text) end
    end
  end)
end)

describe("a session that is half done", function ()
  it("goes on after the platform has started again", function ()
    local first = support.start()
    first:make_namespace "prod"
    local token = assets.session(first, SCRIPT, assets.manifest { ["/a"] = "a", ["/b"] = LARGE })
    assets.upload(first, token, { assets.part "a" })
    first:restart()
    assert.equal(201, assets.upload(first, token, { assets.part(LARGE) }).status)
    first:close()
  end)

  it("goes on in another platform on the same state directory", function ()
    local other = support.start { state = server.directory }
    local token = session { ["/a"] = "a", ["/b"] = "b" }
    assert.equal(202, assets.upload(other, token, { assets.part "a" }).status)
    assert.equal(201, assets.upload(server, token, { assets.part "b" }).status)
    assert.equal(201, assets.upload(other, token, { assets.part "b" }).status)
    other:close()
  end)

  it("goes on in both at once, and one of them completes it", function ()
    local servers = { server, support.start { state = server.directory } }
    local files, list = {}, {}
    for i = 1, 24 do
      list[i] = ("%d "):format(i):rep(i * 4000)
      files["/" .. i] = list[i]
    end
    local token, complete = session(files), nil
    moonherd.map(list, { concurrency = 8 }, function (content, i)
      local response = assets.upload(servers[i % 2 + 1], token, { assets.part(content) })
      complete = complete or response.result.jwt
    end)
    ok(servers[2]:put(SCRIPT, { assets = { jwt = complete } }))
    for path, content in pairs(files) do
      assert.equal(content, (assets.read(server, "prod", "site", path)))
    end
    servers[2]:close()
  end)
end)
