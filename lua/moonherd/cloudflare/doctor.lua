-- What may stand between a client and its target, looked at one by one: client:doctor. One request
-- tells most of it; nothing is changed.
local answers = require "moonherd.cloudflare.answer"
local clock = require "moonherd._clock"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local handles = require "moonherd.cloudflare.handles"
local hints = require "moonherd.cloudflare.hints"
local host = require "moonherd._host"
local http = require "moonherd.http"
local moonherd_try = require "moonherd.async".try
local names = require "moonherd.cloudflare.names"
local options = require "moonherd._options"
local url = require "moonherd.cloudflare.url"

local M = {}

-- ---- the list ----------------------------------------------------------------------------------

local function add(report, name, status, text, hint)
  report[#report + 1] = { name = name, status = status, text = text, hint = hint }
end

local function add_ok(report, name, format, ...)
  add(report, name, "ok", format:format(...))
end

local function add_warning(report, name, hint, format, ...)
  add(report, name, "warning", format:format(...), hint)
end

local function add_problem(report, name, hint, format, ...)
  add(report, name, "problem", format:format(...), hint)
end

-- ---- the one request ---------------------------------------------------------------------------

-- Sent outside of the budget and once: what hinders it is what is looked for.
local function ask(client, endpoint, path)
  local connection = handles.connection(client)
  local response, err = moonherd_try(http.request, {
    method = "GET", url = connection.base .. path, headers = connection.headers,
    timeout = client._timeout or endpoint.timeout, unix_socket = connection.socket,
    ca_file = connection.ca_file,
  })
  if not response then return nil, err end
  local envelope, refused = answers.judge(endpoint, response)
  return response, refused, envelope
end

-- ---- what the answer tells ---------------------------------------------------------------------

-- Which check a refusal belongs to.
local CHECK_OF = {
  auth = "token", bad_credential = "token", not_entitled = "entitlement", no_route = "account",
  forbidden = "account", not_found = "account", bad_answer = "connection", challenge = "connection",
}

local function name_of_failure(err)
  if err.status == nil then
    return (err.reason or ""):find "^tls" and "tls" or "connection"
  end
  -- The token is known, but may not do this here.
  if err.reason == "auth" and err.status == 403 then return "account" end
  return CHECK_OF[err.reason] or "connection"
end

local NETWORK_HINT = "is the network up, the base URL right, and the proxy, if there is one?"

local HINTS = {
  account = "check the account id, and that the credential may edit Workers Scripts there",
  tls = "whose certificate is it? For a CA of your own: SSL_CERT_FILE=FILE, or connect{ca_file=}",
}

local function add_failure(report, err)
  local is_told = not err.status or err.message:find("status " .. err.status, 1, true)
  local what = is_told and "" or ("status %d, "):format(err.status)
  local hint = HINTS[name_of_failure(err)] or err.hint or NETWORK_HINT
  local ray = err.ray_id and (" (ray id %s)"):format(err.ray_id) or ""
  add_problem(report, name_of_failure(err), hint, "%s%s%s", what, err.message, ray)
end

local function add_namespaces(report, envelope, wanted)
  local list, found = envelope.result or {}, nil
  for _, details in ipairs(list) do found = found or details.namespace_name == wanted end
  if wanted and not found then
    add_problem(report, "namespace", "check its name, or create it with client:ensure_namespace",
      "'%s' is not among the %d of the account", wanted, #list)
  elseif #list == 0 then
    add_warning(report, "namespace", "client:ensure_namespace makes one", "the account has none")
  else
    add_ok(report, "namespace", "%s", wanted and ("'%s' is there"):format(wanted)
      or ("%d in the account"):format(#list))
  end
end

local function add_answer(report, client, err, envelope, wanted)
  if err then
    -- What was refused came through: the parts before it are in order.
    if err.status and name_of_failure(err) ~= "connection" then
      add_ok(report, "connection", "the API answers")
    end
    return add_failure(report, err)
  end
  add_ok(report, "connection", "the API answers")
  add_ok(report, "token", "it is accepted")
  add_ok(report, "account", "%s", client.account_id)
  add_ok(report, "entitlement", "dispatch namespaces are allowed")
  add_namespaces(report, envelope, wanted)
end

-- ---- the clock ---------------------------------------------------------------------------------

-- The Date of an answer is in whole seconds and as old as the answer.
local SKEW_OK, SKEW_BAD = 5, 300

local function add_clock(report, response)
  local date = response.headers.date
  local time = date and hints.time_of_date(date)
  if not time then
    return add_warning(report, "clock", "see for yourself that the clock of this machine is right",
      "the answer has no date to compare it with")
  end
  local skew = clock.wall() - time
  local text = ("%.0f s %s the server's"):format(math.abs(skew), skew < 0 and "behind" or "before")
  if math.abs(skew) <= SKEW_OK then
    return add_ok(report, "clock", "it agrees with the server's")
  end
  local level = math.abs(skew) >= SKEW_BAD and "problem" or "warning"
  add(report, "clock", level, text, "set the clock of this machine, by NTP for instance")
end

-- ---- the allowance -----------------------------------------------------------------------------

local LOW = 0.1 -- of the allowance

local function add_budget(report, client, response)
  local left = response and (response.headers.ratelimit or ""):match "r=(%d+)"
  local quota = response and (response.headers["ratelimit-policy"] or ""):match "q=(%d+)"
  local seen = client:budget()
  left, quota = tonumber(left), tonumber(quota)
  if not left and seen then left, quota = seen.remaining, seen.limit end
  if not left then
    return add_ok(report, "budget", "the server does not tell what is left")
  end
  local text = ("%d requests left%s"):format(left, quota and (" of %d"):format(quota) or "")
  if left == 0 then
    local seconds = response and (response.headers.ratelimit or ""):match "t=(%d+)"
    local hint = seconds and ("wait %s s, until there are more"):format(seconds)
      or "wait until there are more"
    return add_problem(report, "budget", hint, "%s", text)
  end
  if quota and left < quota * LOW then
    return add_warning(report, "budget", "go slower, or wait some minutes", "%s", text)
  end
  add_ok(report, "budget", "%s", text)
end

-- ---- the way -----------------------------------------------------------------------------------

-- By scheme, in the order in which libcurl looks; it takes http_proxy in small letters alone.
local PROXIES = {
  https = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" },
  http = { "http_proxy", "all_proxy", "ALL_PROXY" },
}

local function variable_of(list)
  for _, name in ipairs(list) do
    local value = os.getenv(name)
    if value and value ~= "" then return name, value end
  end
end

-- Whether NO_PROXY names a host, or a domain that it is in.
local function goes_around(target)
  local name, list = variable_of { "no_proxy", "NO_PROXY" }
  for word in (list or ""):gmatch "[^,%s]+" do
    local domain = "." .. word:lower():gsub("^%.", "")
    if word == "*" or ("." .. target:lower()):sub(-#domain) == domain then return name end
  end
end

local function add_proxy(report, connection, err)
  local base = url.parse_base(connection.base)
  if connection.socket or url.is_loopback(base.host) then
    return add_ok(report, "proxy", "none: the target is on this machine")
  end
  local name, value = variable_of(PROXIES[base.scheme])
  if not name then return add_ok(report, "proxy", "none") end
  local around = goes_around(base.host)
  if around then return add_ok(report, "proxy", "none: %s names %s", around, base.host) end
  value = url.without_user(value)
  if not err or err.status then return add_ok(report, "proxy", "%s, by %s", value, name) end
  local hint = "is it up, and does it let %s through? NO_PROXY=%s goes around it"
  add_warning(report, "proxy", hint:format(base.host, base.host),
    "%s, by %s; nothing came through it", value, name)
end

-- What is wrong with the certificate is told as the failure of the request.
local function add_tls(report, connection, err)
  if connection.socket then return add_ok(report, "tls", "not needed: a private socket") end
  local base = url.parse_base(connection.base)
  if base.scheme == "https" then
    if err and name_of_failure(err) == "tls" then return end
    local file = connection.ca_file or select(2, variable_of { "SSL_CERT_FILE" })
    return add_ok(report, "tls", "certificates are checked%s", file and (" against " .. file) or "")
  end
  if url.is_loopback(base.host) then return add_ok(report, "tls", "not needed on this machine") end
  add_warning(report, "tls", "use https", "the credential travels in plain text")
end

local PRIVATE <const> = 63 -- the bits of a mode that are for others than the owner

local function add_state(report, client)
  local dir = client._state
  if not dir then return add_ok(report, "state", "none: the platform is not used") end
  local stat, err = moonherd_try(fs.stat, dir)
  if not stat then return add_problem(report, "state", err.hint, "%s", err.message) end
  local database = moonherd_try(fs.stat, fs.join(dir, "platform.db"))
  local size = database and ("%.0f KB"):format(database.size / 1024) or "no database yet"
  if (stat.mode or 0) & PRIVATE ~= 0 then
    return add_warning(report, "state", "chmod 700 " .. dir, "%s, %s, is open to other users", dir,
      size)
  end
  add_ok(report, "state", "%s, %s", dir, size)
end

--- The versions of what the program is made of.
---@return string text
function M.versions()
  local curl = require "moonherd._http".version():match "^%S+ %S+" -- and its TLS
  return ("moonherd %s, %s, %s"):format(host.version, _VERSION, curl)
end

-- ---- all of it ---------------------------------------------------------------------------------

local read = options.reader("client:doctor", { { "namespace", "string" } })

--- Looks at everything.
---@async
---@param client table
---@param opts? table  as for client:doctor
---@return table[] checks
function M.examine(client, opts)
  local wanted = read(opts).namespace
  if wanted then names.check_worker(wanted, "client:doctor", "a namespace") end
  local report = {}
  local connection = handles.connection(client)
  add_ok(report, "target", "%s", client._state and client.target or connection.base)
  local endpoint = endpoints.list_namespaces
  local response, err, envelope = ask(client, endpoint, endpoint.format:format(client._account))
  if err and not errors.is(err) then error(err, 0) end
  add_proxy(report, connection, err)
  add_tls(report, connection, err)
  add_answer(report, client, err, envelope, wanted)
  if response then add_clock(report, response) end
  add_budget(report, client, response)
  add_state(report, client)
  add_ok(report, "versions", "%s", M.versions())
  return report
end

return M
