local function section(name) print("-- " .. name) end

section "values go in and out"
do
  local co = coroutine.create(function (...)
    print("in", select("#", ...), ...)
    print("again", coroutine.yield(1, nil, 3))
    print("nothing", select("#", coroutine.yield()))
    return "out", nil
  end)
  print(coroutine.resume(co, "a", nil))
  print(coroutine.resume(co, "b"))
  print(coroutine.resume(co))
  print(coroutine.resume(co))
  print(coroutine.resume(co))
end

section "status at every stage"
do
  local outer, inner
  inner = coroutine.create(function ()
    print("in inner", coroutine.status(outer), coroutine.status(inner))
    coroutine.yield()
  end)
  outer = coroutine.create(function ()
    print("in outer", coroutine.status(outer), coroutine.status(inner))
    coroutine.resume(inner)
    print("after inner", coroutine.status(inner))
    coroutine.wrap(function () print("wrapped", coroutine.status(outer)) end)()
    coroutine.yield()
    error "fails"
  end)
  print(coroutine.status(outer))
  coroutine.resume(outer)
  print(coroutine.status(outer), coroutine.status(inner))
  coroutine.resume(outer)
  print(coroutine.status(outer))
  print(coroutine.status(coroutine.create(print)))
  local main = coroutine.running()
  print(coroutine.status(main))
  coroutine.wrap(function () print(coroutine.status(main)) end)()
end

section "running and isyieldable"
do
  local main, is_main = coroutine.running()
  print(type(main), is_main, coroutine.isyieldable(), coroutine.isyieldable(main))
  local co
  co = coroutine.create(function ()
    local me, im = coroutine.running()
    print(me == co, im, coroutine.isyieldable(), coroutine.isyieldable(main))
    table.sort({ 2, 1 }, function () print(coroutine.isyieldable()) return false end)
    print(pcall(string.gsub, "a", "a", function () print(coroutine.isyieldable()) end))
  end)
  print(coroutine.isyieldable(co))
  print(coroutine.resume(co))
end

section "what cannot be resumed"
do
  local main = coroutine.running()
  print(coroutine.resume(main))
  local co
  co = coroutine.create(function () return coroutine.resume(co) end)
  print(coroutine.resume(co))
  print(coroutine.resume(co))
  local a
  a = coroutine.create(function ()
    return coroutine.wrap(function () return coroutine.resume(a) end)()
  end)
  print(coroutine.resume(a))
  local w
  w = coroutine.wrap(function () return pcall(w) end)
  print(w())
  print(pcall(w))
  print(coroutine.resume(coroutine.create(function () return coroutine.resume(main) end)))
end

section "wrong arguments"
for _, name in ipairs { "create", "wrap", "resume", "status", "close", "isyieldable", "yield" } do
  print(name, pcall(coroutine[name]))
  print(name, pcall(coroutine[name], 1))
  print(name, pcall(coroutine[name], nil))
  print(name, pcall(coroutine[name], {}, 2))
end

section "yield outside of a coroutine"
print(pcall(coroutine.yield, 1, 2))
print(pcall(pcall, coroutine.yield))
print(pcall(function () coroutine.yield() end))

section "yield across what cannot yield"
do
  local function try(...)
    print(coroutine.resume(coroutine.create(function (f, ...) return pcall(f, ...) end), ...))
  end
  try(table.sort, { 1, 2, 3 }, coroutine.yield)
  try(string.gsub, "a", "a", coroutine.yield)
  try(load, coroutine.yield)
  try(tostring, setmetatable({}, { __tostring = coroutine.yield }))
end

section "errors of a wrapped coroutine have the caller's place"
do
  print(pcall(coroutine.wrap(function () error "text" end)))
  print(pcall(coroutine.wrap(function () error("text", 0) end)))
  print(pcall(coroutine.wrap(function () error() end)))
  local w = coroutine.wrap(function () coroutine.yield() error "later" end)
  w()
  print(pcall(function () w() end))
  print(pcall(w))
  print(pcall(function ()
    for _ in coroutine.wrap(function () error "iterator" end) do break end
  end))
  print(pcall(coroutine.wrap(function () local x = nil + 1 return x end)))
end

section "yield in every place that allows it"
do
  local yield = coroutine.yield
  local mt = {
    __index = function (_, k) return yield("index " .. tostring(k)) end,
    __newindex = function (_, k, v) yield("newindex", k, v) end,
    __call = function (_, ...) return yield("call", ...) end,
    __add = function (a, b) return yield("add", type(a), type(b)) end,
    __concat = function () return yield "concat" end,
    __len = function () return yield "len" end,
    __eq = function () return yield "eq" end,
    __lt = function () return yield "lt" end,
    __le = function () return yield "le" end,
    __unm = function () return yield "unm" end,
    __bnot = function () return yield "bnot" end,
    __idiv = function () return yield "idiv" end,
    __shl = function () return yield "shl" end,
    __close = function () return yield "close" end,
  }
  local function object() return setmetatable({}, mt) end
  local co = coroutine.wrap(function ()
    local a, b = object(), object()
    local got = { a.x, a[1], a(1, 2), a + 1, 1 + a, a .. "x", "x" .. a .. b, #a, a == b, a ~= b }
    a.y = 7
    got[#got + 1] = { a < b, a <= b, not (a < b), -a, ~a, a // 2, a << 1 }
    do local c <close> = object() end
    for _ in (function () return yield "iterator" end) do break end
    for i = 1, 2 do local c <close> = object() if i == 2 then break end end
    local function returns() local c <close> = object() return "returned" end
    yield(returns())
    pcall(function () local c <close> = object() error "x" end)
    yield(pcall(pcall, yield, "in pcall"))
    yield(xpcall(yield, print, "in xpcall"))
    if a < b then yield "taken" else yield "not taken" end
    while a == b do yield "loop" break end
    local t = setmetatable({}, { __index = a })
    yield(t.deep)
    return "end"
  end)
  for i = 1, 100 do
    local results = table.pack(co(i < 12 and i or i % 2 == 0))
    print(i, table.unpack(results, 1, results.n))
    if results[1] == "end" then break end
  end
end

section "generators inside generators"
do
  local function range(n)
    return coroutine.wrap(function () for i = 2, n do coroutine.yield(i) end end)
  end
  local function filter(p, g)
    return coroutine.wrap(function ()
      for n in g do if n % p ~= 0 then coroutine.yield(n) end end
    end)
  end
  local g, primes = range(60), {}
  for n in function () return g() end do
    primes[#primes + 1] = n
    g = filter(n, g)
  end
  print(table.concat(primes, " "))
  local function permute(a, n)
    if n == 0 then return coroutine.yield(a) end
    for i = 1, n do
      a[n], a[i] = a[i], a[n]
      permute(a, n - 1)
      a[n], a[i] = a[i], a[n]
    end
  end
  for p in coroutine.wrap(function () permute({ 1, 2, 3 }, 3) end) do print(table.concat(p)) end
end

section "many values"
do
  local co = coroutine.wrap(function (...)
    local n = select("#", ...)
    while true do n = n + select("#", coroutine.yield(n, ...)) end
  end)
  print(select("#", co(table.unpack({}, 1, 10000))))
  print((co(table.unpack({}, 1, 20000))))
  print(pcall(coroutine.wrap(function () return table.unpack({}, 1, 1e6) end)))
  print(select("#", pcall(coroutine.wrap(function () return table.unpack({}, 1, 100000) end))))
end

section "deep chains"
do
  local function nest(n)
    if n == 0 then return "bottom" end
    return coroutine.wrap(nest)(n - 1)
  end
  print(nest(100))
  print((select(2, pcall(nest, 250))):match "C stack overflow")
  local function deep(n)
    if n == 0 then coroutine.yield "deep" return 0 end
    return 1 + deep(n - 1)
  end
  local w = coroutine.wrap(deep)
  print(w(10000), w())
  local co = coroutine.create(function () local function f() return f() + 1 end return f() end)
  local ok, message = coroutine.resume(co)
  print(ok, message:match "stack overflow", coroutine.status(co))
end

section "garbage"
do
  local weak = setmetatable({}, { __mode = "v" })
  for i = 1, 10 do
    local co = coroutine.create(function () local t = { i } coroutine.yield() return t end)
    coroutine.resume(co)
    weak[i] = co
  end
  collectgarbage()
  collectgarbage()
  print(next(weak))
  local collected
  do
    local co = coroutine.wrap(function ()
      local t = setmetatable({}, { __gc = function () collected = true end })
      coroutine.yield()
      return t
    end)
    co()
  end
  collectgarbage()
  collectgarbage()
  print(collected)
  local co = coroutine.wrap(function ()
    while true do collectgarbage() coroutine.yield {} end
  end)
  for _ = 1, 5 do assert(type(co()) == "table") end
  print(collectgarbage "count" > 0, collectgarbage "isrunning")
  collectgarbage "generational"
  print(collectgarbage "incremental", collectgarbage "generational", collectgarbage "incremental")
  co = coroutine.wrap(function ()
    setmetatable({}, { __gc = function ()
      print(coroutine.isyieldable(), pcall(coroutine.yield))
    end })
    collectgarbage()
    collectgarbage()
    coroutine.yield "yielded"
  end)
  print(co())
end
