-- What is no JSON is refused as such, with a place in the text. What is, can be written, means the
-- same when it is read again, laid out for people or not, and is written alike.

local json = require "moonherd.json"

-- A float that is a whole number only since it was rounded is an integer when it is read again.
local function is_same_number(a, b)
  return a == b and (a ~= 0 or 1 / a == 1 / b)
end

local function is_same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) == "number" then return is_same_number(a, b) end
  if type(a) ~= "table" then return a == b end
  if json.is_array(a) ~= json.is_array(b) then return false end
  for key, value in pairs(a) do
    if not is_same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function check_refusal(text, failure)
  assert(type(failure) == "table" and failure.reason == "bad_json", failure)
  local lines = select(2, text:gsub("\n", ""))
  assert(failure.line >= 1 and failure.line <= lines + 1)
  assert(failure.column >= 1 and failure.column <= #text + 1)
end

return function (text)
  local is_read, value = pcall(json.decode, text)
  if not is_read then return check_refusal(text, value) end
  local written = json.encode(value)
  assert(is_same(value, json.decode(written)), written)
  assert(json.encode(json.decode(written)) == written, written)
  local laid_out = json.pretty(value)
  assert(is_same(value, json.decode(laid_out)), laid_out)
  assert(pcall(json.decode, text, { nulls = false }))
end
