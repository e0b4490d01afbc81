-- Static assets: opens an upload session with the manifest of a site, sends the files the API does
-- not have yet, and comes back with the token that stands for the whole site in an upload.
local async = require "moonherd.async"
local claims = require "moonherd.cloudflare.asset_claims"
local config = require "moonherd.cloudflare.asset_config"
local encode = require "moonherd.cloudflare.encode"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local forms = require "moonherd.cloudflare.asset_form"
local json = require "moonherd.json"
local log = require "moonherd._log"
local names = require "moonherd.cloudflare.names"
local sites = require "moonherd.cloudflare.asset_files"
local time = require "moonherd.time"
local transport = require "moonherd.cloudflare.transport"
local widths = require "moonherd.cloudflare.width"

local M = {}

local BUCKETS_AT_ONCE <const> = 3     -- of one site, as wrangler
local MOST_BUCKETS <const> = 12       -- of all sites of a client
local MOST_SESSIONS <const> = 3       -- in a row that end early and bring nothing
local OLD_AGE <const> = 55 * 60       -- seconds; the API takes the token of a session for an hour
local HIDDEN <const> = 24 * 3600      -- seconds; longer than a token is worth anything
local AS_BASE64 = "?base64=true"

local AGAIN = "upload again: a new session asks only for what is missing"

local function check_salt(salt)
  return salt:find("\0", 1, true) and "it has a zero byte" or nil
end

local SOURCES = {
  { "dir", "string" }, { "files", "table" }, { "salt", "string", check = check_salt },
  { "on_progress", "function" },
}

--- Descriptors of script:upload_assets, and of `assets` of script:upload.
M.SOURCES = SOURCES
M.OPTIONS = { { "jwt", "string" } }
table.move(SOURCES, 1, #SOURCES, #M.OPTIONS + 1, M.OPTIONS)
table.move(config.OPTIONS, 1, #config.OPTIONS, #M.OPTIONS + 1, M.OPTIONS)

-- ---- sessions ----------------------------------------------------------------------------------

local function bad_answer(why)
  errors.raise {
    kind = "api", reason = "bad_answer", retryable = false, errors = {},
    message = "assets upload session: " .. why, hint = "is this the API? check the base URL",
  }
end

-- Tokens let anybody upload in the script's name. A long run sees many, so they are not hidden for
-- ever.
local function token_of(result)
  local jwt = type(result) == "table" and result.jwt
  if type(jwt) ~= "string" or jwt == "" then return nil end
  return log.hide(jwt, HIDDEN)
end

-- A list that was not taken for one would say that nothing is missing; a file that is asked for
-- without end would be sent without end.
local function check_buckets(buckets)
  if buckets == nil then return {} end
  local seen = {}
  for _, bucket in ipairs(json.is_array(buckets) and buckets or { false }) do
    if not json.is_array(bucket) then bad_answer "the buckets are no lists" end
    for _, hash in ipairs(bucket) do
      if type(hash) ~= "string" then bad_answer "a bucket holds something that is no hash" end
      if seen[hash] then bad_answer(("it asks for '%s' twice"):format(names.shown(hash))) end
      seen[hash] = true
    end
  end
  return buckets
end

--- Checks a manifest and returns it.
---@param manifest any
---@param who string  the public name of the function
---@return table manifest
function M.check_manifest(manifest, who)
  if type(manifest) ~= "table" then
    errors.usage("%s: a table is expected, got %s", who, type(manifest))
  end
  for path, entry in pairs(manifest) do
    if type(path) ~= "string" or path:sub(1, 1) ~= "/" then
      errors.usage("%s: a path like '/index.html' is expected, got '%s'", who, tostring(path))
    end
    if type(entry) ~= "table" or type(entry.hash) ~= "string"
      or math.type(entry.size) ~= "integer" then
      errors.usage("%s: '%s' needs {hash = string, size = integer}", who, path)
    end
  end
  return manifest
end

--- Opens an upload session.
---@async
---@param script table  the handle
---@param manifest table  path = {hash=, size=}
---@param who string  the public name of the function
---@return table session  {jwt=, buckets=}: lists of the hashes to upload; none: `jwt` is the
---  completion token already
---@return integer requests
function M.open_session(script, manifest, who)
  local result, _, requests = transport.call(script._client, endpoints.create_assets_session, nil,
    encode.json({ manifest = manifest }, who), script._namespace, script._segment)
  local jwt = token_of(result) or bad_answer "there is no token"
  return { jwt = jwt, buckets = check_buckets(result.buckets) }, requests
end

-- ---- sending -----------------------------------------------------------------------------------

local function files_of(site, bucket)
  local files = {}
  for i, hash in ipairs(bucket) do
    files[i] = site.by_hash[hash]
      or bad_answer(("the API asks for a file that is not in the manifest: '%s'"):format(
        names.shown(hash)))
  end
  return files
end

-- The files of every bucket that holds any, and how many there are.
local function wanted_of(site, session)
  local wanted, count = {}, 0
  for _, bucket in ipairs(session.buckets) do
    if #bucket > 0 then
      wanted[#wanted + 1] = files_of(site, bucket)
      count = count + #bucket
    end
  end
  return wanted, count
end

local function count_sent(report, files)
  report.sent = report.sent + #files
  for _, file in ipairs(files) do report.bytes = report.bytes + file.size end
end

-- How many buckets a client sends at once: fewer when gateways give up.
local function width_of(client)
  client._bucket_width = client._bucket_width or widths.new(MOST_BUCKETS, "room for a bucket")
  return client._bucket_width
end

-- Sends one bucket and returns the result.
local function send_bucket(script, site, session, files)
  local client, body = script._client, forms.of_files(files, site.prefix)
  local width = width_of(client)
  body.token = session.jwt
  function body.on_failure(err)
    if failures.is_overload(err) then width:narrow() end
  end
  local result, _, requests = width:run(transport.call, client, endpoints.upload_assets, AS_BASE64,
    body)
  width:widen()
  return result, requests
end

-- It is the token of the session that was refused, not the credential.
local function end_session(session, err)
  if not errors.is(err) or err.reason ~= "auth" then error(err, 0) end
  err.hint = AGAIN
  session.failure = err
  local requests = err.requests
  err.requests = nil -- they are counted from now on by who has asked
  return requests
end

-- Sends the buckets, several at once, and says in the session what the answers said. One that is
-- old, or whose token was refused, begins no more of them.
local function send_all(script, site, session, wanted, sent)
  local opened = time.now()
  async.map(wanted, { concurrency = BUCKETS_AT_ONCE }, function (files)
    if session.failure or time.now() - opened > OLD_AGE then return end
    local ok, result, requests = pcall(send_bucket, script, site, session, files)
    if not ok then return sent({}, end_session(session, result)) end
    session.completion = token_of(result) or session.completion
    sent(files, requests)
  end)
end

local function give_up(session, report)
  if session.failure then error(session.failure, 0) end
  errors.raise {
    kind = "api", reason = "no_completion_token", retryable = true, errors = {}, hint = AGAIN,
    message = ("assets: %d files were sent, but no answer had the completion token")
      :format(report.sent),
  }
end

-- Sends what a session asks for; what others are sending is waited for. Returns whether any was.
local function serve_session(script, site, session, wanted, sent)
  local claim <close> = claims.take(script._client, script._namespace, wanted)
  send_all(script, site, session, claim.mine, sent)
  claim:release()
  return not session.completion and claim:wait()
end

-- The completion token. A session that ends without one is followed by another, which asks for what
-- is still missing: as long as that gets less.
local function complete(script, site, report, on_progress, who)
  local least, idle = math.huge, 0
  while true do
    local session, requests = M.open_session(script, site:manifest(), who)
    report.requests = report.requests + requests
    local wanted, count = wanted_of(site, session)
    if count == 0 then return session.jwt end
    idle = count < least and 0 or idle + 1
    least = math.min(least, count)
    local all = report.sent + count
    local has_waited = serve_session(script, site, session, wanted, function (files, more)
      report.requests = report.requests + more
      count_sent(report, files)
      if on_progress then on_progress(report.sent, all, report.bytes) end
    end)
    if session.completion then return session.completion end
    if has_waited then idle = 0 end
    if idle == MOST_SESSIONS - 1 then return give_up(session, report) end
    log.write("debug", "assets: the session ended early; another one asks for what is missing")
  end
end

local function send_site(script, site, on_progress, who)
  local report = { files = #site.files, sent = 0, bytes = 0, requests = 0 }
  local ok, token = pcall(complete, script, site, report, on_progress, who)
  if not ok then
    transport.count_before(token, report.requests)
    failures.add_outcome(token, "unknown")
    error(token, 0)
  end
  report.skipped = report.files - report.sent
  log.write("debug", ("assets: %d of %d files sent"):format(report.sent, report.files),
    { script = script.name, bytes = report.bytes, requests = report.requests })
  return token, report
end

-- ---- for script:upload_assets and script:upload ------------------------------------------------

--- Uploads a site.
---@async
---@param script table  the handle
---@param opts table  with the options of M.SOURCES, checked
---@param who string  the public name of the function
---@return string token  for `assets = {jwt=}` of script:upload, within the hour
---@return table report  {files=, sent=, skipped=, bytes=, requests=, config=}
function M.upload(script, opts, who)
  local site = transport.prepare(sites.read, opts, who)
  local token, report = send_site(script, site, opts.on_progress, who)
  report.config = config.of({}, site)
  return token, report
end

--- Checks what descriptors cannot: options that exclude each other.
---@param opts table  with the options of M.OPTIONS
---@param who string
function M.check(opts, who)
  local has_source = opts.dir or opts.files
  if opts.jwt and has_source then
    errors.usage("%s: assets.jwt stands for uploaded files; give it, or dir and files", who)
  end
  if opts.salt and not has_source then
    errors.usage("%s: assets.salt is for files; give assets.dir or assets.files", who)
  end
  if not (opts.jwt or has_source or config.of(opts)) then
    errors.usage("%s: assets is empty: give dir, files, jwt or settings, or assets = false", who)
  end
end

--- Makes the `assets` of the metadata, uploading the files when there are any. Without files it
--- changes how the live ones are served.
---@async
---@param script table  the handle
---@param opts table  with the options of M.OPTIONS, checked
---@param who string
---@return table field  {jwt=, config=}
---@return table? report  of the upload: {files=, sent=, skipped=, bytes=}
---@return integer requests
function M.field_of(script, opts, who)
  if not (opts.dir or opts.files) then
    return { jwt = opts.jwt and log.hide(opts.jwt), config = config.of(opts) }, nil, 0
  end
  local site = sites.read(opts, who)
  local token, report = send_site(script, site, opts.on_progress, who)
  local requests = report.requests
  report.requests = nil
  return { jwt = token, config = config.of(opts, site) }, report, requests
end

return M
