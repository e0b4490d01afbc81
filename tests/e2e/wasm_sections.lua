-- wasm_sections.lua FILE EXPORT…: whether a file is a WebAssembly module whose sections fill it to
-- the last byte, in order, and that exports exactly these functions.

local file <close> = assert(io.open(arg[1], "rb"))
local bytes = file:read "a"
local at = 1

-- An unsigned LEB128 number.
local function number()
  local value, shift = 0, 0
  repeat
    local byte = assert(bytes:byte(at), "cut off in a number")
    value = value | (byte & 0x7f) << shift
    at, shift = at + 1, shift + 7
  until byte < 0x80
  return value
end

local function export_names()
  local names = {}
  for i = 1, number() do
    local length = number()
    names[i] = bytes:sub(at, at + length - 1)
    at = at + length
    assert(bytes:byte(at) == 0, names[i] .. " is no function")
    at = at + 1
    number()
  end
  return table.concat(names, " ")
end

assert(bytes:sub(1, 8) == "\0asm\1\0\0\0", "no WebAssembly, version 1")
at = 9
local exports
local last = 0
while at <= #bytes do
  local id = number()
  local length = number()
  local stop = at + length
  assert(id > last and id <= 12, "sections out of order")
  assert(stop <= #bytes + 1, "a section is cut off")
  if id == 7 then
    exports = export_names()
    assert(at == stop, "the export section is longer than its exports")
  end
  at, last = stop, id
end
local wanted = table.concat(arg, " ", 2)
assert(exports == wanted, ("exports '%s', not '%s'"):format(exports, wanted))
