local function section(name) print("-- " .. name) end

local function closing(name, f)
  return setmetatable({}, { __close = function (_, err)
    print("close", name, err)
    if f then f(err) end
  end })
end
local function failing(name, message)
  return closing(name, function () error(message, 0) end)
end

section "closures keep their variables across yields"
do
  local functions = {}
  local co = coroutine.wrap(function ()
    for i = 1, 3 do
      local x = i * 10
      functions[i] = { get = function () return x + i end, set = function (v) x = v end }
      coroutine.yield()
    end
  end)
  co() functions[1].set(100)
  co() print(functions[1].get(), functions[2].get())
  co() co() functions[3].set(0)
  print(functions[1].get(), functions[2].get(), functions[3].get())
  local a = {}
  for i = 1, 3 do
    ::again::
    local j = i
    a[#a + 1] = function () j = j + 1 return j end
    if #a % 2 == 1 then goto again end
  end
  for _, f in ipairs(a) do io.write(f(), " ", f(), " ") end
  print()
end

section "variables that are closed"
do
  do local a <close>, b <const> = closing "a", 5 print(b) end
  for i = 1, 3 do
    local x <close> = closing("loop " .. i)
    if i == 2 then goto out end
  end
  ::out::
  print(pcall(function () local x <close> = closing "raised" error("e", 0) end))
  print((function () local x <close> = closing "tail" return (print)("before") end)())
  print(pcall(function () local x <close> = 42 end))
  print(pcall(function () local x <close> = nil local y <close> = false return "ok" end))
  print(pcall(function ()
    local x <close> = failing("x", "second")
    local y <close> = failing("y", "first")
    error("own", 0)
  end))
  local function iterator()
    return function (_, i) if i < 3 then return i + 1 end end, nil, 0, closing "for"
  end
  for i in iterator() do print(i) end
  for i in iterator() do if i == 2 then break end end
  print(pcall(function () for i in iterator() do error("in for " .. i, 0) end end))
  print(load "local x <close> = 1 x = 2")
  print(load "local x <foo> = 1")
  print(load "local a <close>, b <close> = nil, nil")
end

section "in coroutines"
do
  local co = coroutine.wrap(function ()
    local a <close> = closing("a", function () coroutine.yield "in a" end)
    local b <close> = closing("b", function () coroutine.yield "in b" error("b failed", 0) end)
    coroutine.yield "body"
    error("body failed", 0)
  end)
  for _ = 1, 4 do print(pcall(co)) end
  co = coroutine.wrap(function ()
    return pcall(function ()
      local a <close> = closing("x", function () coroutine.yield "closing" end)
      return 1, 2, 3
    end)
  end)
  print(co())
  print(co())
end

section "coroutine.close"
do
  local co = coroutine.create(print)
  print(coroutine.close(co), coroutine.status(co))
  print(coroutine.close(co))
  print(coroutine.resume(co))
  co = coroutine.create(function ()
    local a <close> = closing "a"
    local b <close> = failing("b", "b fails")
    local c <close> = closing "c"
    coroutine.yield()
  end)
  coroutine.resume(co)
  print(coroutine.close(co))
  print(coroutine.status(co), coroutine.close(co))
  co = coroutine.create(error)
  print(coroutine.resume(co, "x"))
  print(coroutine.close(co))
  print(coroutine.close(co))
  print(pcall(coroutine.close, coroutine.running()))
  coroutine.wrap(function () print(pcall(coroutine.close, coroutine.running())) end)()
  local main = coroutine.running()
  coroutine.wrap(function () print(pcall(coroutine.close, main)) end)()
  co = coroutine.create(function ()
    local x <close> = closing("yields", function () coroutine.yield(1) end)
    coroutine.yield()
  end)
  coroutine.resume(co)
  print(coroutine.close(co))
  local w = coroutine.wrap(function ()
    local a <close> = closing "wrapped"
    local b <close> = failing("wrapped b", "second")
    error("first", 0)
  end)
  print(pcall(w))
  print(pcall(w))
  co = coroutine.create(function ()
    local x <close> = closing("closes itself", function () print(pcall(coroutine.close, co)) end)
    coroutine.yield()
  end)
  coroutine.resume(co)
  print(coroutine.close(co))
  local function chain(n)
    return coroutine.create(function ()
      local x <close> = setmetatable({}, { __close = function ()
        if n == 0 then return end
        local inner = chain(n - 1)
        coroutine.resume(inner)
        assert(coroutine.close(inner))
      end })
      coroutine.yield()
    end)
  end
  co = chain(20)
  coroutine.resume(co)
  print(coroutine.close(co))
end
