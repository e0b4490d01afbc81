local function section(name) print("-- " .. name) end

section "every metamethod"
do
  local log = {}
  local function logging(name, result)
    return function (a, b)
      log[#log + 1] = name
      return result == nil and (type(a) .. type(b)) or result
    end
  end
  local mt = {}
  for _, name in ipairs { "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor",
    "bxor", "shl", "shr", "bnot", "concat", "len", "eq", "lt", "le", "call" } do
    mt["__" .. name] = logging(name, name == "len" and 7 or nil)
  end
  local a, b = setmetatable({}, mt), setmetatable({}, mt)
  print(a + 1, 1 + a, a - 1, a * 1, a / 1, a % 1, a ^ 1, -a, a // 1, a & 1, 1 | a, a ~ 1, a << 1,
    a >> 1, ~a, a .. "x", "x" .. a, 1 .. a, #a, a == b, a ~= b, a < b, a <= b, a > 1, 1 >= a, a(1))
  print(table.concat(log, " "))
  print(pcall(function () return a + nil end), pcall(function () return {} + 1 end))
  print(a == 1, a == a, rawequal(a, b), rawlen(a), #log)
end

section "index and newindex"
do
  local t = setmetatable({}, { __index = function (_, k) return k .. "!" end })
  print(t.x, rawget(t, "x"))
  local base = { a = 1 }
  local derived = setmetatable({}, { __index = setmetatable({ b = 2 }, { __index = base }) })
  print(derived.a, derived.b, derived.c)
  local stored = {}
  local proxy = setmetatable({}, { __newindex = stored })
  proxy.x = 1
  print(stored.x, rawget(proxy, "x"))
  rawset(proxy, "x", 2)
  proxy.x = 3
  print(rawget(proxy, "x"), stored.x)
  local loop = {}
  setmetatable(loop, { __index = loop })
  print(pcall(function () return loop.x end))
  print(pcall(function () local nothing; nothing.x = 1 end))
  print(pcall(function () local t = {} t[nil] = 1 end), pcall(function () local t = {} t[0/0] = 1 end))
  print(({ [1] = "one" })[1.0], ({ [2^53] = "big" })[2^53 | 0])
end

section "other metafields"
do
  print(tostring(setmetatable({}, { __tostring = function () return "shown" end })))
  print(pcall(tostring, setmetatable({}, { __tostring = function () return {} end })))
  print((tostring(setmetatable({}, { __name = "Named" })):gsub("0x%x+", "0x")))
  print(getmetatable(setmetatable({}, { __metatable = "hidden" })))
  print(pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))
  for k, v in pairs(setmetatable({}, { __pairs = function () return next, { a = 1 }, nil end })) do
    print(k, v)
  end
  for i, v in ipairs(setmetatable({}, { __index = function (_, i) return i < 4 and i * i or nil end })) do
    io.write(i, "=", v, " ")
  end
  print(#setmetatable({}, { __len = function () return "long" end }))
  print(getmetatable("").__index == string, ("x").len, pcall(function () return ("x").y.z end))
  print(setmetatable({}, { __call = function (_, ...) return select("#", ...) end })(nil, nil))
  print(pcall(setmetatable, 1, {}), pcall(setmetatable, {}, 1), pcall(setmetatable, {}))
  print(pcall(next, {}, "missing"), next({}), select("#", next({})), type(next), rawlen "abc")
end

section "the collector"
do
  local weak = setmetatable({}, { __mode = "v" })
  weak[1], weak[2] = {}, "text"
  local keys = setmetatable({}, { __mode = "k" })
  keys[{}] = "gone"
  local kept = {}
  keys[kept] = "kept"
  collectgarbage()
  print(weak[1], weak[2], next(keys) == kept, keys[kept])
  local order = {}
  for i = 1, 3 do
    setmetatable({}, { __gc = function () order[#order + 1] = i end })
  end
  collectgarbage()
  print(table.concat(order, " "))
  local risen
  setmetatable({ name = "risen" }, { __gc = function (self) risen = self end })
  collectgarbage()
  print(risen and risen.name)
  risen = nil
  collectgarbage()
  print(type(collectgarbage "count"), collectgarbage "isrunning")
  print(pcall(collectgarbage, "nothing"))
  local cycle = setmetatable({}, { __mode = "v" })
  do local a, b = {}, {} a.b, b.a = b, a cycle[1] = a end
  collectgarbage()
  print(cycle[1])
  local ephemeron = setmetatable({}, { __mode = "k" })
  do local key = {} ephemeron[key] = { key } end
  collectgarbage()
  print(next(ephemeron))
end

section "goto, closures, variables"
do
  for i = 1, 3 do
    for j = 1, 3 do
      if j == 2 then goto continue end
      io.write(i, j, " ")
      ::continue::
    end
  end
  print()
  do
    local i = 1
    ::top::
    if i <= 3 then i = i + 1 goto top end
    print(i)
  end
  for _, code in ipairs { "goto missing", "::a:: ::a::", "do goto x end local y ::x:: print(y)",
    "break", "local x <const> = 1 x = 2", "for i = 1, 2 do i = 3 end return 1", "return return",
    "x = = 1", "local function f() return ... end", "a.b:c = 1", "f() = 1", "local 1", "x = }",
    "x = '\\q'", "x = 'a\nb'", "x = [[a", "--[[a", "x = 0x", "x = 3x", "x = '\\300'", "x = '\\u{110000000}'",
    "local a <close> = 1", ("x = " .. ("("):rep(300) .. "1" .. (")"):rep(300)),
    "local " .. ("a,"):rep(250) .. "a", "return " .. ("{"):rep(250) .. ("}"):rep(250) } do
    -- In pcall: lua5.4 gives what load reports its own message handler, else.
    print(select(2, pcall(load, code, "=code")) ~= nil, select(3, pcall(load, code, "=code")))
  end
  local function counter()
    local n = 0
    return function () n = n + 1 return n end, function () return n end
  end
  local step, read = counter()
  step() step()
  print(read(), select(2, counter())())
  local function varargs(...) return select("#", ...), (...), select(-1, ...) end
  print(varargs(1, nil, 3), pcall(select, 0), pcall(select, -5, 1))
  local a, b, c = (function () return 1, 2, 3 end)()
  local d, e = ((function () return 1, 2 end)())
  print(a, b, c, d, e, #{ (function () return 1, 2, 3 end)(), (function () return 1, 2 end)() })
  local i, t = 1, {}
  i, t[i] = i + 1, 20
  print(i, t[1], t[2], not nil == true, 1 and 2 or 3, nil and 1, false or nil, 2 ^ 3 ^ 2, -2 ^ 2)
end

section "load and its environments"
do
  print(load("return x", "chunk", "t", { x = "own" })())
  print(load(function () return nil end))
  local parts = { "return ", "1", " + 2" }
  local at = 0
  print(load(function () at = at + 1 return parts[at] end)())
  print(pcall(load, function () error "reading" end))
  print(load("return 1", "=name", "b"), pcall(load, "x", "x", "z"))
  print(load("error 'x'", "@file.lua") and select(2, pcall(load("error 'x'", "@file.lua"))))
  print(select(2, pcall(load("error 'x'", "a long line of code\nand another"))))
  print(select(2, pcall(load("error 'x'", ("x"):rep(100)))))
  local dumped = string.dump(load("local a = ... return a * 2"))
  print(load(dumped, "d", "b")(21), load(dumped, "d", "t"))
  print(pcall(string.dump, print))
  local _ENV <const> = { print = print, y = "in _ENV" }
  print(y, z)
  local function f() local _ENV = { y = "inner" } return y end
  print(f())
end

section "debug"
do
  local function f(a, b, ...) local c = 1 return debug.getinfo(1, "nSlu"), c end
  local info = f(1, 2)
  print(info.name, info.namewhat, info.what, info.currentline, info.linedefined, info.nparams,
    info.isvararg, info.nups, info.source, info.short_src)
  print(debug.getlocal(f, 1), debug.getlocal(f, 2), debug.getlocal(f, 3))
  local x = 5
  local function g() return x end
  print(debug.getupvalue(g, 1), debug.setupvalue(g, 1, 6), x)
  print(debug.getinfo(print).what, pcall(debug.getinfo, 1, "X"), debug.getinfo(100))
  print(debug.traceback("message", 1):match "^[^\n]*\n[^\n]*", debug.traceback({}) ~= nil)
  local lines = {}
  debug.sethook(function (_, line) lines[#lines + 1] = line end, "l")
  local y = 1
  y = y + 1
  debug.sethook()
  print(#lines >= 2, debug.gethook())
  print(debug.getmetatable("").__index == string, debug.getregistry() ~= nil)
  print(debug.upvalueid(g, 1) ~= nil, pcall(debug.upvalueid, g, 5))
  for _, name in ipairs { "print", "os.exit", "coroutine.resume", "coroutine.yield", "require" } do
    local library, field = name:match "^(%a+)%.(%a+)$"
    local info = debug.getinfo(library and _G[library][field] or _G[name], "Su")
    print(name, info.what, info.short_src, info.nparams, info.isvararg, info.nups)
  end
end
