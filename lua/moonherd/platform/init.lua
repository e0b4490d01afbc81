-- The embedded platform: the Workers for Platforms API over a SQLite file, as an HTTP server. It is
-- run in a realm of its own (main.lua) or by `moonherd serve`, and knows nothing of the client.
--
-- A request goes through the same gates in the same order whatever it asks for: credential,
-- account, route, and then what its handler looks up and checks.

local async = require "moonherd.async"
local auth = require "moonherd.platform.auth"
local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local faults = require "moonherd.platform.faults"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local limiter = require "moonherd.platform.limiter"
local locks = require "moonherd.platform.lock"
local log = require "moonherd._log"
local new_call = require("moonherd.platform.call").new
local request_log = require "moonherd.platform.request_log"
local trace = require "moonherd._trace"
local router = require "moonherd.platform.router"
local routes = require "moonherd.platform.routes"
local serve = require "moonherd.serve"
local state = require "moonherd.platform.state"
local store = require "moonherd.store.platform"

local M = {}

local Platform = {}
Platform.__index = Platform

local SWEEP_INTERVAL = 600 -- seconds, at least: it is done when opening and behind a request

-- Removes what uploads have left behind, now and then.
local function sweep(platform)
  local now = clock.now()
  if now - platform.swept_at < SWEEP_INTERVAL then
    return
  end
  platform.swept_at = now
  local is_swept, failure = async.try(platform.store.sweep, platform.store, clock.wall())
  if not is_swept then
    log.write("warn", "unused blobs could not be removed", { reason = tostring(failure) })
  end
end

-- A fixed id for each credential: the state directory's, and one for each email it is used with.
-- Callers choose the email, so none is remembered.
local function user_id(key, email)
  return hash.hex(hash.hmac_sha256(key, "user:" .. email)):sub(1, 32)
end

--- Opens the platform on a state directory, making what is missing.
---@async
---@param options table  how to open it
---@field options.state string  the state directory
---@field options.token? string  the credential callers need; default: that of the state directory
---@field options.account? string  the only account there is; default: any id of 32 hex digits
---@field options.hosts? string[]  host names that callers may use, beside those of the loopback
--- interface; default: any
---@field options.implicit_secret_inheritance? boolean  uploads keep secrets they do not name
---@field options.tag_limit? integer  how many tags a script may have; default: 10
---@field options.faults? table  as platform:set_faults takes them
---@return table platform  with the methods handle, serve and close
---@error io cannot_open, newer, corrupt  when the database cannot be used
function M.open(options)
  local database, key = state.open(options.state)
  local token = options.token or state.token(options.state)
  log.hide(token)
  local platform = setmetatable({
    options = options,
    store = store.open(database),
    key = key,
    token = token,
    hosts = options.hosts and auth.hosts(options.hosts),
    locks = locks.new(),
    router = router.new(routes),
    requests = request_log.new(),
    user = user_id(key, ""),
    ray = (string.unpack("<I7", hash.random(7))),
    swept_at = -math.huge,
  }, Platform)
  platform:set_faults(options.faults and faults.check(options.faults))
  sweep(platform)
  return platform
end

--- Switches faults on, in the place of those that were.
---@param given? table  default: none, and an allowance that is not enforced
---@field given.seed? integer  the same seed and the same requests give the same faults; default 1
---@field given.faults? table[]  rules, the first that fits counts; see faults.lua
---@field given.limit? table  enforce the allowance: quota (1200), window and block (300 seconds)
---@field given.delete_limit? integer  scripts that a call deletes in bulk at most
function Platform:set_faults(given)
  self.faults, self.lag = given and faults.new(given), nil
  self.limiter = limiter.new(given and given.limit)
end

--- Closes the database. No request may be on its way.
function Platform:close()
  self.store:close()
end

-- ---- one request --------------------------------------------------------------------------------

local function check_credential(call)
  local platform = call.platform
  local email = auth.check(call.headers, platform.token)
  call.user = email and user_id(platform.key, email) or platform.user
end

local function refuse_route(path)
  errors.refuse_all {
    errors.entry(7003, { subject = path }),
    errors.entry(7000),
  }
end

local function check_account(platform, call, path)
  local account = call.parameters.account
  if #account ~= 32 or account:find "%X" then
    refuse_route(path)
  end
  call.parameters.account = account:lower()
  if platform.options.account and call.parameters.account ~= platform.options.account:lower() then
    errors.refuse(10000, { status = 403 })
  end
end

-- Counts the request against the allowance of its user; upload sessions together are one.
local function take_allowance(platform, call)
  local wait
  call.allowance, wait = platform.limiter:take(call.user or "")
  if wait then
    errors.refuse(971, { headers = { ["retry-after"] = ("%d"):format(wait) } })
  end
end

-- Runs a handler, or has the fault act that this request is to meet.
local function meet_fault(call, handler, path)
  local rule = call.parameters.account and call.platform.faults:pick(call, path)
  if not rule then
    return handler(call)
  end
  call.fault = rule.fault
  return rule.kind.act(call, rule, handler)
end

-- Answers a call with what its handler returns; the text of `result`, or nothing when the handler
-- has answered itself.
local function run(platform, call, methods, path, authenticate)
  if call.request.too_large == "headers" then
    errors.refuse(10021, { status = 431, message = "The headers of the request are too large" })
  elseif platform.hosts then
    auth.check_host(call.headers, platform.hosts)
  end
  authenticate = authenticate or check_credential
  authenticate(call)
  if call.parameters.account then
    take_allowance(platform, call)
    check_account(platform, call, path)
  end
  if not methods then
    refuse_route(path)
  end
  local handler = methods[call.method]
  if not handler then
    errors.refuse(10405, { headers = { allow = router.allowed(methods) } })
  end
  return (platform.faults and meet_fault or handler)(call, handler, path)
end

local function respond_success(call, result, info)
  local messages = call.messages and json.encode(json.array(call.messages)) or "[]"
  local tail = info and ',"result_info":' .. info .. "}" or "}"
  call:respond_json(call.status, {
    '{"success":true,"errors":[],"messages":',
    messages,
    ',"result":',
    result,
    tail,
  })
end

local function is_error(value, kind)
  return type(value) == "table" and value.kind == kind
end

-- The refusal that stands for a failure of our own; the log gets the reason.
local function server_fault(call, failure)
  local is_storage = is_error(failure, "io")
  call:log("error", tostring(failure), {
    reason = type(failure) == "table" and failure.reason or nil,
    trace = type(failure) == "table" and failure.trace or nil,
  })
  return {
    status = 500,
    entries = { errors.entry(is_storage and 10013 or 10002) },
  }
end

-- Turns whatever ended a call early into its answer.
local function respond_failure(call, failure)
  if call.has_begun or is_error(failure, "cancelled") or is_error(failure, "http") then
    error(failure, 0) -- nobody is there, or the answer is on its way: the server cuts it off
  end
  local refusal = errors.is_refusal(failure) and failure or server_fault(call, failure)
  call:respond_json(refusal.status, { errors.envelope(refusal, call.messages) }, refusal.headers)
end

local function with_trace(failure)
  return type(failure) == "table" and failure or debug.traceback(failure, 2)
end

local function respond(call, is_done, result, info)
  if not is_done then
    respond_failure(call, result)
  elseif result then
    respond_success(call, result, info)
  end
end

-- The path, and what stands behind the `?`. A plain search: a pattern looks at every byte in turn.
local function split_target(target)
  local at = target:find("?", 1, true)
  if not at then
    return target, ""
  end
  return target:sub(1, at - 1), target:sub(at + 1)
end

--- Answers one request.
---@async
---@param request table  as `server:accept` returns it
function Platform:handle(request)
  local began, span = clock.now(), trace.is_on and trace.now()
  local path, query = split_target(request.target)
  local methods, parameters, authenticate = self.router:find(path)
  local call = new_call(self, request, parameters, query)
  local is_done, failure = pcall(respond, call,
    xpcall(run, with_trace, self, call, methods, path, authenticate))
  if parameters.account then
    self.requests:add(call, began)
  end
  if span then
    trace.request(span, call.method, call.method, path, call.answered)
  end
  if not is_done then
    error(failure, 0)
  end
  sweep(self)
end

--- Listens, and answers until it is cancelled.
---@async
---@param listen table  as for `moonherd.serve`, but the handler
function Platform:serve(listen)
  local options = {}
  for name, value in pairs(listen) do
    options[name] = value
  end
  options.handler = function (request)
    self:handle(request)
  end
  serve.run(options)
end

return M
