local function section(name) print("-- " .. name) end

local function try(f, ...)
  local results = table.pack(pcall(f, ...))
  for i = 1, results.n do
    local value = results[i]
    results[i] = type(value) == "string" and ("%q"):format(value) or tostring(value)
  end
  print(table.unpack(results, 1, results.n))
end

section "format"
for _, format in ipairs {
  "%d", "%5d|", "%-5d|", "%05d", "%+d", "% d", "%x", "%X", "%#x", "%o", "%c", "%i", "%u", "%.3d",
  "%e", "%.2E", "%f", "%.0f", "%10.3f|", "%g", "%G", "%a", "%A", "%s", "%10s|", "%-10s|", "%.2s",
  "%q", "%p", "%%", "%", "%y", "%123d", "%.123d", "%5", "%n", "%#q", "%0100d",
} do
  for _, value in ipairs { 65, -65, 65.0, 65.5, "65", "text", true, math.mininteger } do
    if format ~= "%p" then try(string.format, format, value) end
  end
end
try(string.format, "%s %s", 1)
try(string.format, "%q", "a\n\0\r\"\\\200é")
try(string.format, "%q", 1 / 0)
try(string.format, "%q", 0.1)
try(string.format, "%q", math.mininteger)
try(string.format, "%q", {})
try(string.format, "%s", setmetatable({}, { __tostring = function () return "shown" end }))
try(string.format, "%s", setmetatable({}, { __tostring = function () return 1 end }))
try(string.format, "%s", setmetatable({}, { __name = "named" }) and "named")
try(string.format, "%5s", "a\0b")
try(string.format, "%s", "a\0b")

section "sub, byte, char, rep, reverse, case, len"
local word = "hello"
for i = -7, 7 do
  local line = {}
  for j = -7, 7 do line[#line + 1] = word:sub(i, j) end
  print(i, table.concat(line, ","), word:byte(i))
end
try(string.sub, "x", math.mininteger, math.maxinteger)
try(string.byte, word, 1, -1)
try(string.char)
try(string.char, 0, 255)
try(string.char, 256)
try(string.rep, "ab", 3, ",")
try(string.rep, "ab", -1)
try(string.rep, "", 1 << 30)
try(string.rep, "x", 1 << 62)
try(string.reverse, "a\0b")
try(string.upper, "aé")
try(string.len, "\0\0")
print(#"é", "a" < "b", "a" < "B", "" < "a", "a\0a" < "a\0b", "Z" < "a", "10" < "9")

section "find, match, gmatch, gsub"
for _, case in ipairs {
  { "hello", "l" }, { "hello", "l", 4 }, { "hello", "l", -2 }, { "hello", "xyz" }, { "hello", "" },
  { "hello", "", 6 }, { "hello", "", 7 }, { "a.b", ".", 1, true }, { "a+b", "+", 1, true },
  { "key = value", "^(%w+)%s*=%s*(%w+)$" }, { "  x  ", "^%s*(.-)%s*$" }, { "f(a(b)c)d", "%b()" },
  { "THE (quick) fox", "%f[%a]%a+%f[%A]" }, { "abc", "()b()" }, { "abc", "[^b]+" }, { "a-b", "[a%-]+" },
  { "]", "[]]" }, { "^", "[%^]" }, { "x]y", "[^]]+" }, { "2024-01-31", "(%d+)-(%d+)-(%d+)" },
  { "aXb", "%u" }, { "\0a", "%z" }, { "ab12", "%a+%d-$" }, { "aaa", "a-b" }, { "aa", "(a)%1" },
  { "x", "[" }, { "x", "%" }, { "x", "(" }, { "x", "(()" }, { "x", ")" }, { "x", "%b" }, { "x", "%f" },
  { "x", "%1" }, { "x", "[a-" }, { "x", "[%" }, { ("a"):rep(40), ("a?"):rep(20) .. ("a"):rep(20) },
} do
  try(string.find, table.unpack(case))
  try(string.match, table.unpack(case, 1, 3))
end
for _, case in ipairs {
  { "hello", "l", "L" }, { "hello", "l", "L", 1 }, { "hello", "", "-" }, { "abc", "%w", "%0%0" },
  { "abc", "(%w)(%w)", "%2%1" }, { "abc", "%w", { a = 1, b = true, c = false } },
  { "abc", "%w", function (c) return c ~= "b" and c:upper() or nil end }, { "abc", "b", "%" },
  { "abc", "b", "%2" }, { "abc", "b", "%%" }, { "abc", "b", true }, { "abc", "b", { b = {} } },
  { "abc", "^a", "x" }, { "a b", "%S+", string.upper }, { "abc", "b*", "x" }, { "", "", "x" },
} do
  try(string.gsub, table.unpack(case))
end
for k, v in ("a=1, b=2"):gmatch "(%w+)=(%w+)" do io.write(k, v, " ") end
for word in ("one two"):gmatch "%a+" do io.write(word, ".") end
for at in ("abc"):gmatch "()" do io.write(at, " ") end
for c in ("abc"):gmatch("%w", 2) do io.write(c) end
print()
try(string.gsub, "x", "x", function () error "inside" end)

section "pack and unpack"
for _, format in ipairs {
  "b", "B", "h", "H", "i", "I", "l", "j", "J", "T", "f", "d", "n", "i3", "I16", "<i2", ">i2", "=i2",
  "!4 i1 i4", "z", "s", "s1", "s4", "c5", "x", "Xi4", "i17", "i0", "c", "!3", "y", " <!2 b h ",
} do
  for _, value in ipairs { 1, -1, 200, "text", 2.5 } do
    local ok, packed = pcall(string.pack, format, value, value)
    print(format, value, ok, ok and packed:gsub(".", function (c) return ("%02x"):format(c:byte()) end)
      or packed)
    if ok then try(string.unpack, format, packed) end
  end
  try(string.packsize, format)
end
try(string.unpack, "z", "no zero")
try(string.unpack, "s1", "\5abc")
try(string.unpack, "i4", "abc")
try(string.unpack, "i4", "abcdefgh", -4)
try(string.unpack, "b", "abc", 5)
try(string.unpack, "i16", ("\255"):rep(16))
try(string.unpack, "I9", ("\255"):rep(9))

section "utf8"
local text = "aé€𝄞"
for at, code in utf8.codes(text) do io.write(at, ":", code, " ") end
print(utf8.len(text), utf8.len(text, 3), utf8.len(text, -4), utf8.len "", #utf8.charpattern)
for i = -3, 5 do try(utf8.offset, text, i) end
for i = 1, #text + 1 do try(utf8.offset, text, 0, i) end
try(utf8.codepoint, text, 1, -1)
try(utf8.codepoint, text, 3)
try(utf8.char, 97, 233, 8364, 119070, 0x7FFFFFFF)
try(utf8.char, -1)
for _, bad in ipairs { "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80", "\xe2\x82" } do
  try(utf8.len, bad)
  try(utf8.len, bad, 1, -1, true)
  try(function () for _ in utf8.codes(bad) do end end)
end
print("\u{48}\u{20AC}\x41\65\z
       joined", '\'', "\a\b\f\v" == "\7\8\12\11")

section "tables of text"
try(table.concat, { 1, 2.5, "x" }, ", ")
try(table.concat, { 1, {}, 3 })
try(table.concat, { 1, 2, 3 }, "-", 2, 3)
try(table.concat, {}, "x")
try(table.unpack, { 1, 2, 3 }, 2)
try(table.unpack, {}, 1, 3)
try(table.unpack, {}, 1, 1e8)
try(table.insert, { 1 }, 5, 2)
try(table.insert, { 1 })
try(table.remove, {}, 5)
try(table.move, { 1, 2, 3 }, 1, 3, 2)
try(table.sort, { 3, 1, "x" })
try(table.sort, { 1, 2, 3 }, function () return true end)
local list = { 5, 2, 8, 1 }
table.sort(list, function (a, b) return a > b end)
print(table.concat(list, " "), table.remove(list), table.remove(list, 1), #list)
