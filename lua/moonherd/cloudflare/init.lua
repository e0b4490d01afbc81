-- moonherd.connect and the client: one account, one credential, one place that requests go to.
local Namespace = require "moonherd.cloudflare.namespace"
local budgets = require "moonherd.cloudflare.budgets"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local form = require "moonherd.cloudflare.form"
local handles = require "moonherd.cloudflare.handles"
local host = require "moonherd._host"
local json = require "moonherd.json"
local log = require "moonherd._log"
local methods = require "moonherd._methods"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"
local retries = require "moonherd.cloudflare.retry"
local targets = require "moonherd.cloudflare.target"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

--- One account, one credential, one place that requests go to: what moonherd.connect returns.
---@class client
---@field account_id string  the account that its calls are about
---@field target string  "local", "cloudflare", or the base URL
---@field dry_run boolean  whether its writes are told, not sent
local Client = {}
Client.__index = Client
Client.__name = "moonherd.client"

function Client:__tostring()
  return ("client of account %s at %s"):format(self.account_id, self.target)
end

-- ---- connecting --------------------------------------------------------------------------------

local read_connect = options.reader("moonherd.connect", {
  { "target", "string" }, { "account_id", "string" }, { "base_url", "string" },
  { "api_token", "string" }, { "api_email", "string" }, { "api_key", "string" },
  { "timeout", "duration" }, { "retry", "table|boolean" },
  { "budget", "table|boolean" },
  { "state", "string" }, { "ca_file", "string" },
  { "read_only", "boolean" }, { "dry_run", "boolean" },
})

-- The embedded platform takes any account; this one is meant when none is named.
local LOCAL_ACCOUNT = ("0"):rep(32)

-- The embedded platform: the same HTTP over a private socket, with the credential of its state.
local function place_of_platform(place)
  local socket, token = require "moonherd._platform".socket(place.state)
  if not socket then error(token, 0) end
  return {
    name = "local", base = "http://localhost/client/v4", socket = socket,
    state = place.state,
    account = place.account or LOCAL_ACCOUNT,
    credential = { token = token, source = "the embedded platform" },
  }
end

local function headers_of(credential)
  local headers = { ["user-agent"] = "moonherd/" .. host.version }
  if credential.token then
    log.hide(credential.token)
    headers.authorization = "Bearer " .. credential.token
  else
    log.hide(credential.key)
    headers["x-auth-email"], headers["x-auth-key"] = credential.email, credential.key
  end
  return headers
end

local function with_json(headers)
  local copy = { ["content-type"] = "application/json" }
  for name, value in pairs(headers) do copy[name] = value end
  return copy
end

local said = {}

-- Once for every place: where requests go, for whom, and who said so.
local function announce(place)
  local is_moved = place.name == "cloudflare" and place.base ~= targets.CLOUDFLARE
  local line = ("target %s%s, account %s, credential from %s"):format(place.name,
    is_moved and " at " .. place.base or "", place.account, place.credential.source)
  if said[line] then return end
  said[line] = true
  log.write("info", line)
end

local function client_at(place, opts)
  local headers = headers_of(place.credential)
  local client = setmetatable({
    account_id = place.account, target = place.name, dry_run = false,
    _account = url.encode(place.account), _state = place.state, _timeout = opts.timeout,
    _requests = 0, _retry = retries.policy(opts.retry), _budget = budgets.of(place, opts.budget),
  }, Client)
  handles.set_connection(client, {
    base = place.base, socket = place.socket, ca_file = opts.ca_file,
    headers = headers, json_headers = with_json(headers),
  })
  return client
end

-- What stands between the client and its target: nothing, as a rule.
local function set_gate(client, opts)
  if opts.read_only or host.options.read_only then
    client._gate = require "moonherd.cloudflare.read_only".gate
  elseif opts.dry_run or host.options.dry_run then
    client.dry_run = true
    client._gate, client._dry_details = require "moonherd.cloudflare.dry_run".gate(client,
      function (state)
        return client_at(place_of_platform { state = state, account = client.account_id }, {})
      end)
  end
end

local function check_dot(opts)
  if opts ~= nil and opts == package.loaded.moonherd then
    errors.usage("moonherd.connect: called with a colon; a dot is expected, moonherd.connect {…}")
  end
end

--- Connects to an account: on Cloudflare, on the embedded platform, or at a base URL. Makes no
--- request to Cloudflare. Where it goes: `--target`, else `target` here, else MOONHERD_TARGET, else
--- Cloudflare when the environment has a credential, else the embedded platform.
---
--- Calls that fail are sent again when the cause may pass: a failure of the network, 408, 425, 5xx,
--- a 409 that says so; an answer 429 does not count as an attempt. A write that may have been done
--- is looked for first: when what is live is what was sent, the call has succeeded, and its result
--- is what a read shows. So has a delete that finds nothing the second time. A namespace that is
--- there after such a create counts as made by it, unless it is older than the call; one that
--- somebody else has made in the same minute cannot be told apart. `client:request` does not send a
--- write again that may have been done: nothing shows whether it was.
---
--- Every request, each attempt of a call and each bucket of assets among them, is taken from a
--- budget: the service allows so many in a window, to a user or a token, and refuses everything for
--- five minutes to who asks for more. All clients, tasks and processes of this user of the machine
--- that have the same credential share one, by a file in `$XDG_STATE_HOME/moonherd` (else
--- `~/.local/state/moonherd`), in which no credential stands. Requests go at the pace that lasts,
--- and wait for their turn in order; what the service says of the allowance is heeded, and a block
--- is waited out, with lines in the log that count down. That time is not part of `timeout`.
---
--- Of every call that changes something and fails, `err.outcome` says whether it may have been done
--- all the same: "not_applied", or "unknown" when the connection broke after the first byte, the
--- call was stopped, or the server failed (5xx). Then `err.hint` names the call that shows it.
---@async
---@param opts? table
---@field opts.target? string  "local", "cloudflare" or a base URL; must agree with `--target`;
---  default: see above
---@field opts.account_id? string  default CLOUDFLARE_ACCOUNT_ID
---@field opts.api_token? string  default CLOUDFLARE_API_TOKEN
---@field opts.api_email? string  with api_key, instead of a token; default CLOUDFLARE_EMAIL
---@field opts.api_key? string  default CLOUDFLARE_API_KEY
---@field opts.base_url? string  where the API is, prefix included; default CLOUDFLARE_API_BASE_URL
---@field opts.timeout? duration  of every attempt of a call, seconds or "250ms"; default 60,
---  600 with code
---@field opts.retry? table|boolean  how failed calls are sent again; false: they are not; default
---  as below
---@field opts.retry.attempts? integer  how often a call is sent at most; default 5
---@field opts.retry.backoff? duration  the first pause, doubled each time, less up to half of
---  it by chance; default 0.5 seconds
---@field opts.retry.max_backoff? duration  the longest pause that nobody asked for; default 8
---@field opts.retry.max_wait? duration  the longest pause that a server may ask for, and how
---  long a call waits out answers 429 in all; default 15 minutes
---@field opts.budget? table|boolean  how requests are paced; false: they are not. Default true,
---  but false for the embedded platform and every other base URL on this machine
---@field opts.budget.group? string  one budget for all credentials that name the same group: the
---  tokens of one user, whom the service counts as one; default: a budget for each credential
---@field opts.budget.reserve? integer  requests of each window that are always left to others, such
---  as people on the dashboard; default a twentieth of the quota. Of several clients with one
---  budget the greatest counts
---@field opts.budget.quota? integer  requests in a window, until the service says; default 1200
---@field opts.budget.window? duration  until the service says; default 300 seconds
---@field opts.state? string  the state directory of the embedded platform; default .moonherd
---@field opts.ca_file? string  certificates to trust, PEM; default what SSL_CERT_FILE names, else
--- those of the system
---@field opts.read_only? boolean  refuse every call that would change something, as
---  --read-only does for all clients
---@field opts.dry_run? boolean  send reads alone, as --dry-run does for all clients: every write is
---  told in one line of the log, made on a copy of what is live, and answered from there. Reads
---  show what is live, before and after, of a namespace that was renamed under its new name too; in
---  a namespace that was made they show the copy.
---  script:wait_live gives what the copy has. With read_only, writes are refused all the same
---@return client client
---@error usage target_conflict  when the command line names another target or account
---@error usage target_missing  when CI is set and nothing names a target
---@error usage guarded  when the script names a place of its own and brings no credential, under a
---  guard that keeps the environment's
---@error usage no_credential  when there is none; no_account likewise
---@error usage virtual_clock  when the clock is virtual and the target not on this machine
---@error usage insecure_base_url  when a credential would travel in plain http
---@error usage read_only  later, of every call that would change something, when that is refused
---@error usage not_in_dry_run  later, of a write by client:request to anything else
---@error io platform_failed  when the embedded platform cannot be started; when its state directory
---  is why: disk_full, locked, read_only, corrupt, newer, permission, …
---@example
--- local client = moonherd.connect { target = "local" }
function M.connect(opts)
  check_dot(opts)
  opts = read_connect(opts)
  local place = targets.choose(opts, host.options)
  if place.name == "local" then place = place_of_platform(place) end
  announce(place)
  local client = client_at(place, opts)
  set_gate(client, opts)
  return client
end

-- ---- namespaces --------------------------------------------------------------------------------

--- Lists the dispatch namespaces of the account.
---@async
---@return table[] namespaces  details of each, as namespace:details gives them
---@error as client:request
---@example
--- for _, details in ipairs(client:namespaces()) do print(details.namespace_name) end
function Client:namespaces()
  return transport.call(self, endpoints.list_namespaces) or {}
end

--- A handle to a namespace. Makes no request: the namespace need not exist.
---@param name string
---@return namespace namespace
---@error usage usage  when the name is empty or no text
---@example
--- print(client:namespace("examples").name) --> examples
function Client:namespace(name)
  return Namespace.new(self, name, "client:namespace")
end

--- Creates a dispatch namespace.
---@async
---@param name string
---@return namespace namespace  a handle
---@return table details  as namespace:details gives them
---@error api namespace_exists  when the name is taken
---@example
--- local staging = client:create_namespace "staging"
--- print(staging:details().script_count) --> 0
function Client:create_namespace(name)
  local namespace = Namespace.new(self, name, "client:create_namespace")
  local body = json.encode { name = name }
  return namespace, (transport.call(self, endpoints.create_namespace, nil, body))
end

--- A handle to a namespace that exists: created when it is missing. Two that do it at once both
--- succeed.
---@async
---@param name string
---@return namespace namespace
---@error as client:request
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
function Client:ensure_namespace(name)
  local namespace = Namespace.new(self, name, "client:ensure_namespace")
  if transport.prepare(namespace.exists, namespace) then return namespace end
  local created, err = moonherd_try(self.create_namespace, self, name)
  if not created and err.reason ~= "namespace_exists" then error(err, 0) end
  return namespace
end

-- ---- anything else -----------------------------------------------------------------------------

--- What the client has done so far.
---@return table stats
---@field stats.requests integer  how many HTTP requests were sent, each attempt counted; in a dry
---  run
---  the reads, those of the copies among them
---@error none
---@example
--- print(client:stats().requests > 0) --> true
function Client:stats()
  return { requests = self._requests }
end

--- What is left of the allowance of requests, as far as this machine knows. Makes no request.
---@async
---@return table? budget  nil for a client without one
---@field budget.remaining integer  how many requests may still go, without the reserve
---@field budget.reset number  seconds until there are more
---@field budget.limit integer  the quota: how many requests a window allows
---@field budget.window number  seconds of the window
---@field budget.reserve integer  how many requests of each window are left to others
---@field budget.used integer  how many requests this process has sent
---@field budget.waiting integer  how many calls of this process wait for their turn
---@field budget.blocked? number  for how many seconds the service refuses everything; nil when it
---  does not
---@field budget.group? string  as moonherd.connect was given it; else nil
---@error cancelled cancelled  when the task is cancelled while it reads the file of the budget
---@example
--- local budget = moonherd.connect { target = "local", budget = true }:budget()
--- print(budget.limit, budget.window) --> 1200 300
function Client:budget()
  return self._budget and self._budget:view()
end

--- Looks at what may stand between the client and its target: token, account, entitlement,
--- namespaces, allowance, clock, proxy, TLS, state directory, versions. Sends one request, changes
--- nothing, and raises nothing that it finds. `moonherd doctor` prints it.
---@async
---@param opts? table
---@field opts.namespace? string  a dispatch namespace to look for, too; default none
---@return table[] checks  in order
---@field checks[].name string  what was looked at: "token", "clock", …
---@field checks[].status string  "ok", "warning" or "problem"
---@field checks[].text string  what was seen
---@field checks[].hint? string  what to do about it; nil when there is nothing to do
---@error usage usage  when the options are wrong; what it finds is never raised
---@example
--- for _, check in ipairs(client:doctor()) do
---   if check.status ~= "ok" then print(check.name, check.text, check.hint) end
--- end
function Client:doctor(opts)
  return require "moonherd.cloudflare.doctor".examine(self, opts)
end

local read_request = options.reader("client:request", {
  { "method", "string", default = "GET" }, { "path", "string" }, { "query", "table" },
  { "json", "any" }, { "form", "table" }, { "body", "string" }, { "content_type", "string" },
})

local function check_path(path)
  if not path then errors.usage("client:request: option 'path' is missing") end
  if path:sub(1, 1) ~= "/" or path:find "[%c%s#]" then
    errors.usage("client:request: bad option 'path' (a path like '/accounts/{account_id}/workers' "
      .. "is expected, percent-encoded, got '%s')", path)
  end
  return path
end

local function body_of(opts)
  local given = (opts.json ~= nil and 1 or 0) + (opts.form and 1 or 0) + (opts.body and 1 or 0)
  if given > 1 then errors.usage("client:request: json, form and body: give one of them") end
  if opts.json ~= nil then return json.encode(opts.json) end
  if opts.form then return form.of_fields(opts.form, "client:request") end
  if not opts.body then return nil end
  if not opts.content_type then
    errors.usage("client:request: option 'body' needs 'content_type'")
  end
  return { segments = { opts.body }, content_type = opts.content_type }
end

--- Sends one raw request below the base URL, for what has no method of its own. It is judged like
--- every other call: failures are raised. Nulls of the answer are kept as moonherd.json.null.
---@async
---@param opts table
---@field opts.method? string  default GET
---@field opts.path string  percent-encoded; `{account_id}` stands for the client's
---@field opts.query? table  name = value; a list repeats its name; default none
---@field opts.json? any  a body, sent as JSON. At most one of json, form and body; default none
---@field opts.form? table  a multipart body: name = text, or a table with content, filename,
---  content_type; instead of json
---@field opts.body? string  a body, sent as it is, with content_type; instead of json
---@field opts.content_type? string  of `body`, which is not sent without it
---@return any result  the `result` of the answer; its text when it is no JSON
---@return table envelope  the whole answer
---@error api auth  when the credential is missing, wrong, or may not do this
---@error api validation  when the request is refused; `err.errors` says why
---@error api rate_limited  when the allowance is used up for longer than `retry.max_wait`
---@error api server_error  when the server failed each time it was asked
---@error api bad_answer  when the answer is none of the API, such as a page of a proxy
---@error usage read_only  when the client is read-only and the method is not GET
---@error as moonherd.http.request  after the last attempt
---@example
--- local client = moonherd.connect { target = "local" }
--- local list = client:request { path = "/accounts/{account_id}/workers/dispatch/namespaces" }
function Client:request(opts)
  opts = read_request(opts)
  local path = check_path(opts.path):gsub("{account_id}", { ["{account_id}"] = self._account })
  local method = opts.method:upper()
  if not method:find "^%u+$" then errors.usage("client:request: bad option 'method'") end
  local body = body_of(opts)
  local endpoint = endpoints.of_request(method, path)
  local query = url.query(opts.query)
  if path:find "?" then query = query:gsub("^?", "&") end
  local result, envelope = transport.call_path(self, endpoint, path, query, body)
  return result, envelope
end

methods.guard(Client, "client")

return M
