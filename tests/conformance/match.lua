-- The small language that cases say their expectations in. A plain value stands for itself; a table
-- with names for an object that has at least these; a list for a list of exactly these; the
-- functions below for anything else. Strings may hold what was saved: "{tag}".

local json = require "moonherd.json"

local M = {}

local Matcher = {}

local function matcher(description, check)
  return setmetatable({ description = description, check = check }, Matcher)
end

local function show(value)
  if value == nil then return "nothing" end
  local is_encoded, text = pcall(json.encode, value)
  text = is_encoded and text or tostring(value)
  return #text > 200 and text:sub(1, 200) .. "…" or text
end

local function differs(where, expected, value)
  return ("%s: expected %s, got %s"):format(where, expected, show(value))
end

--- A text with the names in braces replaced that are known; a text that is one name alone may
--- stand for a table.
function M.fill(text, saved)
  local whole = saved[text:match "^{([%a_][%w_]*)}$"]
  return whole ~= nil and whole or (text:gsub("{([%a_][%w_]*)}", saved))
end

local check -- below: matchers hold matchers

local function check_list(expected, value, where, saved)
  if not json.is_array(value) then return differs(where, "a list", value) end
  if #value ~= #expected then
    return differs(where, ("a list of %d: %s"):format(#expected, show(expected)), value)
  end
  for i, item in ipairs(expected) do
    local problem = check(item, value[i], ("%s[%d]"):format(where, i), saved)
    if problem then return problem end
  end
end

local function check_object(expected, value, where, saved)
  if type(value) ~= "table" or json.is_array(value) then
    return differs(where, "an object", value)
  end
  for name, item in pairs(expected) do
    local problem = check(item, value[name], where .. "." .. name, saved)
    if problem then return problem end
  end
end

function check(expected, value, where, saved)
  if getmetatable(expected) == Matcher then return expected.check(value, where, saved) end
  if type(expected) == "string" then expected = M.fill(expected, saved) end
  if type(expected) ~= "table" then
    if value ~= expected then return differs(where, show(expected), value) end
  elseif json.is_array(expected) then
    return check_list(expected, value, where, saved)
  else
    return check_object(expected, value, where, saved)
  end
end

--- Nil when the value is as expected, else the first difference in words.
M.check = check

local function test(description, is_right)
  return matcher(description, function (value, where)
    if not is_right(value) then return differs(where, description, value) end
  end)
end

--- What a function finds right.
M.test = test

M.any = test("anything", function (value) return value ~= nil end)
M.absent = test("nothing", function (value) return value == nil end)
M.string = test("a text", function (value) return type(value) == "string" end)
M.boolean = test("a boolean", function (value) return type(value) == "boolean" end)
M.integer = test("an integer", function (value) return math.type(value) == "integer" end)
M.object = test("an object", function (value)
  return type(value) == "table" and not json.is_array(value)
end)
M.empty_object = test("{}", function (value)
  return type(value) == "table" and next(value) == nil and not json.is_array(value)
end)

function M.pattern(pattern)
  return test("a text like " .. pattern, function (value)
    return type(value) == "string" and value:find(pattern) ~= nil
  end)
end

function M.hex(count)
  return test(("%d lower-case hex digits"):format(count), function (value)
    return type(value) == "string" and #value == count and not value:find "[^%da-f]"
  end)
end

local UUID = "^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$"
M.uuid = test("a UUID", function (value)
  return type(value) == "string" and #value == 36 and value:find(UUID) ~= nil
end)

local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$"
M.time = M.pattern(TIME)

--- Any of these.
function M.one_of(...)
  local choices = { ... }
  return matcher("one of", function (value, where, saved)
    for _, choice in ipairs(choices) do
      if not check(choice, value, where, saved) then return nil end
    end
    return differs(where, ("one of %d choices"):format(#choices), value)
  end)
end

--- This, or not there at all.
function M.optional(expected)
  return matcher("optional", function (value, where, saved)
    return value ~= nil and check(expected, value, where, saved) or nil
  end)
end

--- A list of any length whose items are all like this.
function M.list_of(expected)
  return matcher("a list", function (value, where, saved)
    if not json.is_array(value) then return differs(where, "a list", value) end
    for i, item in ipairs(value) do
      local problem = check(expected, item, ("%s[%d]"):format(where, i), saved)
      if problem then return problem end
    end
  end)
end

--- The same, or null.
function M.list_or_null(expected)
  return M.one_of(json.null, M.list_of(expected))
end

--- A list of objects in the order of the bytes of a member.
function M.sorted(name)
  return matcher("sorted by " .. name, function (value, where)
    for i = 2, #value do
      if value[i - 1][name] > value[i][name] then
        return differs(where, "an order by " .. name, value)
      end
    end
  end)
end

--- A list that has an item like this.
function M.with(expected)
  return matcher("a list with", function (value, where, saved)
    for _, item in ipairs(type(value) == "table" and value or {}) do
      if not check(expected, item, where, saved) then return nil end
    end
    return differs(where, "a list with " .. show(expected), value)
  end)
end

--- A list that has no item like this.
function M.without(expected)
  local is_there = M.with(expected).check
  return matcher("a list without", function (value, where, saved)
    if not is_there(value, where, saved) then
      return differs(where, "a list without " .. show(expected), value)
    end
  end)
end

--- An object with exactly these members.
function M.exactly(expected)
  return matcher("exactly", function (value, where, saved)
    local problem = check_object(expected, value, where, saved)
    if problem then return problem end
    for name in pairs(value) do
      if expected[name] == nil then
        return differs(where, "no member '" .. name .. "'", value)
      end
    end
  end)
end

--- All of these.
function M.all(...)
  local list = { ... }
  return matcher("all", function (value, where, saved)
    for _, expected in ipairs(list) do
      local problem = check(expected, value, where, saved)
      if problem then return problem end
    end
  end)
end

--- Anything but what was saved under a name.
function M.other_than(name)
  return matcher("another", function (value, where, saved)
    if value == nil or value == saved[name] then
      return differs(where, "another than " .. show(saved[name]), value)
    end
  end)
end

--- Keeps the value for the steps that follow; it must be like `expected`, if that is given.
function M.save(name, expected)
  return matcher("saved", function (value, where, saved)
    if value == nil then return differs(where, "anything", value) end
    saved[name] = value
    return expected and check(expected, value, where, saved)
  end)
end

return M
