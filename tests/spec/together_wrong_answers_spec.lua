-- Good answers of the embedded platform, with one field replaced by something else, for every call
-- of the client and every field: the call succeeds, or fails with an error that says why; it never
-- trips over the answer. What each call received is recorded once, and replayed without a server.
local errors = require "moonherd.error"
local http = require "moonherd.http"
local json = require "moonherd.json"
local log = require "moonherd._log"
local mirror = require "moonherd.cloudflare.mirror"
local moonherd = require "moonherd"
local url = require "moonherd.cloudflare.url"

local CODE = "export default { fetch() { return new Response('hi') } }"
local MOST_REQUESTS = 200 -- a call that sends more does not end

-- For calls that do more than read answers.
local FEW = {}

local function deep()
  local value = json.array {}
  for _ = 1, 100 do value = json.array { value } end
  return value
end

-- In place of a field; `absent` takes it away.
local ABSENT = {}
local OTHERS = {
  ABSENT, true, false, -1, 1.5, "", "../\27[2J\0", ("x"):rep(20000),
  json.array {}, {}, json.array { 1 }, json.array { json.null }, json.array { {} },
  { name = 5, type = {}, id = true }, deep(),
}
for _, i in ipairs { 1, 4, 10, 11 } do FEW[#FEW + 1] = OTHERS[i] end

-- ---- answers ------------------------------------------------------------------------------------

-- Calls f(path) for every place in a value, outermost first.
local function each_place(value, f, path)
  path = path or {}
  f(path)
  if type(value) ~= "table" then return end
  for key, inner in pairs(value) do
    local below = table.move(path, 1, #path, 1, {})
    below[#below + 1] = key
    each_place(inner, f, below)
  end
end

local function copy_of(value)
  if type(value) ~= "table" or value == json.null then return value end
  local copy = json.is_array(value) and json.array {} or {}
  for key, inner in pairs(value) do copy[key] = copy_of(inner) end
  return copy
end

-- A copy with something else at a place.
local function changed(value, path, other)
  if #path == 0 then return other ~= ABSENT and other or json.null end
  local copy = copy_of(value)
  local at = copy
  for i = 1, #path - 1 do at = at[path[i]] end
  local last = path[#path]
  if other ~= ABSENT then
    at[last] = other
  elseif math.type(last) == "integer" then
    table.remove(at, last)
  else
    at[last] = nil
  end
  return copy
end

local function is_json(response)
  return (response.headers["content-type"] or ""):find "json" ~= nil
end

describe("answers of which one field is wrong", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local client, elsewhere, again, ns, script, etag, patience, send, write
  local count = 0

  setup(function ()
    local name = os.tmpname()
    os.remove(name)
    local state = (os.getenv "B" or "build") .. "/tests" .. name
    local function connect(more)
      local opts = { target = "local", state = state, retry = false }
      for key, value in pairs(more) do opts[key] = value end
      return moonherd.connect(opts)
    end
    client, elsewhere = connect {}, connect { account_id = ("1"):rep(32) }
    again = connect { retry = { attempts = 2, backoff = 0.0001 } }
    send, write = http.request, log.write
  end)
  before_each(function () log.write = function () end end) -- thousands of messages
  after_each(function () http.request, log.write = send, write end)

  local function upload(more, by)
    local spec = { modules = { ["a.mjs"] = CODE }, compatibility_date = "2026-10-01" }
    for key, value in pairs(more or {}) do spec[key] = value end
    return (by or client):namespace(ns.name):script("a"):upload(spec)
  end

  -- A namespace with a script that has some of everything.
  local function prepare()
    count = count + 1
    ns = client:ensure_namespace("wrong " .. count)
    script = ns:script "a"
    etag = upload({
      tags = { "x" }, bindings = { MODE = "old", KEY = { type = "secret_text", text = "of KEY" } },
      observability = { enabled = true }, limits = { cpu_ms = 10 },
      assets = { files = { ["/a.txt"] = "a" } },
    }).etag
  end

  -- ---- recording and replaying -----------------------------------------------------------------

  -- The answers that a call receives; the one of the number `lost` is a failure of a gateway.
  local function record(call, lost)
    local answers = {}
    http.request = function (options)
      local response = send(options)
      if #answers + 1 == lost then response = { status = 502, headers = {}, body = "" } end
      answers[#answers + 1] = response
      response.is_write = options.method ~= "GET"
      return response
    end
    call()
    http.request = send
    return answers
  end

  -- Calls with answers in place of a server: those of the record, the n-th with another body.
  local function replay(call, answers, n, body)
    local at = 0
    http.request = function (options)
      at = at + 1
      if type(options.body) == "function" then for _ in options.body do end end
      assert.is_true(at < MOST_REQUESTS, "it does not end")
      local answer = answers[math.min(at, #answers)]
      if at ~= n then return answer end
      return { status = answer.status, headers = answer.headers, body = body }
    end
    local ok, err = pcall(call)
    http.request = send
    return ok, err
  end

  local faults = {}

  local function check(ok, err, label)
    local is_good = ok or errors.is(err) and err.kind ~= "internal" and #err.message < 5000
    if not is_good then faults[#faults + 1] = label .. ": " .. tostring(err):sub(1, 500) end
  end

  local function check_json(name, call, answers, n, others)
    local good = json.decode(answers[n].body)
    each_place(good, function (path)
      -- One call shows what becomes of the envelope.
      if not (path[1] or "result"):find "^result" and name ~= "client:namespaces"
        or #path > 2 and others == FEW then
        return
      end
      for i, other in ipairs(others) do
        local label = ("%s, answer %d, /%s, value %d"):format(name, n, table.concat(path, "/"), i)
        local body = json.encode(changed(good, path, other))
        local ok, err = replay(call, answers, n, body)
        check(ok, err, label)
      end
    end)
  end

  -- Cut anywhere, and with every byte replaced.
  local function check_bytes(name, call, answers, n)
    local body = answers[n].body
    for at = 0, #body - 1 do
      for _, piece in ipairs { "", "\0", "\r\n", '"' } do
        local label = ("%s, answer %d, byte %d, %q"):format(name, n, at, piece)
        local rest = piece == "" and "" or body:sub(at + 2)
        local ok, err = replay(call, answers, n, body:sub(1, at) .. piece .. rest)
        check(ok, err, label)
      end
    end
  end

  -- ---- the calls -------------------------------------------------------------------------------

  local ALL = { "bindings", "content", "secrets", "settings", "tags" }
  local FILES = { ["/a.txt"] = "a", ["/b.txt"] = "b" }

  local COPY = "a copy for a dry run"

  local CALLS = {
    { "client:namespaces", function () client:namespaces() end },
    { "client:create_namespace", function ()
      count = count + 1
      client:create_namespace("more " .. count)
    end },
    { "client:ensure_namespace", function () client:ensure_namespace(ns.name) end },
    { "client:request", function ()
      client:request { path = "/accounts/{account_id}/workers/dispatch/namespaces" }
    end },
    { "client:doctor", function () client:doctor { namespace = ns.name } end },
    { "namespace:details", function () ns:details() end },
    { "namespace:exists", function () ns:exists() end },
    { "namespace:rename", function () ns:rename(ns.name) end },
    { "namespace:patch", function () ns:patch { trusted_workers = true } end },
    { "namespace:update", function () ns:update { name = ns.name, trusted_workers = true } end },
    { "namespace:scripts", function () moonherd.collect(ns:scripts()) end },
    { "namespace:scripts with everything", function ()
      moonherd.collect(ns:scripts { include = ALL })
    end },
    { "script:details", function () script:details() end },
    { "script:exists", function () script:exists() end },
    { "script:wait_live", function () script:wait_live { etag = etag, timeout = patience } end },
    { "script:bindings", function () script:bindings() end },
    { "script:content", function () script:content() end },
    { "script:secrets", function () script:secrets() end },
    { "script:secret", function () script:secret "KEY" end },
    { "script:settings", function () script:settings() end },
    { "script:tags", function () script:tags() end },
    { "script:upload", function () upload() end },
    { "script:upload with assets", function () upload { assets = { files = FILES } } end },
    { "script:upload with a default", function ()
      upload { bindings = { NEW = moonherd.inherit { default = "x" } } }
    end },
    { "a plan of script:upload", function ()
      tostring(upload { dry_run = true, bindings = { MODE = "new" }, tags = { "y" } })
    end },
    { "script:put_content", function () script:put_content { modules = { ["a.mjs"] = CODE } } end },
    { "script:put_secret", function () script:put_secret("MORE", "value of more") end },
    { "script:put_secrets", function () script:put_secrets { MORE = "value of more" } end },
    { "script:delete_secret", function () script:delete_secret "KEY" end },
    { "script:patch_settings", function ()
      script:patch_settings { bindings = { MORE = "new" }, observability = { enabled = false } }
    end },
    { "script:put_tags", function () script:put_tags { "y" } end },
    { "script:add_tag", function () script:add_tag "y" end },
    { "script:delete_tag", function () script:delete_tag "x" end },
    { "script:delete", function () script:delete() end },
    { "namespace:upload_all", function ()
      ns:upload_all { a = { modules = { ["a.mjs"] = CODE }, compatibility_date = "2026-10-01" } }
    end },
    { "namespace:tag", function () ns:tag({ "x" }, { add = { "y" }, remove = { "x" } }) end },
    { "namespace:rotate_secret", function () ns:rotate_secret({ "x" }, "KEY", "another") end },
    { "namespace:patch_all", function ()
      ns:patch_all({ "x" }, { observability = { enabled = false } })
    end },
    { "namespace:delete_scripts", function () ns:delete_scripts { all = true } end },
    { "namespace:delete_scripts by name", function ()
      ns:delete_scripts { all = true, concurrency = 2 }
    end },
    { "namespace:delete", function () ns:delete { expect = 1 } end },
    { COPY, function ()
      local scratch = { client = elsewhere, done = {}, ids = {} }
      function scratch.once(self, _, f, ...) f(self, ...) end
      function scratch.live_name(_, segment) return segment end
      local segment = url.encode(ns.name)
      mirror.namespace(scratch, client, segment)
      mirror.script(scratch, client, segment, "a")
      mirror.list(scratch, client, segment)
    end },
  }

  -- Writes whose first answer, of the number at the end, is lost: what is live is read back.
  local LOST = {
    { "script:upload", function () upload({}, again) end, 1 },
    { "script:put_content", function ()
      again:namespace(ns.name):script("a"):put_content { modules = { ["a.mjs"] = CODE } }
    end, 1 },
    { "script:patch_settings", function ()
      again:namespace(ns.name):script("a"):patch_settings { bindings = { MORE = "new" } }
    end, 2 },
    { "script:put_tags", function () again:namespace(ns.name):script("a"):put_tags { "y" } end, 1 },
    { "script:add_tag", function () again:namespace(ns.name):script("a"):add_tag "y" end, 1 },
    { "client:create_namespace", function () again:create_namespace("lost " .. count) end, 1 },
    { "namespace:patch", function ()
      again:namespace(ns.name):patch { trusted_workers = true }
    end, 1 },
    { "namespace:delete_scripts", function ()
      again:namespace(ns.name):delete_scripts { all = true }
    end, 2 },
  }
  for _, row in ipairs(LOST) do
    CALLS[#CALLS + 1] = { row[1] .. " when an answer was lost", row[2], row[3] }
  end

  for _, row in ipairs(CALLS) do
    local name, call, lost = row[1], row[2], row[3]

    it("of " .. name, function ()
      prepare()
      faults, patience = {}, 10
      local answers = record(call, lost)
      patience = 0.001
      for n, answer in ipairs(answers) do
        if answer.is_write and name == COPY then
          goto continue -- of the platform of the dry run, which is ours
        elseif is_json(answer) then
          check_json(name, call, answers, n, lost and FEW or OTHERS)
        else
          check_bytes(name, call, answers, n)
        end
        moonherd.sleep(0)
        ::continue::
      end
      assert.are.same({}, faults)
    end)
  end
end)
