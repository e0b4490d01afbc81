local function section(name) print("-- " .. name) end

section "pcall, xpcall, error, assert"
print(pcall(error))
print(pcall(error, nil))
for level = 0, 3 do print(pcall(error, "m", level)) end
print(pcall(pcall))
print(pcall(xpcall))
print(pcall(xpcall, print))
print(xpcall(error, function (m) return m .. "!" end, "x"))
print(xpcall(error, error, "x"))
print(xpcall(function (...) return select("#", ...) end, print, nil, nil))
print(pcall(function () local a a.b = 1 end))
print(pcall(function () return {} .. "x" end))
print(pcall(function () return 1 < "2" end))
print(pcall(function () return #nil end))
print(pcall(function () string.rep() end))
print(pcall(function () ("x"):rep({}) end))
print(pcall(assert, false))
print(pcall(assert, nil, "message"))
print(pcall(assert))
print(select("#", assert(1, 2, 3)))
print((select(2, pcall(function () local function f() return f() + 1 end f() end))):match "overflow")

section "tracebacks know coroutines"
do
  local co = coroutine.create(function ()
    local function inner() coroutine.yield() end
    inner()
  end)
  coroutine.resume(co)
  print(debug.traceback(co))
  print(debug.traceback(co, "message"))
  print(debug.traceback(co, nil, 1))
  print(debug.traceback(co, 12))
  coroutine.resume(co)
  print(debug.traceback(co))
  co = coroutine.create(function () error "x" end)
  coroutine.resume(co)
  print(debug.traceback(co))
end

section "debug looks into coroutines"
do
  local co = coroutine.create(function (a, ...)
    local b = a + 1
    coroutine.yield(b)
    return b
  end)
  coroutine.resume(co, 5, 6, 7)
  print(debug.getlocal(co, 1, 1))
  print(debug.getlocal(co, 1, 2))
  print(debug.getlocal(co, 1, -1))
  print(debug.getlocal(co, 1, 9))
  print(pcall(debug.getlocal, co, 9, 1))
  print(debug.setlocal(co, 1, 2, "changed"))
  print(debug.getinfo(co, 1, "l").currentline, debug.getinfo(co, 0, "S").what)
  print(debug.getinfo(co, 9))
  print(coroutine.resume(co))
  print(debug.getinfo(co, 0), debug.gethook(co))
  print(debug.getinfo(1, "l").currentline, debug.getinfo(print).what)
end

section "hooks"
do
  local count = 0
  local co = coroutine.create(function () for _ = 1, 100 do coroutine.yield() end end)
  debug.sethook(co, function () count = count + 1 end, "c")
  for _ = 1, 10 do coroutine.resume(co) end
  print(count >= 10)
  debug.sethook(co)
  local before = count
  coroutine.resume(co)
  print(count == before)
  local events = {}
  debug.sethook(function (event) events[event] = true end, "crl", 3)
  local function f() return (math.abs(-1)) end
  f()
  debug.sethook()
  print(events.call, events["return"], events.line, events.count)
  print(pcall(function ()
    debug.sethook(function () debug.sethook() error("from hook", 0) end, "l")
    local y = 1
    return y
  end))
  debug.sethook(function ()
    debug.sethook()
    print(coroutine.isyieldable(), pcall(coroutine.yield))
  end, "l")
  print(debug.gethook())
end

section "metatables of basic types"
do
  debug.setmetatable(nil, { __index = function (_, k) return k end })
  print((nil).x)
  debug.setmetatable(nil, nil)
  print(pcall(function () return (nil).x end))
  debug.setmetatable(1, { __index = math, __len = function (n) return n end })
  print((16):sqrt(), #7)
  debug.setmetatable(1, nil)
  local thread = coroutine.create(print)
  debug.setmetatable(thread, {
    __index = coroutine, __call = function (co, ...) return co:resume(...) end,
  })
  print(thread:status())
  print(coroutine.running():status(), thread(1, 2))
  debug.setmetatable(thread, nil)
  debug.setmetatable(print, {
    __index = { name = "function" }, __concat = function () return "joined" end,
  })
  print(print.name, print .. print)
  debug.setmetatable(print, nil)
  debug.setmetatable(true, { __tostring = function (b) return b and "YES" or "NO" end })
  print(true, false)
  debug.setmetatable(true, nil)
  print(true)
end

section "upvalues and registry"
do
  local a, b = 1, 2
  local function f() return a, b end
  local function g() return b, a end
  print(debug.getupvalue(f, 1), debug.getupvalue(f, 2), debug.getupvalue(f, 3))
  debug.upvaluejoin(f, 1, g, 1)
  print(f())
  print(debug.upvalueid(f, 1) == debug.upvalueid(g, 1))
  print(type(debug.getregistry()), debug.getregistry()[2] == _G)
end

section "load returns what its reader raises, and raises nothing"
do
  local function first_line(value) return type(value), tostring(value):match "[^\n]*" end
  local function load_failing(value)
    local chunk, message = load(function () error(value) end)
    print(chunk, first_line(message))
  end
  load_failing "from the reader"
  coroutine.wrap(load_failing) "in a coroutine"
  print(pcall(load_failing, "in a protected call"))
  print(load(("do "):rep(201) .. ("end "):rep(201)) == nil)
  print(first_line(select(2, load(("("):rep(300) .. "1" .. (")"):rep(300)))))
  local name = os.tmpname()
  local file <close> = assert(io.open(name, "w"))
  file:write("return ", ("{"):rep(300), ("}"):rep(300)):flush()
  print((select(2, first_line(select(2, loadfile(name)))):gsub(".*lua_%w+", "file")))
  os.remove(name)
end
