-- Guesses which events a Worker handles by looking at its source, because the platform does not run
-- it. A guess by text: strings that hold braces can hide a handler, and then the usual answer,
-- `fetch`, is given.

local M = {}

local EVENTS = { "fetch", "scheduled", "queue", "email", "tail", "trace", "test", "alarm" }
local IDENTIFIER = "([%a_$][%w_$]*)"

-- The first match of an anchored `pattern` after any plain occurrence of `word`; several captures.
-- Looking for the plain word first keeps a long source cheap.
local function find_after(source, word, pattern)
  local at = 1
  while true do
    local from, to = source:find(word, at, true)
    if not from then
      return nil
    end
    local captures = { source:match("^" .. pattern, to + 1) }
    if captures[1] then
      return table.unpack(captures)
    end
    at = to + 1
  end
end

-- The text directly inside the braces that open at `at`, without what nests deeper.
local function members(source, at)
  local body = source:match("^%b{}", at)
  if not body then
    return nil
  end
  local flat = body:sub(2, -2):gsub("%b{}", "{}"):gsub("/%*.-%*/", ""):gsub("//[^\n]*", "")
  return flat:gsub("%b()", "()")
end

-- `fetch() {}`, `fetch: handler`, `fetch = () => {}`, or `fetch` alone between commas.
local function has_member(flat, name)
  local pattern = "%f[%w_$]" .. name .. "%f[^%w_$]%s*([(:=,]?)"
  local mark = (flat .. ","):match(pattern)
  return mark ~= nil and mark ~= ""
end

local function events_in(source, at)
  local found, flat = {}, members(source, at)
  for _, event in ipairs(flat and EVENTS or {}) do
    if has_member(flat, event) then
      found[#found + 1] = event
    end
  end
  return found
end

-- Where the braces of `name`'s class or object open.
local function definition(source, name)
  local exact = name:gsub("%$", "%%$")
  return find_after(source, "class", "%s+" .. exact .. "%f[^%w_$][^{]*(){")
    or find_after(source, name, "%s*=%s*(){")
    or find_after(source, name, "%s*=%s*class[^{]*(){")
end

-- The pairs of `export { local as public }` lists.
local function export_lists(source)
  local pairs_found, at = {}, 1
  while true do
    local from, to = source:find("export", at, true)
    if not from then
      return pairs_found
    end
    for item in (source:match("^%s*{([^}]*)}", to + 1) or ""):gmatch "[^,]+" do
      local inner = item:match("^%s*" .. IDENTIFIER)
      local outer = item:match("%sas%s+" .. IDENTIFIER) or inner
      pairs_found[#pairs_found + 1] = inner and { inner, outer } or nil
    end
    at = to + 1
  end
end

local function default_name(source, lists)
  for _, pair in ipairs(lists) do
    if pair[2] == "default" then
      return pair[1]
    end
  end
  return find_after(source, "export", "%s+default%s+" .. IDENTIFIER .. "%s*[;\r\n]")
    or find_after(source, "export", "%s+default%s+" .. IDENTIFIER .. "%s*$")
end

local function default_events(source, lists)
  local at = find_after(source, "export", "%s+default%s*(){")
    or find_after(source, "export", "%s+default%s+class[^{]*(){")
  if not at then
    local name = default_name(source, lists)
    at = name and definition(source, name)
  end
  return at and events_in(source, at) or {}
end

local function each_named_class(source, lists)
  local named = {}
  for name in source:gmatch("export%s+class%s+" .. IDENTIFIER) do
    named[#named + 1] = { name, name }
  end
  for _, pair in ipairs(lists) do
    if pair[2] ~= "default" then
      named[#named + 1] = pair
    end
  end
  return named
end

local function or_fetch(events)
  return events[1] and events or { "fetch" }
end

--- The handlers of an ES module: its events, and for each named export of a class or object
--- { name, handlers }.
function M.module(source)
  local lists = export_lists(source)
  local named = {}
  for _, pair in ipairs(each_named_class(source, lists)) do
    local at = definition(source, pair[1])
    if at then
      named[#named + 1] = { name = pair[2], handlers = events_in(source, at) }
    end
  end
  return or_fetch(default_events(source, lists)), named
end

--- The events a service worker listens to.
function M.service_worker(source)
  local events, seen = {}, {}
  for event in source:gmatch "addEventListener%s*%(%s*[\"'`](%a+)" do
    if not seen[event] then
      seen[event] = true
      events[#events + 1] = event
    end
  end
  return or_fetch(events)
end

--- Whether a source holds nothing that could handle an event.
function M.is_empty(source)
  return not source:find "%S"
end

return M
