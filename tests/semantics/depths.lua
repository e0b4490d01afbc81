-- How deep calls go that use the C stack, and how they end: "name depth message".
-- tests/spec/semantics_spec.lua compares the depths with those of plain Lua: no less will do.

local deepest

-- A function that calls itself by way of `again(f, depth)`.
local function nested(again)
  local function f(depth)
    deepest = math.max(deepest, depth)
    return again(f, depth + 1)
  end
  return f
end

local function report(name, f)
  deepest = 0
  local ok, err = pcall(f, 1)
  print(name, deepest, ok, ok and "" or tostring(err):match "C stack overflow" or err)
end

report("resume", nested(function (f, depth)
  assert(coroutine.resume(coroutine.create(f), depth))
end))
report("wrap", nested(function (f, depth) return coroutine.wrap(f)(depth) end))
report("pcall", nested(function (f, depth) assert(pcall(f, depth)) end))
report("xpcall", nested(function (f, depth) assert(xpcall(f, tostring, depth)) end))
report("gsub", nested(function (f, depth)
  return (string.gsub("a", "a", function () return f(depth) end))
end))
report("wrap-in-gsub", nested(function (f, depth)
  return (string.gsub("a", "a", function () return coroutine.wrap(f)(depth) end))
end))
report("sort", nested(function (f, depth)
  table.sort({ 2, 1 }, function () return f(depth) end)
end))
report("iterator", nested(function (f, depth)
  for _ in function () f(depth) end do break end
end))
report("load", nested(function (f, depth) return load(function () return f(depth) end) end))
report("require", nested(function (f, depth)
  local name = "deep" .. depth
  package.preload[name] = function () return f(depth) end
  return require(name)
end))

for event, use in pairs {
  __add = function (x) return x + 1 end, __concat = function (x) return x .. "" end,
  __lt = function (x) return x < x end, __index = function (x) return x.name end,
  __newindex = function (x) x.name = 1 end, __tostring = tostring, __len = function (x) return #x end,
  __eq = function (x) return x == setmetatable({}, getmetatable(x)) end,
} do
  report(event, nested(function (f, depth)
    return use(setmetatable({}, { [event] = function () return f(depth) end }))
  end))
end

report("parentheses", function ()
  for depth = 1, 1000 do
    assert(load("return " .. ("("):rep(depth) .. "1" .. (")"):rep(depth)))
    deepest = depth
  end
end)
