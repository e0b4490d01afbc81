-- Shapes of JSON values, built from small functions. A shape is called with a value and the JSON
-- pointer of its place; it returns when the value fits and otherwise ends the call with 10021 and
-- that pointer. A field that is null counts as absent.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"

local M = {}

local function is_absent(value)
  return value == nil or value == json.null
end

local function field_name(pointer)
  return pointer == "" and "the value" or "`" .. pointer:sub(2):gsub("/", ".") .. "`"
end

local function mismatch(pointer, expected)
  errors.invalid(("%s must be %s"):format(field_name(pointer), expected), pointer)
end

local function of_type(name, article)
  return function (value, pointer)
    if type(value) ~= name then
      mismatch(pointer, article .. " " .. name)
    end
  end
end

M.is_absent = is_absent
M.string = of_type("string", "a")
M.boolean = of_type("boolean", "a")

function M.any() end

function M.given(value, pointer)
  if value == json.null then
    mismatch(pointer, "given")
  end
end

function M.text(value, pointer)
  if type(value) ~= "string" or value == "" then
    mismatch(pointer, "a string that is not empty")
  end
end

local MONTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_of(year, month)
  local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and is_leap and 29 or MONTHS[month] or 0
end

--- A day of the calendar, YYYY-MM-DD.
function M.date(value, pointer)
  local year, month, day = tostring(value):match "^(%d%d%d%d)%-(%d%d)%-(%d%d)$"
  day = tonumber(day)
  if not year or day < 1 or day > days_of(tonumber(year), tonumber(month)) then
    mismatch(pointer, "a date such as 2026-01-31")
  end
end

--- A string of at most `limit` characters.
function M.short(limit)
  return function (value, pointer)
    if type(value) ~= "string" or (utf8.len(value) or #value) > limit then
      mismatch(pointer, ("a string of at most %d characters"):format(limit))
    end
  end
end

function M.integer(value, pointer)
  if math.type(value) ~= "integer" then
    mismatch(pointer, "an integer")
  end
end

--- A number within bounds.
function M.number(low, high)
  return function (value, pointer)
    if type(value) ~= "number" or value < low or value > high then
      mismatch(pointer, ("a number from %g to %g"):format(low, high))
    end
  end
end

--- One of a few words.
function M.one_of(...)
  local words, known = { ... }, {}
  for _, word in ipairs(words) do
    known[word] = true
  end
  local expected = "one of " .. table.concat(words, ", ")
  return function (value, pointer)
    if not known[value] then
      mismatch(pointer, expected)
    end
  end
end

function M.is_list(value)
  return json.is_array(value)
end

function M.is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

--- An array whose items have one shape.
function M.list(of)
  return function (value, pointer)
    if not M.is_list(value) then
      mismatch(pointer, "an array")
    end
    for i, item in ipairs(value) do
      of(item, pointer .. "/" .. i - 1)
    end
  end
end

--- The JSON pointer of a member whose name can be anything.
function M.member(pointer, name)
  return pointer .. "/" .. name:gsub("~", "~0"):gsub("/", "~1")
end

local function places_below(fields)
  local places = {}
  for name in pairs(fields) do
    places[name] = M.member("", name)
  end
  return places
end

-- Along what is there, which is as a rule far less than what may be.
local function check_fields(value, pointer, fields, places)
  for name, item in pairs(value) do
    local shape = fields[name]
    if shape and not is_absent(item) then
      shape(item, pointer .. places[name])
    end
  end
end

--- An object: the fields named here have their shapes where they are present, the `required` ones
--- are present, others are left alone.
function M.object(fields, required)
  local places = places_below(fields)
  return function (value, pointer)
    if not M.is_object(value) then
      mismatch(pointer, "an object")
    end
    for _, name in ipairs(required or {}) do
      if is_absent(value[name]) then
        errors.invalid(field_name(pointer .. "/" .. name) .. " is missing", pointer .. "/" .. name)
      end
    end
    check_fields(value, pointer, fields, places)
  end
end

--- An object whose values all have one shape.
function M.map(of)
  return function (value, pointer)
    if not M.is_object(value) then
      mismatch(pointer, "an object")
    end
    for name, item in pairs(value) do
      of(item, M.member(pointer, name))
    end
  end
end

return M
