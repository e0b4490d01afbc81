-- What the API's errors mean: a reason for scripts and a hint for people, by code, else by the
-- words of the message, else by status. Cloudflare changes its texts, so a text only refines what a
-- code says.
local errors = require "moonherd.error"

local M = {}

local AGAIN = "the fault is on the side of the server; try again"
local TOKEN = "check the token: is it complete, still valid, and allowed to edit Workers Scripts?"
local SLOWER = "Cloudflare allows 1,200 requests in 5 minutes; wait, then go slower"
local NO_SCRIPT = "check the name and the namespace, or upload the script first"
local NO_NAMESPACE = "check the name and the account, or create the namespace"
local EXPORTS = "correct the `exports` that the message names"
local REQUEST = "the message says which part of the request was refused"

local BY_CODE = {
  [971] = { "rate_limited", SLOWER },
  [7000] = { "no_route", "check the path of the request" },
  [7003] = { "no_route", "check the account id (32 hex digits) and the path of the request" },
  [9106] = { "auth", "no usable credential was sent; set CLOUDFLARE_API_TOKEN" },
  [10000] = { "auth", TOKEN },
  [10001] = { "content_type", "send the content type that the operation asks for" },
  [10002] = { "server_error", AGAIN },
  [10006] = { "invalid_code", "the code does not parse; check the module the message names" },
  [10007] = { "script_not_found", NO_SCRIPT },
  [10013] = { "server_error", AGAIN },
  [10015] = { "not_entitled", "the account has no Workers plan; choose one in the dashboard" },
  [10016] = { "invalid_name", "take lower-case letters, digits, - and _ for the script's name" },
  [10021] = { "validation", REQUEST },
  [10026] = { "invalid_body", "the body is not the JSON or the form the operation asks for" },
  [10027] = { "too_large", "10 MB compressed is the limit (3 MB on the free plan); send less" },
  [10035] = { "conflict", "somebody else is changing the same thing; try again" },
  [10041] = { "target_not_found", "create the KV namespace, or correct the binding" },
  [10052] = { "binding_unnamed", "give every binding a name" },
  [10053] = { "binding_name_taken", "two bindings want this name; rename or remove one" },
  [10054] = { "binding_too_large", "a value may have 5 KB; keep larger ones in KV or R2" },
  [10055] = { "too_many_bindings", "128 variables and secrets are the limit (64 when free)" },
  [10056] = { "binding_not_found", "there is no secret of this name; check its spelling" },
  [10057] = {
    "binding_not_found", "no live value to inherit; give one, or moonherd.inherit{default=…}",
  },
  [10061] = { "class_not_exported", "export the Durable Object class from the main module" },
  [10068] = { "no_handlers", "export a handler: export default { fetch(request) { … } }" },
  [10069] = { "unsupported_handlers", "remove the event handlers that the message names" },
  [10074] = { "class_exists", "an earlier migration created the class; send only later ones" },
  [10079] = { "migration_conflict", "set migrations.old_tag to the script's migration_tag" },
  [10085] = { "target_not_found", "create the R2 bucket, or correct the binding" },
  [10090] = { "script_not_found", NO_SCRIPT },
  [10092] = { "script_not_found", NO_SCRIPT },
  [10121] = { "not_entitled", "buy Workers for Platforms for the account in the dashboard" },
  [10144] = { "target_not_found", "deploy the Worker that the binding names, or correct it" },
  [10157] = { "target_not_found", "create the Hyperdrive configuration, or correct the binding" },
  [10159] = { "target_not_found", "create the Vectorize index, or correct the binding" },
  [10181] = { "target_not_found", "create the D1 database, or correct the binding" },
  [10182] = { "target_not_found", "create the secret in its store, or correct the binding" },
  [10405] = { "method_not_allowed", "the path exists, but not for this method" },
  [11000] = { "target_not_found", "create the queue, or correct the binding" },
  [100119] = { "namespace_not_found", NO_NAMESPACE },
  [100120] = { "namespace_exists", "client:ensure_namespace takes one that is there" },
  [100143] = { "target_not_found", "upload the certificate, or correct the binding" },
  [100402] = { "invalid_exports", EXPORTS },
  [100405] = { "invalid_exports", EXPORTS },
  [100406] = { "invalid_exports", EXPORTS },
}

-- Refusals whose codes are not documented, told apart by their words.
local BY_TEXT = {
  { "limit of %d+ tags", "too_many_tags", "a script may have 10 tags; remove one first" },
  { "[Tt]ag is too large", "tag_too_large", "a tag may have 1024 bytes" },
  { "assets binding without assets", "assets_missing", "keep the assets, or remove the binding" },
}

local NOT_FOUND = {
  script = { "script_not_found", NO_SCRIPT },
  namespace = { "namespace_not_found", NO_NAMESPACE },
  account = { "not_found", "check the path and the account id" },
}

local BY_STATUS = {
  [400] = { "validation", REQUEST },
  [401] = { "auth", TOKEN },
  [403] = { "forbidden", "the credential may not do this; check its permissions and account" },
  [405] = { "method_not_allowed", "the path exists, but not for this method" },
  [408] = { "server_timeout", "the server waited too long for the request; try again" },
  [409] = { "conflict", "somebody else has changed the same thing" },
  [412] = { "precondition_failed", "the state has changed since it was read; read it again" },
  [413] = { "too_large", "send less" },
  [415] = { "content_type", "send the content type the operation asks for" },
  [422] = { "validation", REQUEST },
  [425] = { "too_early", "try again" },
  [429] = { "rate_limited", SLOWER },
}

local SERVER_ERROR = { "server_error", AGAIN }
local CHALLENGE = { "challenge", "Cloudflare's own protection stopped the request; "
  .. "try from another address, or tell its support the ray id" }
local NO_API = { "bad_answer", "is this the API? check the base URL and any proxy between" }
local UNNAMED = { "refused", "the message says why" }

local function by_text(text)
  for _, row in ipairs(BY_TEXT) do
    if text:find(row[1]) then return { row[2], row[3] } end
  end
end

-- The entry that says most: the first with a code we know, else the first.
local function telling_entry(entries)
  for _, entry in ipairs(entries) do
    if BY_CODE[entry.code] then return entry end
  end
  return entries[1] or {}
end

local function by_status(status, scope)
  if status == 404 then return NOT_FOUND[scope] end
  return BY_STATUS[status] or (status >= 500 and SERVER_ERROR) or UNNAMED
end

--- What is known of the codes of the API.
---@return table[] codes  in order: `code`, `reason`, `hint`
function M.codes()
  local list = {}
  for code, row in pairs(BY_CODE) do
    list[#list + 1] = { code = code, reason = row[1], hint = row[2] }
  end
  table.sort(list, function (a, b) return a.code < b.code end)
  return list
end

-- {reason, hint} of a failed answer.
local function meaning(endpoint, answer, entry)
  if answer.is_challenge then return CHALLENGE end
  if answer.is_foreign and (answer.status < 400 or answer.status == 404) then return NO_API end
  local row = BY_CODE[entry.code]
  if not row or row[1] == "validation" then row = by_text(entry.message or "") or row end
  return row or by_status(answer.status, endpoint.scope)
end

-- Statuses that say: not done, ask again. 5xx says nothing about whether it was done.
local NOT_DONE = { [408] = true, [425] = true, [429] = true }

-- Whether the same request may be sent again with a chance: a server's own word (x-should-retry)
-- goes first, and what may have been done already is only repeated where that is harmless.
local function is_retryable(endpoint, answer, code)
  if answer.should_retry then return answer.should_retry == "true" end
  if NOT_DONE[answer.status] or code == 971 or code == 10035 then return true end
  return answer.status >= 500 and endpoint.class ~= "create"
end

local LONGEST = 2000 -- bytes of a message that are shown; `errors` has all of it

-- The beginning of a text, which is valid UTF-8, without half a character at its end.
local function shortened(text)
  if #text <= LONGEST then return text end
  return text:sub(1, LONGEST):gsub("[\xC0-\xF4][\x80-\xBF]*$", "") .. "..."
end

local function text_of(answer, entry)
  local why = answer.excerpt and "and an answer that is not the API's: " .. answer.excerpt
  local text = entry.message and shortened(entry.message)
    or ("status %d %s"):format(answer.status, why or "without an explanation")
  local more = #answer.errors - 1
  return more > 0 and ("%s (and %d more)"):format(text, more) or text
end

local SAID = { ["true"] = true, ["false"] = false }

--- The error object of an answer that is a failure.
---@param endpoint table  the row of the operation
---@param answer table  {status=, errors=, messages=, ray_id=, excerpt=, is_challenge=, is_foreign=,
---  should_retry=, retry_after=}
---@return table error
function M.of_answer(endpoint, answer)
  local entry = telling_entry(answer.errors)
  local row = meaning(endpoint, answer, entry)
  return errors.new {
    kind = "api", reason = row[1], hint = row[2],
    message = text_of(answer, entry), code = entry.code,
    errors = answer.errors, messages = answer.messages,
    status = answer.status, ray_id = answer.ray_id, body = answer.excerpt,
    should_retry = SAID[answer.should_retry],
    retryable = is_retryable(endpoint, answer, entry.code), retry_after = answer.retry_after,
  }
end

--- The error object of a success that says, by what it lacks, that the thing does not exist.
---@param endpoint table
---@param answer table  as for of_answer
---@return table error
function M.of_absence(endpoint, answer)
  local row = NOT_FOUND[endpoint.scope]
  return errors.new {
    kind = "api", reason = row[1], hint = row[2], message = "it does not exist",
    errors = answer.errors, messages = answer.messages,
    status = answer.status, ray_id = answer.ray_id, retryable = false,
  }
end

--- The error object of a success that is not what the operation promises.
---@param answer table  as for of_answer
---@param why string
---@return table error
function M.of_nonsense(answer, why)
  return errors.new {
    kind = "api", reason = NO_API[1], hint = NO_API[2], message = why, errors = {},
    status = answer.status, ray_id = answer.ray_id, body = answer.excerpt, retryable = false,
  }
end

--- Whether a transfer that failed below HTTP may be sent again: when nothing of it left, or when a
--- second time does no harm.
---@param endpoint table
---@param err table  what moonherd.http raised
---@return boolean
function M.is_transfer_retryable(endpoint, err)
  return err.retryable == true and (err.sent == false or endpoint.class ~= "create")
end

-- ---- whether it may go away --------------------------------------------------------------------

-- Failures of a transfer that another one may not meet.
local PASSING = {
  timeout_connect = true, timeout_stall = true, timeout_total = true, dns_failed = true,
  connect_failed = true, send_failed = true, connection_reset = true,
}

--- Whether the cause of a failure may go away by itself: the network's, 408, 425, 429, 5xx, a 409
--- that says so. Whether the request may be sent again is another question.
---@param err table  the error object
---@return boolean
function M.is_passing(err)
  if err.sent ~= nil then return PASSING[err.reason] == true end
  if err.status == nil or err.reason == "challenge" or err.should_retry == false then
    return false
  end
  if NOT_DONE[err.status] or err.code == 971 or err.code == 10035 then return true end
  return err.status >= 500 or err.reason == "server_error"
end

--- Whether a failure may mean that less should be sent at once: gateways that gave up, transfers
--- that came to a halt.
---@param err table
---@return boolean
function M.is_overload(err)
  if err.status then return err.status > 500 and err.reason ~= "challenge" end
  return err.kind == "timeout" or err.reason == "connection_reset"
end

--- What an error keeps of an attempt.
---@param err table
---@return table entry
function M.history_entry(err)
  return {
    kind = err.kind, reason = err.reason, message = err.message,
    status = err.status, code = err.code, ray_id = err.ray_id, outcome = err.outcome,
  }
end

-- ---- whether a write was done ------------------------------------------------------------------

-- Below HTTP, from the first byte on that has left; a call that was stopped does not say. An
-- answer that refuses says: not done; one that speaks of a fault, or is not the API's, leaves it
-- open.
local function may_be_done(err)
  if err.sent ~= nil then return err.sent end
  if err.status == nil then return err.kind == "timeout" or err.kind == "cancelled" end
  if err.reason == "challenge" or err.reason == "rate_limited" then return false end
  if err.status >= 500 or err.reason == "server_error" then return true end
  return err.status < 300 and err.reason == "bad_answer"
end

--- Says of a write that failed, in `outcome`, whether it may have been done all the same, and in
--- the hint how to find out. Reads have no outcome.
---@param endpoint table  the row of the operation
---@param err table  the error object
function M.set_outcome(endpoint, err)
  if endpoint.class == "read" then return end
  if not may_be_done(err) then
    err.outcome = "not_applied"
    return
  end
  err.outcome = "unknown"
  if endpoint.shown_by then
    err.hint = ("it may have been done all the same: %s shows whether it was"):format(
      endpoint.shown_by)
  end
end

--- The same of an operation of several requests, when what failed or was stopped is no write and so
--- says nothing of one.
---@param err any
---@param outcome string  "not_applied" before the first write, "unknown" behind it
function M.add_outcome(err, outcome)
  if errors.is(err) then err.outcome = err.outcome or outcome end
end

return M
