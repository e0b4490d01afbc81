-- Judges an answer of the API: by its status and by `success`, whatever else the body looks like.
-- Takes the odd ones seen in the wild: errors and messages that are null, entries that are plain
-- strings, {"error": …, "code": …}, bodies that are empty, `null`, or HTML from the edge.
local json = require "moonherd.json"
local failures = require "moonherd.cloudflare.errors"
local hints = require "moonherd.cloudflare.hints"

local M = {}

local WITHOUT_NULLS = { nulls = false }
local WITH_NULLS = { nulls = true }
local EXCERPT = 200 -- bytes of a body that is not JSON that an error keeps

-- The start of a body for people: valid UTF-8 on one line.
local function excerpt_of(body)
  local text = body:sub(1, EXCERPT)
  local _, invalid = utf8.len(text)
  if invalid and invalid > #text - 4 and #body > EXCERPT then text = text:sub(1, invalid - 1) end
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]", "?") end
  return (text:gsub("[%c%s]+", " "))
end

local function entry_of(item)
  if item == json.null then return {} end
  if type(item) ~= "table" then return { message = tostring(item) } end
  if math.type(item.code) ~= "integer" then item.code = math.tointeger(tonumber(item.code)) end
  if type(item.message) ~= "string" then item.message = nil end
  return item
end

local function entries_of(list)
  local entries = {}
  if type(list) == "table" then
    for i, item in ipairs(list) do entries[i] = entry_of(item) end
  end
  return entries
end

local function errors_of(envelope)
  local entries = entries_of(envelope.errors)
  if #entries == 0 and envelope.error then
    local text = type(envelope.error) == "table" and envelope.error.message or envelope.error
    entries[1] = entry_of { code = envelope.code, message = text }
  end
  return entries
end

-- The body as a table: a success for no body at all, nothing for what is no table (the word null);
-- nil when it is not JSON.
local function decode(body, options)
  if body == "" then return { success = true } end
  local ok, value = pcall(json.decode, body, options)
  if not ok then return nil end
  return type(value) == "table" and value or {}
end

-- What the error table needs to know about an answer.
local function describe(response, envelope)
  local headers = response.headers
  return {
    status = response.status,
    errors = errors_of(envelope or {}), messages = entries_of(envelope and envelope.messages),
    ray_id = headers["cf-ray"], should_retry = headers["x-should-retry"],
    retry_after = hints.pause(headers, envelope),
    is_challenge = headers["cf-mitigated"] == "challenge",
    is_foreign = envelope == nil, excerpt = envelope == nil and excerpt_of(response.body) or nil,
  }
end

local function is_good(status)
  return status >= 200 and status < 300
end

-- Success without `success`: not an envelope at all, or a failure in disguise.
local function refuse(endpoint, response, envelope)
  local answer = describe(response, envelope)
  if not is_good(response.status) or answer.is_challenge then
    return nil, failures.of_answer(endpoint, answer)
  end
  if not envelope then
    return nil, failures.of_nonsense(answer, ("status %d with a body that is not JSON: %s"):format(
      response.status, answer.excerpt))
  end
  if envelope.success == false or #answer.errors > 0 then
    return nil, failures.of_answer(endpoint, answer)
  end
  return nil, failures.of_nonsense(answer, "the answer says neither success nor failure")
end

local function is_absent(endpoint, result)
  return endpoint.needs and (type(result) ~= "table" or result[endpoint.needs] == nil)
end

local function is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

local function is_text(value)
  return type(value) == "string"
end

local ITEMS = { list = is_object, texts = is_text }

local function is_list_of(fits, value)
  if not json.is_array(value) then return false end
  for _, item in ipairs(value) do
    if not fits(item) then return false end
  end
  return true
end

local function is_binding(value)
  return is_object(value) and is_text(value.name) and is_text(value.type)
end

-- What a member may have to be, and what is said of one that is not.
local MEMBERS = {
  text = { is_text, "no text" },
  count = { function (value) return math.type(value) == "integer" and value >= 0 end, "no count" },
  texts = { function (value) return is_list_of(is_text, value) end, "no list of texts" },
  bindings = {
    function (value) return is_list_of(is_binding, value) end, "no list of bindings",
  },
}

-- What is wrong with the members of an object, or nil. Each may be absent.
local function misfit_within(wanted, object)
  for name, kind in pairs(wanted) do
    local value, misfit = object[name], nil
    if type(kind) == "table" then
      misfit = value ~= nil and (is_object(value) and misfit_within(kind, value)
        or not is_object(value) and ("'%s' in the result is no object"):format(name))
    elseif value ~= nil and not MEMBERS[kind][1](value) then
      misfit = ("'%s' in the result is %s"):format(name, MEMBERS[kind][2])
    end
    if misfit then return misfit end
  end
end

-- What is wrong with a result, or nil. Lists may be null; an object may be, when it only repeats
-- what was written.
local function misfit_of(endpoint, result)
  local gives = endpoint.gives
  if gives == "object" then
    local fits = is_object(result) or result == nil and endpoint.class ~= "read"
    if not fits then return "the result is no object" end
  end
  local item = ITEMS[gives]
  if item and result ~= nil and not is_list_of(item, result) then return "the result is no list" end
  local members = endpoint.members
  return members and result ~= nil and misfit_within(members, result) or nil
end

-- The result in an envelope when it came without one.
local function enveloped(endpoint, body)
  local is_bare = endpoint.bare and body and body.success == nil and body[endpoint.bare] ~= nil
  return is_bare and { success = true, result = body } or body
end

local function judge_envelope(endpoint, response)
  local envelope = enveloped(endpoint, decode(response.body, WITHOUT_NULLS))
  if not (envelope and envelope.success == true and is_good(response.status)) then
    return refuse(endpoint, response, envelope)
  end
  if is_absent(endpoint, envelope.result) then
    return nil, failures.of_absence(endpoint, describe(response, envelope))
  end
  local misfit = misfit_of(endpoint, envelope.result)
  if misfit then return nil, failures.of_nonsense(describe(response, envelope), misfit) end
  return envelope
end

local function is_json(response)
  local content_type = response.headers["content-type"] or ""
  return content_type:find("^application/json") ~= nil or content_type:find "%+json" ~= nil
end

-- Content is no JSON: its envelope is made here, around the response.
local function judge_content(endpoint, response)
  local is_empty = response.status == 204
  if is_empty or is_good(response.status) and not is_json(response) then
    return { result = response }
  end
  return refuse(endpoint, response, decode(response.body, WITHOUT_NULLS))
end

-- client:request: a success that is JSON keeps its nulls, one that is not is handed over as it
-- came.
local function judge_raw(endpoint, response)
  if is_good(response.status) and not is_json(response) then return { result = response.body } end
  local envelope = is_good(response.status) and decode(response.body, WITH_NULLS)
  if envelope and envelope.success == true then return envelope end
  if envelope and envelope.success == nil then return { result = envelope } end
  return refuse(endpoint, response, decode(response.body, WITHOUT_NULLS))
end

local JUDGES = { envelope = judge_envelope, content = judge_content, raw = judge_raw }

--- Judges an answer.
---@param endpoint table  the row of the operation
---@param response table  what moonherd.http gave
---@return table? envelope  with `result`, and what else it had
---@return table? error  the error object, when it is a failure
function M.judge(endpoint, response)
  return JUDGES[endpoint.answer](endpoint, response)
end

--- The messages of an envelope as a list of {code=, message=}; nil when there are none.
---@param envelope table
---@return table? messages
function M.messages(envelope)
  local list = envelope.messages
  if type(list) ~= "table" or list[1] == nil then return nil end
  return entries_of(list)
end

return M
