local cloudflare = require "moonherd.cloudflare"
local errors = require "moonherd.error"
local folders = require "tests.spec.support.folder"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local log = require "moonherd._log"
local moonherd = require "moonherd"
local stand_in = require "tests.spec.support.stand_in"
local time = require "moonherd.time"

local ACCOUNT = "/client/v4/accounts/" .. stand_in.ACCOUNT
local SCRIPT = ACCOUNT .. "/workers/dispatch/namespaces/prod/scripts/shop"
local SESSION = "POST " .. SCRIPT .. "/assets-upload-session"
local UPLOAD = "POST " .. ACCOUNT .. "/workers/assets/upload?base64=true"
local PUT = "PUT " .. SCRIPT .. "?bindings_inherit=strict"
local DATE = "2026-10-01"

-- The hash of bytes with an extension, without a salt.
local function hash_of(bytes, extension)
  return hash.sha256("\0" .. bytes .. "." .. extension):sub(1, 32)
end

describe("assets", function ()
  local server, script, folder

  before_each(function ()
    server = stand_in.new()
    script = server:script()
    folder = folders.new { ["index.html"] = "<h1>", ["empty.css"] = "", ["a b/ü.txt"] = "text" }
  end)
  after_each(function ()
    server:close()
    folder:remove()
  end)

  local HTML, CSS, TXT = hash_of("<h1>", "html"), hash_of("", "css"), hash_of("text", "txt")

  local function calls()
    local list = {}
    for i, request in ipairs(server.requests) do
      list[i] = request.method .. " " .. request.target
    end
    return list
  end

  -- The body of the i-th request, with a boundary that is always the same.
  local function body(i)
    local request = server.requests[i]
    local boundary = request.headers["content-type"]:match 'boundary="?([^"]+)"?$'
    assert.are.equal(#request.body, tonumber(request.headers["content-length"]))
    local text = request.body:gsub(boundary:gsub("%p", "%%%0"), "BOUNDARY")
    return text
  end

  local function metadata()
    local text = body(#server.requests):match "\r\n\r\n({.-})\r\n%-%-BOUNDARY"
    return json.decode(text)
  end

  local function failure(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(err), tostring(err))
    return err
  end

  local function session(buckets, jwt)
    server:succeed { jwt = jwt or "session-token", buckets = json.array(buckets) }
  end

  local function stored(jwt)
    server:answer { status = jwt and 201 or 202,
      body = json.encode { success = true, errors = json.array {}, result = { jwt = jwt } } }
  end

  describe("are uploaded", function ()
    it("by a session with the manifest, and a form of what is missing", function ()
      session { { HTML, CSS, TXT } }
      stored "completion-token"
      local token, report = script:upload_assets { dir = folder.path }
      assert.are.equal("completion-token", token)
      assert.are.same({ files = 3, sent = 3, skipped = 0, bytes = 8, requests = 2 }, report)
      assert.are.same({ SESSION, UPLOAD }, calls())
      assert.are.equal(([[{"manifest":{"/a b/ü.txt":{"hash":"%s","size":4},]]
        .. [["/empty.css":{"hash":"%s","size":0},"/index.html":{"hash":"%s","size":4}}}]])
        :format(TXT, CSS, HTML), server.requests[1].body)
      assert.are.equal(([[
--BOUNDARY
Content-Disposition: form-data; name="HTML"; filename="HTML"
Content-Type: text/html; charset=utf-8

PGgxPg==
--BOUNDARY
Content-Disposition: form-data; name="CSS"; filename="CSS"
Content-Type: text/css; charset=utf-8


--BOUNDARY
Content-Disposition: form-data; name="TXT"; filename="TXT"
Content-Type: text/plain; charset=utf-8

dGV4dA==
--BOUNDARY--
]]):gsub("HTML", HTML):gsub("CSS", CSS):gsub("TXT", TXT), (body(2):gsub("\r\n", "\n")))
    end)

    it("with the token of the session, not with the credential of the client", function ()
      session { { HTML } }
      stored "completion-token"
      script:upload_assets { dir = folder.path }
      assert.are.equal("Bearer " .. stand_in.TOKEN, server.requests[1].headers.authorization)
      assert.are.equal("Bearer session-token", server.requests[2].headers.authorization)
    end)

    it("without a key either", function ()
      local client = stand_in.without_host_options(function ()
        return cloudflare.connect { base_url = server.base, account_id = stand_in.ACCOUNT,
          api_email = "a@example.com", api_key = "key-1234" }
      end)
      session { { HTML } }
      stored "completion-token"
      client:namespace("prod"):script("shop"):upload_assets { dir = folder.path }
      local headers = server.requests[2].headers
      assert.are.equal("key-1234", server.requests[1].headers["x-auth-key"])
      assert.are.same({ "Bearer session-token" },
        { headers.authorization, headers["x-auth-key"], headers["x-auth-email"] })
    end)

    it("only where they are missing", function ()
      session { { TXT } }
      stored "completion-token"
      local _, report = script:upload_assets { dir = folder.path }
      assert.are.same({ files = 3, sent = 1, skipped = 2, bytes = 4, requests = 2 }, report)
      assert.is_nil(server.requests[2].body:find(HTML, 1, true))
    end)

    it("not at all when nothing is missing, whatever the API says for that", function ()
      for _, buckets in ipairs { "[]", "null", "[[]]" } do
        server:answer { body = ('{"success":true,"result":{"jwt":"all-there","buckets":%s}}')
          :format(buckets) }
        local token, report = script:upload_assets { dir = folder.path }
        assert.are.same({ "all-there", 0, 3 }, { token, report.sent, report.skipped })
      end
      server:answer { body = '{"success":true,"result":{"jwt":"all-there"}}' }
      assert.are.equal("all-there", (script:upload_assets { dir = folder.path }))
      assert.are.equal(4, #server.requests)
    end)

    it("once when they are the same", function ()
      folder:write("copy.html", "<h1>")
      session { { HTML, CSS, TXT } }
      stored "completion-token"
      local _, report = script:upload_assets { dir = folder.path }
      assert.are.same({ 4, 3, 1 }, { report.files, report.sent, report.skipped })
    end)

    it("in buckets, taking the last token of any answer", function ()
      session { { HTML }, { CSS }, { TXT } }
      stored()
      stored "completion-token"
      stored ""
      local progress = {}
      local token = script:upload_assets { dir = folder.path, on_progress = function (sent, all)
        progress[#progress + 1] = sent .. " of " .. all
      end }
      assert.are.equal("completion-token", token)
      assert.are.same({ "1 of 3", "2 of 3", "3 of 3" }, progress)
      assert.are.same({ SESSION, UPLOAD, UPLOAD, UPLOAD }, calls())
    end)

    it("from bytes as from files", function ()
      local odd = hash.sha256("\0{}.application/ld+json"):sub(1, 32)
      session { { HTML, odd } }
      stored "completion-token"
      local _, report = script:upload_assets { files = {
        ["/index.html"] = "<h1>", ["/data"] = { content = "{}", type = "application/ld+json" },
      } }
      assert.are.same({ 2, 2, 6 }, { report.files, report.sent, report.bytes })
      assert.is_truthy(body(2):find("Content-Type: application/ld+json\r\n\r\ne30=\r\n", 1, true))
      assert.is_truthy(body(2):find("\r\n\r\nPGgxPg==\r\n", 1, true))
    end)

    it("whatever their size, as the bytes they are", function ()
      local large = ("\0\xFFmoonherd"):rep(120001)
      folder:write("large.bin", large)
      session { { hash_of(large, "bin"), HTML } }
      stored "completion-token"
      script:upload_assets { dir = folder.path }
      local text = body(2):match "octet%-stream\r\n\r\n(.-)\r\n%-%-BOUNDARY"
      assert.is_true(hash.unbase64(text) == large)
    end)

    it("a second time in a new session when the first gets old", function ()
      local now, age = time.now, 0
      time.now = function () return now() + age end
      folder:write("more.txt", "more")
      local MORE = hash_of("more", "txt")
      session { { HTML }, { CSS }, { TXT }, { MORE } } -- three of which are sent at once
      for _ = 1, 3 do
        server:answer(function ()
          age = 56 * 60
          return { status = 202, body = '{"success":true,"result":{}}' }
        end)
      end
      session({ { MORE } }, "second-session")
      stored "completion-token"
      local ok, token, report = pcall(script.upload_assets, script, { dir = folder.path })
      time.now = now
      assert.is_true(ok, tostring(token))
      assert.are.same({ "completion-token", 4, 6 }, { token, report.sent, report.requests })
      assert.are.same({ SESSION, UPLOAD, UPLOAD, UPLOAD, SESSION, UPLOAD }, calls())
      assert.are.equal("Bearer second-session", server:last().headers.authorization)
    end)

    it("once when several scripts have them, though all ask for them at once", function ()
      local ns = server:namespace()
      local arrived, uploads = false, 0
      local function answer(request)
        if request.target:find "session$" then
          local buckets = json.array { not arrived and { HTML, CSS, TXT } or nil }
          local result = { jwt = "session-token", buckets = buckets }
          return { body = json.encode { success = true, result = result } }
        end
        arrived, uploads = true, uploads + 1
        return { status = 201, body = '{"success":true,"result":{"jwt":"completion-token"}}' }
      end
      for _ = 1, 5 do server:answer(answer) end
      moonherd.gather(function () ns:script "shop":upload_assets { dir = folder.path } end,
        function () ns:script "other":upload_assets { dir = folder.path } end)
      assert.are.equal(1, uploads)
    end)

    it("by the next in line when the first who sends them fails", function ()
      local ns, has_failed = server:namespace(), false
      local function answer(request)
        if request.target:find "session$" then
          local result = { jwt = "session-token", buckets = { { HTML } } }
          return { body = json.encode { success = true, result = result } }
        elseif has_failed then
          return { status = 201, body = '{"success":true,"result":{"jwt":"completion-token"}}' }
        end
        has_failed = true
        return { status = 400, body = '{"success":false,"errors":[{"code":10021,"message":"no"}]}' }
      end
      for _ = 1, 5 do server:answer(answer) end
      local function upload(name)
        return function ()
          local handle = ns:script(name)
          return moonherd.try(handle.upload_assets, handle, { dir = folder.path }) or "failed"
        end
      end
      local results = { moonherd.gather(upload "shop", upload "other") }
      table.sort(results)
      assert.are.same({ "completion-token", "failed" }, results)
    end)

    it("in a new session when the token of the first is refused midway", function ()
      session { { HTML }, { CSS, TXT } }
      stored()
      server:fail(401, 10000, "Authentication error")
      session({ { CSS, TXT } }, "second-session")
      stored "completion-token"
      local token, report = script:upload_assets { dir = folder.path }
      assert.are.same({ "completion-token", 3, 5 }, { token, report.sent, report.requests })
      assert.are.equal("Bearer second-session", server:last().headers.authorization)
    end)

    it("once when no answer has the completion token, which a new session gives", function ()
      session { { HTML, CSS, TXT } }
      stored()
      session({}, "completion-token")
      local token, report = script:upload_assets { dir = folder.path }
      assert.are.same({ "completion-token", 3, 3 }, { token, report.sent, report.requests })
    end)

    it("fewer at once when a gateway gives up, and more again when it does not", function ()
      local retry = { backoff = 0.001, max_backoff = 0.001 }
      local client = stand_in.without_host_options(function ()
        return server:connect { retry = retry }
      end)
      session { { HTML }, { CSS }, { TXT } }
      server:answer { status = 502, body = "<html>" }
      stored()
      stored()
      stored "completion-token"
      client:namespace "prod":script "shop":upload_assets { dir = folder.path }
      assert.are.equal(6, client._bucket_width.now) -- of 12
      for _ = 1, 5 do client._bucket_width:widen() end -- one to three have gone well already
      assert.are.equal(7, client._bucket_width.now)
    end)

    it("with tokens that no log shows", function ()
      session({ { HTML } }, "session-to-be-hidden")
      stored "completion-to-be-hidden"
      script:upload_assets { dir = folder.path }
      local shown = log.mask "session-to-be-hidden and completion-to-be-hidden"
      assert.is_nil(shown:find("to-be-hidden", 1, true))
    end)
  end)

  describe("fail", function ()
    it("when a file changes between hash and upload", function ()
      for _, content in ipairs { "<h2>", "<h1>!", "<h" } do
        folder:write("index.html", "<h1>")
        server:answer(function ()
          folder:write("index.html", content)
          return { body = json.encode { success = true, result = {
            jwt = "session-token", buckets = { { CSS }, { HTML, TXT } },
          } } }
        end)
        local err = failure(script.upload_assets, script, { dir = folder.path })
        assert.are.same({ "io", "file_changed", folder:at "index.html" },
          { err.kind, err.reason, err.path })
        assert.is_truthy(err.hint:find("upload again", 1, true))
      end
    end)

    it("when a file goes between hash and upload", function ()
      server:answer(function ()
        fs.remove(folder:at "index.html")
        return { body = json.encode { success = true, result = {
          jwt = "session-token", buckets = { { HTML } },
        } } }
      end)
      local err = failure(script.upload_assets, script, { dir = folder.path })
      assert.are.same({ "io", "not_found" }, { err.kind, err.reason })
    end)

    it("when no answer has the completion token", function ()
      for _ = 1, 4 do
        session { { HTML }, { TXT } } -- as if nothing had arrived
        stored()
        stored()
      end
      local err = failure(script.upload_assets, script, { dir = folder.path })
      assert.are.same({ "api", "no_completion_token", 9 },
        { err.kind, err.reason, #server.requests })
      assert.is_truthy(err.hint:find("only for what is missing", 1, true))
    end)

    it("when the API asks for a file that was not offered", function ()
      session { { HTML, ("0"):rep(32) } }
      local err = failure(script.upload_assets, script, { dir = folder.path })
      assert.are.same({ "api", "bad_answer", 1 }, { err.kind, err.reason, #server.requests })
      assert.is_truthy(err.message:find(("0"):rep(32), 1, true))
    end)

    local NONSENSE = { "null", "{}", '{"jwt":""}', '{"jwt":1}', '{"jwt":"x","buckets":1}',
      '{"jwt":"x","buckets":["abc"]}', '{"jwt":"x","buckets":[[1]]}' }
    for _, result in ipairs(NONSENSE) do
      it("when the session is " .. result, function ()
        server:answer { body = ('{"success":true,"result":%s}'):format(result) }
        local err = failure(script.upload_assets, script, { dir = folder.path })
        assert.are.same({ "api", "bad_answer" }, { err.kind, err.reason })
      end)
    end

    it("when the API refuses the session or a bucket", function ()
      server:fail(404, 100119)
      local err = failure(script.upload_assets, script, { dir = folder.path })
      assert.are.equal("namespace_not_found", err.reason)
      for _ = 1, 3 do
        session { { HTML } }
        server:fail(401, 10000, "Authentication error")
      end
      err = failure(script.upload_assets, script, { dir = folder.path })
      assert.are.same({ "api", "auth", 401, 7 },
        { err.kind, err.reason, err.status, #server.requests })
      assert.is_truthy(err.hint:find("a new session", 1, true))
    end)

    it("when they are cancelled, and leave nothing open", function ()
      session { { HTML }, { CSS }, { TXT } }
      for _ = 1, 3 do server:answer { hold = true } end
      local task = moonherd.spawn(script.upload_assets, script, { dir = folder.path })
      while #server.requests < 2 do moonherd.sleep(0) end
      task:cancel()
      assert.are.equal("cancelled", failure(task.wait, task).kind)
    end)
  end)

  describe("of an upload", function ()
    local function upload(opts)
      local spec = { modules = { ["a.mjs"] = "export default {}" }, compatibility_date = DATE }
      for name, value in pairs(opts) do spec[name] = value or nil end
      if opts.assets == false then spec.assets = false end
      return script:upload(spec)
    end

    it("go first, with their settings and those of the folder", function ()
      folder:write("_headers", "/*\n  x: y\n")
      folder:write("_redirects", "/a /b\n")
      session { { HTML } }
      stored "completion-token"
      local result = upload { assets = {
        dir = folder.path, html_handling = "none", not_found_handling = "404-page",
        run_worker_first = { "/api/*", "!/api/docs/*" }, _redirects = "/c /d\n", base_path = "/x",
      } }
      assert.are.same({ SESSION, UPLOAD, PUT }, calls())
      assert.are.same({ files = 3, sent = 1, skipped = 2, bytes = 4 }, result.assets)
      assert.are.equal(3, result.requests)
      local sent = metadata()
      assert.are.same({ jwt = "completion-token", config = {
        html_handling = "none", not_found_handling = "404-page",
        run_worker_first = { "/api/*", "!/api/docs/*" }, _headers = "/*\n  x: y\n",
        _redirects = "/c /d\n", base_path = "/x",
      } }, sent.assets)
      assert.are.same({ "a.mjs" }, { sent.main_module, sent.keep_assets })
    end)

    it("are a Worker without code", function ()
      session({}, "all-there")
      script:upload { assets = { dir = folder.path }, compatibility_date = DATE }
      assert.are.equal([[
--BOUNDARY
Content-Disposition: form-data; name="metadata"
Content-Type: application/json

{"assets":{"jwt":"all-there"},"compatibility_date":"2026-10-01",]]
        .. [["keep_bindings":["secret_text","secret_key"]}
--BOUNDARY--
]], (body(2):gsub("\r\n", "\n")))
    end)

    it("are kept when nothing is said of them", function ()
      upload {}
      assert.are.same({ true }, { metadata().keep_assets, metadata().assets })
    end)

    it("are removed by false", function ()
      local result = upload { assets = false }
      assert.are.same({ nil, nil }, { metadata().keep_assets, metadata().assets })
      assert.are.equal(1, result.requests)
      assert.is_nil(result.assets)
    end)

    it("are served otherwise without files", function ()
      upload { assets = { html_handling = "none" } }
      assert.are.same({ PUT }, calls())
      assert.are.same({ config = { html_handling = "none" } }, metadata().assets)
      assert.is_nil(metadata().keep_assets)
    end)

    it("are named by the token that upload_assets gave", function ()
      upload { assets = { jwt = "completion-token", run_worker_first = true } }
      assert.are.same({ jwt = "completion-token", config = { run_worker_first = true } },
        metadata().assets)
    end)

    it("are not sent when something else is wrong", function ()
      local err = failure(upload, { assets = { dir = folder.path }, tags = { "a,b" } })
      assert.are.same({ "usage", 0 }, { err.kind, #server.requests })
    end)

    local bad = {
      { true, "it is a table, or false" }, { "dist", "table or boolean expected, got string" },
      { {}, "assets is empty" }, { { dir = 1 }, "'assets.dir' (string expected" },
      { { dri = "x" }, "did you mean 'dir'" }, { { headers = "x" }, "did you mean '_headers'" },
      { { dir = "x", jwt = "y" }, "give it, or dir and files" },
      { { salt = "x", html_handling = "none" }, "assets.salt is for files" },
      { { dir = "x", salt = "a\0b" }, "zero byte" },
      { { html_handling = "auto" }, "'assets.html_handling' (got 'auto'" },
      { { not_found_handling = "404" }, "'assets.not_found_handling' (got '404'" },
      { { run_worker_first = { "api/*" } }, "begin with '/' or '!/'" },
      { { run_worker_first = { "!/api/*" } }, "at least one rule" },
      { { run_worker_first = {} }, "at least one rule" },
      { { base_path = "docs" }, "a path like '/docs'" },
      { { _headers = "\xFF" }, "not UTF-8" },
    }
    for _, case in ipairs(bad) do
      it("are refused: " .. case[2], function ()
        local err = failure(upload, { assets = case[1] })
        assert.are.same({ "usage", 0 }, { err.kind, #server.requests })
        assert.is_truthy(err.message:find(case[2], 1, true), err.message)
      end)
    end
  end)

  describe("upload session", function ()
    it("is opened with any manifest", function ()
      session { { "abc" } }
      local given = { ["/a"] = { hash = "abc", size = 1 } }
      local opened = script:assets_upload_session(given)
      assert.are.same({ jwt = "session-token", buckets = { { "abc" } } }, opened)
      assert.are.same({ manifest = given }, json.decode(server:last().body))
    end)

    it("is not opened with nonsense", function ()
      for _, manifest in ipairs { 1, { a = {} }, { ["/a"] = 1 }, { ["/a"] = { hash = "x" } },
        { ["/a"] = { hash = 1, size = 1 } }, { ["/a"] = { hash = "x", size = 1.5 } },
        { ["/\xFF"] = { hash = "x", size = 1 } } } do
        local err = failure(script.assets_upload_session, script, manifest)
        assert.are.same({ "usage", 0 }, { err.kind, #server.requests })
        assert.is_truthy(err.message:find "^script:assets_upload_session: ")
      end
    end)
  end)
end)
