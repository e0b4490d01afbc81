-- The stack as `debug` shows it, from the main chunk up, and what hooks are told.
local function section(name) print("-- " .. name) end

section "the main chunk"
do
  local info = debug.getinfo(1, "Slnutr")
  for _, field in ipairs { "source", "short_src", "what", "currentline", "linedefined",
    "lastlinedefined", "name", "namewhat", "nups", "nparams", "isvararg", "istailcall",
    "ftransfer", "ntransfer" } do
    print(field, info[field])
  end
  print(arg[0], #arg, select("#", ...))
end

section "its levels"
for level = 0, 3 do
  local info = debug.getinfo(level, "Snl")
  print(level, info and info.what, info and info.short_src, info and info.name)
end
print(pcall(debug.getlocal, 10, 1))

section "tracebacks by level"
for level = 0, 5 do print(debug.traceback("level " .. level, level)) end
do
  local function f() return (debug.traceback "in a function") end
  print(f())
  print(pcall(f))
  print(select(2, xpcall(function () error "raised" end, debug.traceback)))
  print(select(2, xpcall(string.rep, debug.traceback)))
  print(debug.traceback(12), debug.traceback(nil), debug.traceback(print) == print)
end

section "tracebacks that are too long"
do
  local function deep(depth)
    if depth == 0 then return (debug.traceback "deep") end
    return (deep(depth - 1))
  end
  for depth = 18, 24 do
    local text = deep(depth)
    print(depth, select(2, text:gsub("\n", "")), text:match "%.%.%.[^\n]*")
  end
end

section "tracebacks in close and gc"
do
  local function show(name)
    return setmetatable({}, { [name] = function () print(debug.traceback(name)) end })
  end
  do local _ <close> = show "__close" end
  print(pcall(function ()
    local _ <close> = show "__close"
    error "raised"
  end))
  show "__gc"
  collectgarbage()
end

section "coroutines"
do
  local co = coroutine.create(function (a)
    local b = coroutine.yield(a)
    error("raised with " .. b)
  end)
  coroutine.resume(co, "first")
  print(debug.traceback(co))
  print(debug.traceback(co, "message", 1))
  print(debug.getlocal(co, 1, 1))
  print(debug.getinfo(co, 1, "l").currentline)
  print(coroutine.resume(co, "second"))
  print(debug.traceback(co))
  print(coroutine.wrap(function () return debug.traceback "inside" end)())
end

section "what hooks are told"
do
  local events
  local function record(event, line)
    local info = debug.getinfo(2, "nS")
    events[#events + 1] = ("%s %s %s %s"):format(event, info.what, info.name, line)
  end
  local function called() return math.abs(-1) end
  for _, mask in ipairs { "c", "r", "l", "crl" } do
    events = {}
    debug.sethook(record, mask)
    local value = called()
    called(value)
    debug.sethook()
    print(mask, table.concat(events, ", "))
  end
  events = {}
  local co = coroutine.create(function ()
    coroutine.yield()
    called()
  end)
  debug.sethook(co, record, "crl")
  print(debug.gethook(), debug.gethook(co) == record, select(2, debug.gethook(co)))
  coroutine.resume(co)
  coroutine.resume(co)
  print("in a coroutine", table.concat(events, ", "))
end

section "hooks that count"
do
  local count = 0
  debug.sethook(function () count = count + 1 end, "", 100)
  for _ = 1, 1000 do math.abs(-1) end
  print(select(2, debug.gethook()), select(3, debug.gethook()))
  debug.sethook()
  print(count > 30, debug.gethook())
end

section "names in messages"
for _, code in ipairs { "io.write({})", "io.stdout:write({})", "print(nil)(1)", "require {}",
  "os.exit {}", "coroutine.wrap()", "coroutine.resume()", "coroutine.yield()", "coroutine.close(1)",
  "coroutine.status()", "io.stdout.write()", "io.stdout.close()", "io.stdout:setvbuf 'bad'",
  "(io.write or print) {}", "local t = coroutine t.create(1)", "setmetatable(1, {})", "dofile {}",
} do
  print(code, pcall(assert(load(code))))
end
