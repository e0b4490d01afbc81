-- Percent-encoding of request targets. Everything here is lenient about a `%` that starts no
-- escape: wrangler puts names into paths as they are.

local M = {}

local function to_byte(hex)
  return string.char(tonumber(hex, 16))
end

--- The bytes of one path segment. The caller has split the raw path on `/` already.
function M.decode(segment)
  if not segment:find("%", 1, true) then
    return segment
  end
  return (segment:gsub("%%(%x%x)", to_byte))
end

local function decode_form(text)
  return M.decode((text:gsub("+", " ")))
end

--- The parameters of a query string; the first of several with one name counts.
function M.query(text)
  local parameters = {}
  for pair in text:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    name = decode_form(name)
    parameters[name] = parameters[name] or decode_form(value)
  end
  return parameters
end

--- A raw path as it may stand in messages: escaped where it is not ASCII, and not longer than a
--- line.
function M.printable(path)
  local short = #path > 200 and path:sub(1, 200) .. "..." or path
  return (short:gsub("[^\x21-\x7E]", function (byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

return M
