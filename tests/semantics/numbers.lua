local function section(name) print("-- " .. name) end

local values = {
  0, 1, -1, 7, -7, 3, -3, 0.0, -0.0, 0.5, -0.5, 7.5, -7.5, 1e15, 2 ^ 53, 1e100, 1 / 0, -1 / 0,
  math.maxinteger, math.mininteger, "10", "0x10", " 7 ", "1e2", "-0",
}

local operators = {
  ["+"] = function (a, b) return a + b end, ["-"] = function (a, b) return a - b end,
  ["*"] = function (a, b) return a * b end, ["/"] = function (a, b) return a / b end,
  ["//"] = function (a, b) return a // b end, ["%"] = function (a, b) return a % b end,
  ["^"] = function (a, b) return a ^ b end, ["&"] = function (a, b) return a & b end,
  ["|"] = function (a, b) return a | b end, ["~"] = function (a, b) return a ~ b end,
  ["<<"] = function (a, b) return a << b end, [">>"] = function (a, b) return a >> b end,
  ["=="] = function (a, b) return a == b end, ["<"] = function (a, b) return a < b end,
  ["<="] = function (a, b) return a <= b end, [".."] = function (a, b) return a .. b end,
}

-- The sign of a zero and of a NaN is shown, too.
local function shown(value)
  if value ~= value then return "nan" end
  if value == 0 and math.type(value) == "float" then return 1 / value > 0 and "0.0" or "-0.0" end
  return type(value) .. ":" .. tostring(value)
end

section "every operator on every pair"
local names = {}
for name in pairs(operators) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  for i, a in ipairs(values) do
    local line = {}
    for j, b in ipairs(values) do
      local ok, result = pcall(operators[name], a, b)
      line[j] = ok and shown(result) or tostring(result):gsub("^.-:%d+: ", "")
    end
    print(name, i, table.concat(line, " "))
  end
end

section "unary operators"
for _, value in ipairs(values) do
  print(shown(-value), pcall(function () return ~value end))
end

section "from text and to text"
for _, text in ipairs {
  "", " ", "0x", "0xA.8p1", "0x.1", "1e", "1e+", ".5", "5.", "0b1", "1_000", "inf", "nan", "1 2",
  "9223372036854775807", "9223372036854775808", "-9223372036854775808", "0xffffffffffffffffff",
  "1e309", "\t7\n", "7\0", "０", "1e-400", "0x1p-1074", "1" .. ("0"):rep(400),
} do
  print(text, tonumber(text), math.tointeger(text), math.type(tonumber(text)))
end
for base = 2, 36, 7 do
  print(base, tonumber("10", base), tonumber("-zz", base), tonumber(" 11 ", base), tonumber("9", base))
end
for _, call in ipairs { { "1", 1 }, { "1", 37 }, { 1, 2 }, { "1.0", 10 }, { {} , 10 }, {} } do
  print(pcall(tonumber, table.unpack(call)))
end
for _, value in ipairs { 1e15, 1e16, 1e14, 123456.789, 0.1, 1 / 3, 2 ^ 63, -2 ^ 63, 1e300, 3.0 } do
  print(value, ("%.17g"):format(value), ("%d"):format(value // 1 == value and value < 1e18
    and value > -1e18 and value or 0))
end

section "math"
for _, value in ipairs { 0, 2.5, -2.5, 3, -3, 1e100, math.huge, -math.huge, math.mininteger } do
  print(value, math.floor(value), math.ceil(value), math.abs(value), math.tointeger(value),
    math.type(value), select(2, math.modf(value)), math.ult(1, value // 1 == value
      and math.tointeger(value) or 0))
end
for _, pair in ipairs { { 7, 3 }, { -7, 3 }, { 7, -3 }, { 7.5, 2 }, { -7.5, 2 }, { 1, math.huge } } do
  print(math.fmod(pair[1], pair[2]), pair[1] % pair[2], pair[1] // pair[2], math.max(pair[1], pair[2]))
end
print(pcall(math.fmod, 1, 0), math.fmod(1, 0.0), pcall(math.max), pcall(math.floor, {}))
print(math.pi, math.maxinteger + 1 == math.mininteger, math.maxinteger // -1, math.mininteger // -1)
print(math.sqrt(2), math.exp(0), math.log(8, 2), math.log(100, 10), math.log(1), math.sin(0))
print(pcall(math.random, 0) and true, pcall(math.random, 2, 1), pcall(math.random, 1, 2, 3))
math.randomseed(42)
local first = { math.random(100), math.random(100), math.random() }
math.randomseed(42)
print(first[1] == math.random(100), first[2] == math.random(100), first[3] == math.random())
print(first[1], first[2], first[3])

section "loops"
for i = 3, 1 do print(i) end
for i = 1, 3 do io.write(i, " ") end
for i = 1.0, 2, 0.5 do io.write(i, " ") end
for i = 3, 1, -1 do io.write(i, " ") end
for i = math.maxinteger - 1, math.maxinteger do io.write(i, " ") end
for i = math.mininteger, math.mininteger + 1 do io.write(i, " ") end
print()
for _, loop in ipairs { "for i = 1, 2, 0 do end", "for i = 'a', 2 do end", "for i = 1, {} do end" } do
  print(pcall(load(loop)))
end
print(pcall(function () return 1 // 0 end), pcall(function () return 1 % 0 end), 1 // 0.0, 1 % 0.0)
