local function section(name) print("-- " .. name) end

local name = os.tmpname()

section "files"
do
  local file = assert(io.open(name, "w"))
  print(io.type(file), file:write("one\n", 2, " ", 3.5, "\nthree") == file)
  print(file:seek("cur"), file:seek("set", 1), file:seek "end", file:close(), io.type(file))
  print(pcall(file.read, file), pcall(file.close, file), (tostring(file)))
  for _, format in ipairs { "l", "L", "n", "a", 0, 3, "*l", "x" } do
    local f <close> = io.open(name)
    print(format, pcall(f.read, f, format))
  end
  local f = io.open(name)
  print(f:read("l", "n", "n", "l", "a", "a", "l", 0))
  f:close()
  for line in io.lines(name) do io.write("[", line, "]") end
  for a, b in io.lines(name, 1, 2) do io.write("(", a, b or "-", ")") end
  print()
  print(pcall(io.lines, "/nowhere/no"))
  print(select("#", io.lines(name)))
  f = io.open(name, "a+")
  f:write "\nfour"
  f:seek "set"
  print(#f:read "a", f:setvbuf("full", 1024), f:setvbuf "no", f:flush() == f)
  f:close()
  f = io.open(name, "r+")
  f:write "ONE"
  f:seek "set"
  print(f:read "l", f:write "x" == f)
  f:close()
  f = io.open(name)
  print(f:write "x")
  f:close()
end

section "files that cannot be"
print(io.open "/nowhere/at/all")
print(io.open("/", "w"))
print(pcall(io.open, name, "q"))
print(pcall(io.open))
print(select(2, io.open "/nowhere"), select(3, io.open "/nowhere"))
print(io.type(1), io.type(io.stdout), tostring(io.stdout):match "^file %(")

section "default files"
do
  local f = io.open(name, "w")
  print(io.output(f) == f)
  io.write("written", 1)
  io.output(io.stdout)
  f:close()
  io.input(name)
  print(io.read "a", io.read "l", io.read(0))
  io.input():close()
  print(pcall(io.read))
  io.input(io.stdin)
  local tmp = io.tmpfile()
  tmp:write "x"
  tmp:seek "set"
  print(tmp:read "a")
  tmp:close()
end

section "processes"
do
  local p = io.popen("echo out; exit 3")
  print(p:read "a", p:close())
  p = io.popen("cat > /dev/null", "w")
  p:write "x"
  print(p:close())
  print(pcall(io.popen, "true", "x"))
  print(os.execute "exit 5")
  print(os.execute "kill -9 $$")
  print(os.execute "true")
  print(os.execute())
end

section "the system"
print(os.remove "/nowhere", os.rename("/nowhere", "/nowhere2"))
print(os.rename(name, name .. ".x"), os.remove(name .. ".x"))
print(os.getenv "NO_SUCH_VARIABLE", type(os.getenv "PATH"), os.setlocale(nil, "all"), os.setlocale "xx")
print(type(os.clock()), math.type(os.time()), os.difftime(5, 3))
print(os.time { year = 2024, month = 2, day = 30, hour = 12 } ==
  os.time { year = 2024, month = 3, day = 1, hour = 12 })
print(os.date("!%Y-%m-%d %H:%M:%S", 0), os.date("!%c", 86400), os.date("!*t", 1e9).yday)
for _, call in ipairs { { "%Ez", 0 }, { "%E", 0 }, { "%Q", 0 }, { "%", 0 }, { "*x", 0 }, { "!%H", {} } } do
  print(pcall(os.date, table.unpack(call)))
end
for _, t in ipairs { {}, { year = 2024 }, { year = "x", month = 1, day = 1 },
  { year = 2024, month = 1.5, day = 1 }, { year = 2024, month = 1, day = 1 << 40 } } do
  print(pcall(os.time, t))
end
local t = { year = 2024, month = 14, day = -3 }
os.time(t)
print(t.year, t.month, t.day, t.yday, t.wday)
print(type(os.tmpname()))
print(arg[0]:match "[^/]+$", #arg, ..., select("#", ...))
print(_VERSION, math.type(#arg), type(_G), _G._G == _G, package.config:sub(1, 1), type(package.cpath))
for _, library in ipairs { "coroutine", "debug", "io", "math", "os", "package", "string", "table", "utf8" } do
  local names = {}
  for key in pairs(_G[library]) do names[#names + 1] = key end
  table.sort(names)
  print(library, table.concat(names, " "))
end
local globals = {}
for key in pairs(_G) do globals[#globals + 1] = key end
table.sort(globals)
print(table.concat(globals, " "))
