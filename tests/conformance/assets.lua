-- Static assets, from the manifest to the script that serves them: contract §15.

local hash = require "moonherd.hash"
local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local file, get, put = requests.file, requests.get, requests.put
local NONE = json.array {}

-- Two files. What a hash is made of is the client's business.
local A, B = ("a1"):rep(16), ("b2"):rep(16)
local CONTENT = { [A] = "<p>hello</p>", [B] = "body {}" }

-- The manifest {path = {hash, size}} of {path = hash}.
local function manifest(paths)
  local entries = {}
  for path, name in pairs(paths) do entries[path] = { hash = name, size = #CONTENT[name] } end
  return entries
end

-- Buckets that hold these hashes, each once, however they are grouped.
local function buckets(...)
  local names = { ... }
  table.sort(names)
  return match.test("buckets of " .. table.concat(names, ", "), function (value)
    if not json.is_array(value) then return false end
    local found = {}
    for _, bucket in ipairs(value) do
      for _, name in ipairs(bucket) do found[#found + 1] = name end
    end
    table.sort(found)
    return table.concat(found, ", ") == table.concat(names, ", ")
  end)
end

-- What may be read in a token: when it ends, an hour after it was made.
local TOKEN = match.test("a token for an hour", function (value)
  local payload = type(value) == "string" and value:match "^[%w_-]+%.([%w_-]+)%.[%w_-]+$"
  local is_json, claims = pcall(json.decode, payload and hash.unbase64url(payload) or "")
  return is_json and math.type(claims.exp) == "integer"
    and (claims.iat == nil or claims.exp - claims.iat == 3600)
end)

-- What ours holds besides; without the claim that asks for one file a request.
local OUR_TOKEN = match.test("a token with every claim", function (value)
  local payload = value:match "^[^.]+%.([^.]+)%.[^.]+$"
  local claims = json.decode(hash.unbase64url(payload))
  return claims.iat and claims.acc and claims.ns and claims.script and claims.sid and claims.kind
    and claims.wrangler_single_asset_uploads == nil
end)

-- ---- steps --------------------------------------------------------------------------------------

local function session(paths, result, where)
  return { "POST " .. (where or "SCR") .. "/assets-upload-session",
    json = { manifest = manifest(paths) }, expect = { result = result } }
end

-- A part of an upload: the name is the hash, the type is what will be served.
local function asset(name, content, content_type)
  return { name = name, filename = name, type = content_type or "text/html",
    content = hash.base64(content or CONTENT[name]), exact = true }
end

local function send(parts, expect, token)
  return { "POST ACC/workers/assets/upload?base64=true", form = parts,
    token = token or "{session}", expect = expect }
end

local STORED = { status = 202, result = match.one_of(match.exactly {}, { jwt = json.null }) }
local COMPLETE = { status = 201, result = { jwt = match.save("complete", TOKEN) } }
local REFUSED_TOKEN = { code = 10000 }

-- Uploads metadata with the token that was handed out last, and a small module unless `files`.
local function use(metadata, files, expect)
  local copy = { assets = { jwt = "{complete}" } }
  for name, value in pairs(metadata) do copy[name] = value end
  return put(copy, files, expect)
end

-- The steps that give {script} the file A and a module, and then those of `case`.
local function with_assets(case)
  local steps = {
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    send({ asset(A) }, COMPLETE),
    use({}, nil, { result = { has_assets = true, has_modules = true } }),
  }
  for name, value in pairs(case) do
    if math.type(name) ~= "integer" then steps[name] = value end
  end
  steps.needs = { namespace = true }
  return table.move(case, 1, #case, #steps + 1, steps)
end

-- ---- sessions -----------------------------------------------------------------------------------

local function refused(request, code)
  return { "POST SCR/assets-upload-session", json = request, expect = { code = code or 10021 } }
end

local function one_entry(path, name, size)
  return { manifest = { [path] = { hash = name, size = size } } }
end

local function many_files(count)
  local entries = {}
  for i = 1, count do entries["/" .. i] = { hash = ("%032x"):format(i), size = 1 } end
  return { manifest = entries }
end

local sessions = {
  operation = "POST SCR/assets-upload-session",
  {
    name = "asks for every hash once, before there is a script",
    source = "§15.1, §15.3",
    needs = { namespace = true },
    session({ ["/index.html"] = A, ["/copy.html"] = A, ["/größe & co/b.css"] = B },
      match.all({ jwt = TOKEN }, { buckets = buckets(A, B) })),
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "its token tells what it is for",
    source = "§15.3",
    live = false, -- the service has claims of its own
    needs = { namespace = true },
    session({ ["/index.html"] = A }, { jwt = match.all(TOKEN, OUR_TOKEN) }),
  },
  {
    name = "an empty manifest has nothing to upload: its token is the last",
    source = "§15.1",
    needs = { namespace = true },
    { "POST SCR/assets-upload-session", json = { manifest = {} },
      expect = { result = { buckets = NONE, jwt = match.save("complete", TOKEN) } } },
    use({}),
  },
  {
    name = "files that the namespace knows are not asked for again, whatever script sent them",
    source = "§15.1",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    send({ asset(A) }, COMPLETE),
    session({ ["/other.html"] = A }, { buckets = NONE, jwt = match.save("complete", TOKEN) }),
    use({}, nil, { result = { has_assets = true } }),
    session({ ["/a.html"] = A, ["/b.css"] = B }, { buckets = buckets(B) }, "NS/scripts/another"),
  },
  {
    name = "another namespace does not know them",
    source = "§15.1",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    send({ asset(A) }, COMPLETE),
    { "POST ALL", json = { name = "{ns}-other" } },
    session({ ["/a.html"] = A }, { buckets = buckets(A) }, "NS-other/scripts/{script}"),
  },
  {
    name = "hashes of other lengths, as in the documentation",
    source = "§15.1",
    { "POST SCR/assets-upload-session", json = one_entry("/a", "08f1dfda4574284ab3c21666d1", 1) },
    { "POST SCR/assets-upload-session", json = one_entry("/a", ("Zz9"):rep(11), 1) },
    { "POST SCR/assets-upload-session", json = one_entry("/a", ("0"):rep(64), 1) },
  },
  {
    name = "entries that cannot be",
    source = "§15.1",
    refused {}, refused { manifest = json.null }, refused { manifest = "x" },
    refused { manifest = { ["/a"] = A } },
    refused(one_entry("a.html", A, 1)),
    refused(one_entry("/a", "", 1)), refused(one_entry("/a", ("0"):rep(65), 1)),
    refused(one_entry("/a", "../../etc", 1)), refused(one_entry("/a", 5, 1)),
    refused(one_entry("/a", A, -1)), refused(one_entry("/a", A, 1.5)),
    refused(one_entry("/a", A, "1")), refused(one_entry("/a", A, nil)),
    refused(one_entry("/a", A, 25 * 1024 * 1024 + 1)),
  },
  {
    name = "20,000 files, but not more than 100,000",
    source = "§1.11",
    live = false, -- sends very much
    needs = { namespace = true },
    { "POST SCR/assets-upload-session", json = many_files(20000),
      expect = { result = { jwt = TOKEN } } },
    refused(many_files(100001)),
  },
  {
    name = "a body that is not JSON",
    source = "§1.6",
    { "POST SCR/assets-upload-session", body = "{", type = "application/json",
      expect = { code = 10026 } },
  },
}

-- ---- uploads ------------------------------------------------------------------------------------

local uploads = {
  operation = "POST ACC/workers/assets/upload",
  {
    name = "the last file brings the token, in any order",
    source = "§15.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A, ["/b.css"] = B }, { jwt = match.save "session" }),
    send({ asset(B, nil, "text/css; charset=utf-8") }, STORED),
    send({ asset(A) }, COMPLETE),
    use({}, nil, { result = { has_assets = true } }),
  },
  {
    name = "all in one, and none has a file name or a type, or is served without one",
    source = "§15.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A, ["/b.css"] = B }, { jwt = match.save "session" }),
    send({ { name = A, content = hash.base64(CONTENT[A]) },
      asset(B, nil, "application/null") }, COMPLETE),
  },
  {
    name = "a file that is sent again does no harm",
    source = "§15.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A, ["/b.css"] = B }, { jwt = match.save "session" }),
    send({ asset(A) }, STORED),
    send({ asset(A) }, STORED),
    send({ asset(B) }, COMPLETE),
  },
  {
    name = "an empty file, and one of every byte",
    source = "§15.2",
    needs = { namespace = true },
    { "POST SCR/assets-upload-session", json = { manifest = {
      ["/empty"] = { hash = A, size = 0 }, ["/bytes"] = { hash = B, size = 256 },
    } }, expect = { result = { jwt = match.save "session" } } },
    send({ { name = A, content = "" } }, STORED),
    send({ asset(B, (("x"):rep(256):gsub("()x", function (i) return string.char(i - 1) end))) },
      COMPLETE),
  },
  {
    name = "bytes as they are, without base64=true",
    source = "§15.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    { "POST ACC/workers/assets/upload", token = "{session}",
      form = { { name = A, filename = A, content = CONTENT[A] } }, expect = COMPLETE },
  },
  {
    name = "in chunks, and with line breaks in the base64",
    source = "§1.1, §17.10",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    { "POST ACC/workers/assets/upload?base64=true", token = "{session}", chunked = true,
      form = { { name = A, content = (hash.base64(CONTENT[A]):gsub("(....)", "%1\n")) } },
      expect = COMPLETE },
  },
  {
    name = "the credential of the account is no token, nor is a changed one",
    source = "§15.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    { "POST ACC/workers/assets/upload?base64=true", form = { asset(A) }, expect = REFUSED_TOKEN },
    send({ asset(A) }, REFUSED_TOKEN, "{session}x"),
    send({ asset(A) }, REFUSED_TOKEN, "a.b.c"),
    { "POST /accounts/ffffffffffffffffffffffffffffffff/workers/assets/upload?base64=true",
      form = { asset(A) }, token = "{session}", expect = REFUSED_TOKEN },
    { "POST ACC/workers/assets/upload?base64=true", form = { asset(A) },
      headers = { authorization = false }, expect = { code = 9106 } },
  },
  {
    name = "is made by no other method",
    source = "§1.6",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    { "GET ACC/workers/assets/upload", token = "{session}", expect = { code = 10405 } },
    { "PUT ACC/workers/assets/upload/" .. A, token = "{session}", expect = { code = 10405 } },
  },
  {
    name = "files that the manifest does not name, or of another size, or not base64",
    source = "§15.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    send({ asset(B) }, { code = 10021 }),
    send({ asset(A, "longer than it was said to be") }, { code = 10021 }),
    send({ asset(A, "short") }, { code = 10021 }),
    send({ { name = A, content = "<p>hello</p>" } }, { code = 10021 }),
    send({ asset(A) }, COMPLETE),
  },
}

local function send_one(name, content, expect, token)
  return { "POST ACC/workers/assets/upload/" .. name, body = content, type = "text/html",
    chunked = true, token = token or "{session}", expect = expect }
end

local single = {
  operation = "POST ACC/workers/assets/upload/{hash}",
  {
    name = "one file a request, its bytes in chunks",
    source = "§15.3",
    needs = { namespace = true },
    session({ ["/a.html"] = A, ["/b.css"] = B }, { jwt = match.save "session" }),
    send_one(A, CONTENT[A], STORED),
    send_one(B, CONTENT[B], COMPLETE),
    use({}, nil, { result = { has_assets = true } }),
  },
  {
    name = "refusals are the same",
    source = "§15.3",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    send_one(B, CONTENT[B], { code = 10021 }),
    send_one(A, "short", { code = 10021 }),
    send_one(A, CONTENT[A], REFUSED_TOKEN, "a.b.c"),
    { "POST ACC/workers/assets/upload/" .. A, body = CONTENT[A], type = "text/html",
      headers = { authorization = false }, expect = { code = 9106 } },
  },
}

-- ---- scripts with assets ------------------------------------------------------------------------

local CONFIG = {
  html_handling = "drop-trailing-slash", not_found_handling = "404-page",
  run_worker_first = { "/api/*", "!/api/docs" }, _headers = "/*\n  X-A: b", _redirects = "/a /b",
  base_path = json.null,
}

local scripts = {
  operation = "PUT SCR: assets",
  {
    name = "nothing but assets: no content to read",
    source = "§5.5, §8.2",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    send({ asset(A) }, COMPLETE),
    put({ assets = { jwt = "{complete}", config = {} }, compatibility_date = "2026-01-01",
      compatibility_flags = NONE }, {}, { result = { has_assets = true, has_modules = false } }),
    { "GET SCR/content", expect = { status = 204, body = "" } },
    get("SCR", { script = { has_assets = true, has_modules = false } }),
  },
  with_assets {
    name = "with code, a binding and a configuration; a token is good more than once",
    source = "§15.4, §12.1",
    use({ assets = { jwt = "{complete}", config = CONFIG },
      bindings = { { type = "assets", name = "ASSETS" } } }, nil,
      { result = { has_assets = true } }),
    get("SCR/bindings", { { type = "assets", name = "ASSETS" } }),
  },
  with_assets {
    name = "gone with the next upload, unless they are to be kept",
    source = "§14",
    put({ keep_assets = true, bindings = { { type = "assets", name = "ASSETS" } } }, nil,
      { result = { has_assets = true } }),
    put(nil, nil, { result = { has_assets = false } }),
    put({ keep_assets = true }, nil, { result = { has_assets = false } }),
  },
  with_assets {
    name = "a configuration alone keeps the files",
    source = "UNKNOWN-25",
    put({ assets = { config = { html_handling = "none" } } }, nil,
      { result = { has_assets = true } }),
  },
  with_assets {
    name = "new code and new settings keep them",
    source = "§14, UNKNOWN-21",
    { "PUT SCR/content", form = requests.upload(nil, { file "new.js" }),
      expect = { result = { has_assets = true } } },
    requests.patch { logpush = true },
    { "PUT SCR/secrets", json = { name = "KEY", text = "x", type = "secret_text" } },
    get("SCR", { script = { has_assets = true } }),
  },
  with_assets {
    name = "assets in place of code, and code beside them again",
    source = "§5.5, §14",
    put({ assets = { jwt = "{complete}" } }, {},
      { result = { has_assets = true, has_modules = false } }),
    { "GET SCR/content", expect = { status = 204, body = "" } },
    put({ keep_assets = true }, nil, { result = { has_assets = true, has_modules = true } }),
  },
  {
    name = "tokens that are not complete, of another script, or none",
    source = "§15.4",
    needs = { namespace = true },
    session({ ["/a.html"] = A }, { jwt = match.save "session" }),
    put({ assets = { jwt = "{session}" } }, nil, { code = 10021 }),
    put({ assets = { jwt = "a.b.c" } }, nil, { code = 10021 }),
    send({ asset(A) }, COMPLETE),
    put({ assets = { jwt = "{complete}x" } }, nil, { code = 10021 }),
    { "PUT NS/scripts/another", form = requests.upload { assets = { jwt = "{complete}" } },
      expect = { code = 10021 } },
    use({}, nil, { result = { has_assets = true } }),
  },
  with_assets {
    name = "configurations that cannot be",
    source = "§12.1",
    use({ assets = { jwt = "{complete}", config = { html_handling = "x" } } }, nil,
      { code = 10021, errors = { { source = { pointer = "/assets/config/html_handling" } } } }),
    use({ assets = { jwt = "{complete}", config = { not_found_handling = 5 } } }, nil,
      { code = 10021 }),
    use({ assets = { jwt = "{complete}", config = { run_worker_first = { "api" } } } }, nil,
      { code = 10021 }),
    use({ assets = { jwt = "{complete}", config = { run_worker_first = { "!/api" } } } }, nil,
      { code = 10021 }),
  },
}

return { sessions, uploads, single, scripts }
