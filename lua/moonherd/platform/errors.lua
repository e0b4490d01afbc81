-- The error table of the API: code -> status, message and page. A handler that cannot go on calls
-- `refuse`; platform/init.lua turns what it raises into a failure envelope. Messages are the
-- service's own words and are compared by clients: do not reword them.

local json = require "moonherd.json"

local M = {}

local ERRORS_PAGE = "https://developers.cloudflare.com/workers/observability/errors/"
local LIMITS_PAGE = "https://developers.cloudflare.com/workers/platform/limits/"
local RATES_PAGE = "https://developers.cloudflare.com/fundamentals/api/reference/limits/"
local NAMESPACES_PAGE =
  "https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/"

-- code -> { status, message, page }. Where the service writes a message for the occasion, the one
-- here is what is left when the caller has nothing better to say.
local KNOWN = {
  [971] = { 429, "Please wait and consider throttling your request speed", RATES_PAGE },
  [7000] = { 404, "No route for that URI" },
  [7003] = { 404, "Could not route to %s, perhaps your object identifier is invalid?" },
  [9106] = { 400, "Authentication failed (status: 400)" },
  [10000] = { 401, "Authentication error" },
  [10001] = { 415, "Content-Type must be one this endpoint accepts" },
  [10002] = { 500, "workers.api.error.internal_server" },
  [10006] = { 400, "Could not parse your Worker's code", ERRORS_PAGE },
  [10007] = { 404, "This Worker does not exist on your account.", ERRORS_PAGE },
  [10013] = { 500, "workers.api.error.unknown" },
  [10015] = { 403, "Account is not entitled to use Workers", ERRORS_PAGE },
  [10016] = { 400, "workers.api.error.invalid_script_name", ERRORS_PAGE },
  [10021] = { 400, "validation failed", ERRORS_PAGE },
  [10026] = { 400, "Could not parse request body", ERRORS_PAGE },
  [10027] = { 413, "Your Worker exceeded the size limit", LIMITS_PAGE .. "#worker-size" },
  [10052] = { 400, "Binding is missing a name", ERRORS_PAGE },
  [10053] = {
    400,
    "Binding name '%s' already in use. Please use a different name and try again.",
  },
  [10054] = { 400, "Binding '%s' exceeds the size limit of 5 KB", ERRORS_PAGE },
  [10055] = { 400, "A Worker can have at most %d variables and secrets", ERRORS_PAGE },
  [10056] = {
    404,
    "Binding '%s' not found. Please use a different name and try again.",
    ERRORS_PAGE,
  },
  [10057] = { 400, "inherit binding '%s' is invalid: the previous version has no such binding" },
  [10068] = { 400, "The uploaded script has no registered event handlers.", ERRORS_PAGE },
  [10074] = {
    400,
    "Cannot apply new-class migration to class '%s' that is already depended on by existing "
      .. "Durable Objects",
  },
  [10079] = { 412, "Migration tag precondition failed; current tag is '%s'" },
  [10090] = { 404, "workers.api.error.service_not_found" },
  [10092] = { 404, "workers.api.error.environment_not_found" },
  [10121] = {
    403,
    "You do not have access to dispatch namespaces. You can purchase it within the Cloudflare "
      .. "dashboard here: https://dash.cloudflare.com?to=/:account/workers-for-platforms",
    NAMESPACES_PAGE,
  },
  [10405] = { 405, "Method not allowed" },
  [100119] = { 404, "The specified dispatch namespace does not exist on this account." },
  [100120] = { 409, "A dispatch namespace with this name already exists." },
}

-- Clients of the official SDKs repeat every 409; this one will not go away by repeating.
local HEADERS = { [100120] = { ["x-should-retry"] = "false" } }

local Refusal = {}
Refusal.__index = Refusal

function Refusal:__tostring()
  local first = self.entries[1]
  return ("%d %s [code: %d]"):format(self.status, first.message, first.code)
end

--- One entry of `errors`. `about` may hold `message` (instead of the table's), `subject` (what the
--- table's message is about) and `pointer` (the place in the request).
function M.entry(code, about)
  local known = KNOWN[code]
  about = about or {}
  return {
    code = code,
    message = about.message or known[2]:format(about.subject),
    documentation_url = known[3],
    source = about.pointer and { pointer = about.pointer } or nil,
  }
end

--- Ends the call with several entries; the first decides the status.
function M.refuse_all(entries, about)
  local code = entries[1].code
  local refusal = {
    status = about and about.status or KNOWN[code][1],
    entries = entries,
    headers = about and about.headers or HEADERS[code],
  }
  error(setmetatable(refusal, Refusal), 0)
end

--- Ends the call with one entry. `about` as for `entry`, with `status` and `headers` where they
--- differ from the table.
function M.refuse(code, about)
  M.refuse_all({ M.entry(code, about) }, about)
end

--- Ends the call with 10021, the code of every validation problem.
function M.invalid(message, pointer)
  M.refuse(10021, { message = message, pointer = pointer })
end

function M.is_refusal(value)
  return getmetatable(value) == Refusal
end

--- The failure envelope of a refusal, as text.
function M.envelope(refusal, messages)
  return ('{"success":false,"errors":%s,"messages":%s,"result":null}'):format(
    json.encode(json.array(refusal.entries)),
    json.encode(json.array(messages or {}))
  )
end

return M
