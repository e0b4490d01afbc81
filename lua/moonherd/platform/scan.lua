-- Guesses which events a Worker handles by looking at its source, because the platform does not run
-- it. A guess by text: strings that hold braces can hide a handler, and then the usual answer,
-- `fetch`, is given.
--
-- Nothing waits while this runs, so it must take time in proportion to the source, whatever that
-- holds: patterns that could look through all of it again and again are given a few bytes of it.

local M = {}

local EVENTS = { "fetch", "scheduled", "queue", "email", "tail", "trace", "test", "alarm" }
local IDENTIFIER = "([%a_$][%w_$]*)"
local WORD = "%f[%w_$]" .. IDENTIFIER
local NEAR = 256 -- bytes between a word and what has to follow it
local MOST_EXPORTS = 64 -- named exports that are looked at

-- The match of an anchored pattern near `at`; a place that it captures is one of the source.
local function match_near(source, at, pattern)
  local found = source:sub(at, at + NEAR):match("^" .. pattern)
  return math.type(found) == "integer" and found + at - 1 or found
end

-- The first match of `pattern` after any plain occurrence of `word`.
local function find_after(source, word, pattern)
  local from, to = source:find(word, 1, true)
  while from do
    local found = match_near(source, to + 1, pattern)
    if found then
      return found
    end
    from, to = source:find(word, to + 1, true)
  end
end

local function without_comments(text)
  local kept, at = {}, 1
  local from = text:find("/*", 1, true)
  while from do
    local _, to = text:find("*/", from + 2, true)
    if not to then
      break
    end
    kept[#kept + 1] = text:sub(at, from - 1)
    at = to + 1
    from = text:find("/*", at, true)
  end
  kept[#kept + 1] = text:sub(at)
  return (table.concat(kept):gsub("//[^\n]*", ""))
end

-- Without what stands between parentheses; those that never close hide the rest.
local function without_arguments(text)
  local kept, depth, at = {}, 0, 1
  for place, mark in text:gmatch "()([()])" do
    if mark == "(" then
      kept[#kept + 1] = depth == 0 and text:sub(at, place) or nil
      depth = depth + 1
    elseif depth > 0 then
      depth, at = depth - 1, place
    end
  end
  kept[#kept + 1] = depth == 0 and text:sub(at) or nil
  return table.concat(kept)
end

-- The text directly inside the braces that open at `at`, without what nests deeper.
local function members(source, at)
  local body = source:match("^%b{}", at)
  if not body then
    return nil
  end
  local flat = body:sub(2, -2):gsub("%b{}", "{}")
  return without_arguments(without_comments(flat))
end

-- Whether a name is a member: `fetch() {}`, `fetch: handler`, `fetch = () => {}`, or `fetch` alone
-- between commas. Where a name is met first decides.
local function member_names(flat)
  local is_member = {}
  for name, mark in (flat .. ","):gmatch "([%w_$]+)%s*([(:=,]?)" do
    if is_member[name] == nil then
      is_member[name] = mark ~= ""
    end
  end
  return is_member
end

local function events_in(source, at)
  local flat = members(source, at)
  local found, is_member = {}, flat and member_names(flat) or {}
  for _, event in ipairs(EVENTS) do
    found[#found + 1] = is_member[event] and event or nil
  end
  return found
end

-- Where the braces of each class or object open, by its name.
local function read_definitions(source)
  local opens = {}
  local function note(pattern, following)
    for name, at in source:gmatch(pattern) do
      opens[name] = opens[name] or match_near(source, at, following)
    end
  end
  note("class%s+" .. IDENTIFIER .. "()", "[^{]*(){")
  note(WORD .. "%s*=%s*(){", "(){")
  note(WORD .. "%s*=%s*class()", "[^{]*(){")
  return opens
end

-- The same, read when the first name is asked for: most Workers define their handlers where they
-- export them, and reading costs more than all else here.
local function definitions(source)
  return setmetatable({}, {
    __index = function (opens, name)
      for known, at in pairs(read_definitions(source)) do
        rawset(opens, known, at)
      end
      setmetatable(opens, nil)
      return rawget(opens, name)
    end,
  })
end

-- The pairs of `export { local as public }` lists.
local function export_lists(source)
  local pairs_found = {}
  local from, to = source:find("export", 1, true)
  while from do
    local open = source:match("^%s*(){", to + 1)
    local close = open and source:find("}", open, true)
    for item in source:sub(open or 1, close or 0):gmatch "[^{},]+" do
      local inner = item:match("^%s*" .. IDENTIFIER)
      local outer = item:match("%sas%s+" .. IDENTIFIER) or inner
      pairs_found[#pairs_found + 1] = inner and { inner, outer } or nil
    end
    if open and not close then
      break
    end
    from, to = source:find("export", (close or to) + 1, true)
  end
  return pairs_found
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

local function default_events(source, lists, opens)
  local at = find_after(source, "export", "%s+default%s*(){")
    or find_after(source, "export", "%s+default%s+class[^{]*(){")
  if not at then
    local name = default_name(source, lists)
    at = name and opens[name]
  end
  return at and events_in(source, at) or {}
end

local function each_named_class(source, lists)
  local named = {}
  local from, to = source:find("export", 1, true)
  while from do
    local name = match_near(source, to + 1, "%s+class%s+" .. IDENTIFIER)
    named[#named + 1] = name and { name, name }
    from, to = source:find("export", to + 1, true)
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
  local lists, opens, named = export_lists(source), definitions(source), {}
  for i, pair in ipairs(each_named_class(source, lists)) do
    local at = opens[pair[1]]
    if at and i <= MOST_EXPORTS then
      named[#named + 1] = { name = pair[2], handlers = events_in(source, at) }
    end
  end
  return or_fetch(default_events(source, lists, opens)), named
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
