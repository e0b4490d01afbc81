-- A request target is found, or not, without an error; what a path and a query are decoded to means
-- the same when it is encoded again; what of them stands in messages is printable.

local router = require "moonherd.platform.router".new(require "moonherd.platform.routes")
local uri = require "moonherd.platform.uri"

local function encode(bytes)
  return (bytes:gsub("[^%w_~.-]", function (byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function segments(path)
  local list = {}
  for segment in path:gmatch "/([^/]*)" do list[#list + 1] = segment end
  return list
end

local function is_same(a, b)
  for name, value in pairs(a) do
    if b[name] ~= value then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

local function check_path(path)
  local methods, parameters = router:find(path)
  for name, value in pairs(parameters) do
    assert(value ~= "", "an empty name")
    assert(type(name) == "string" and #value <= #path)
  end
  if path:sub(1, 1) ~= "/" then return assert(not methods, "not a path") end
  if path:find "^/client/v4/" and not methods then return end
  local again = {}
  for i, segment in ipairs(segments(path)) do again[i] = encode(uri.decode(segment)) end
  -- The prefix is known by its bytes, not by what they stand for.
  local rewritten = "/" .. table.concat(again, "/")
  if (rewritten:sub(1, 11) == "/client/v4/") ~= (path:sub(1, 11) == "/client/v4/") then return end
  local same_methods, same_parameters = router:find(rewritten)
  assert(same_methods == methods, "another route: " .. rewritten)
  assert(is_same(parameters, same_parameters), "other names: " .. rewritten)
end

local function check_query(query)
  local values = uri.query(query)
  local pairs_again = {}
  for name, value in pairs(values) do
    pairs_again[#pairs_again + 1] = encode(name) .. "=" .. encode(value)
  end
  assert(is_same(values, uri.query(table.concat(pairs_again, "&"))), "other parameters")
end

return function (target)
  local path, query = target:match "^([^?]*)%??(.*)$"
  check_path(path)
  check_query(query)
  assert(uri.decode(encode(target)) == target)
  local shown = uri.printable(target)
  assert(not shown:find "[^\x21-\x7E]" and #shown <= 609)
end
