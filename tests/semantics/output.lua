local function section(name) print("-- " .. name) end

section "print"
print()
print(nil, true, 1, 1.0, 1e100, -0.0, 1 / 0, math.mininteger, "s")
print("a\0b")
print(setmetatable({}, { __tostring = function () return "object" end }))
print(pcall(print, setmetatable({}, { __tostring = function () return 1, 2 end })))
print(pcall(print, setmetatable({}, { __tostring = function () return {} end })))
print(pcall(print, setmetatable({}, { __tostring = function () error "in tostring" end })))
do
  local real = print
  print = function (...) real("replaced", ...) end
  print "x"
  print = real
end
print(rawequal(_G.print, print), rawequal(_G, _ENV), _VERSION)

section "io.write and the standard files"
print(io.write("a", 1, 2.5, "\n") == io.stdout)
print(pcall(io.write, {}))
print(pcall(io.write, nil))
io.stdout:write("chained"):write(" writes\n")
print(io.type(io.stdout), io.type(io.stderr), io.type(42))
print(io.output() == io.stdout)
print(tostring(io.stdout):match "^file %(", io.stdout:setvbuf "full")
print(io.stdout:flush() == io.stdout, io.flush() == io.stdout)
print(pcall(io.close))
print(io.stdout:close())
print "still open"
do
  local name = os.tmpname()
  io.output(name)
  print "print goes to standard output still"
  io.write("to a file", 1)
  io.close()
  io.output(io.stdout)
  for line in io.lines(name) do print(line) end
  print(pcall(io.lines, "/no/such/file"))
  print(io.open "/no/such/file")
  os.remove(name)
end

section "print without io.stdout"
do
  local stdout, output = io.stdout, io.output()
  io.stdout = nil
  io.output(io.stderr)
  collectgarbage()
  print "still there"
  io.stdout = stdout
  io.output(output)
end

section "tostring, tonumber, string.format"
print(tostring(nil), tostring(1.5), tostring(-0.0), tostring(2^63), tostring(1e15))
print(tonumber "0x10", tonumber " 1e1 ", tonumber("zz", 36), tonumber "1e", tonumber "x")
print(pcall(tostring))
print(pcall(tonumber))
print(tostring(print):match "^%a+", tostring(coroutine.create(print)):match "^thread")
print(string.format("%q %d %5.2f %x", "a\nb", 3.0, 1 / 3, 255))
print(pcall(string.format, "%d", 1.5))

section "warn"
warn "not shown"
warn "@on"
warn("shown, but not on", " standard output")
warn "@off"
print(pcall(warn))
print(pcall(warn, 1, {}))

section "the globals are those of Lua"
do
  local function members(t)
    local names = {}
    for name, value in pairs(t) do names[#names + 1] = name .. " " .. type(value) end
    table.sort(names)
    return table.concat(names, ", ")
  end
  print((members(_G):gsub("arg table, ", "")))
  for _, name in ipairs { "coroutine", "debug", "io", "math", "os", "string", "table", "utf8" } do
    print(name, members(_G[name]), package.loaded[name] == _G[name])
  end
  print(members(package))
end
