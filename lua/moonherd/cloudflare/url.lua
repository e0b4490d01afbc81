-- Percent-encoding, queries, and taking base URLs apart. Every path segment and query value is
-- encoded exactly once, here; handles keep their encoded segment.
local M = {}

local escapes = {}
for byte = 0, 255 do escapes[string.char(byte)] = ("%%%02X"):format(byte) end

--- Percent-encodes one path segment or query value: all but letters, digits and `-._~`.
---@param text string
---@return string encoded
function M.encode(text)
  return (text:gsub("[^%w%-._~]", escapes))
end

local function add_pair(pairs_found, name, value)
  pairs_found[#pairs_found + 1] = M.encode(name) .. "=" .. M.encode(tostring(value))
end

--- The query string of a table, with the names in order; a list repeats its name.
---@param values? table<string, string|number|boolean|table>
---@return string query  "" or "?name=value&…"
function M.query(values)
  local names = {}
  for name in pairs(values or names) do names[#names + 1] = name end
  if #names == 0 then return "" end
  table.sort(names)
  local found = {}
  for _, name in ipairs(names) do
    local value = values[name]
    for _, each in ipairs(type(value) == "table" and value or { value }) do
      add_pair(found, name, each)
    end
  end
  return "?" .. table.concat(found, "&")
end

--- Takes a base URL apart, or says what is wrong with it.
---@param text string
---@return table? url  {scheme=, host=, base=}: base has no slash at its end
---@return string? why
function M.parse_base(text)
  local scheme, authority, path = text:match "^(%a[%w+.-]*)://([^/?#]*)(.*)$"
  scheme = scheme and scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then return nil, "an http or https URL is expected" end
  if authority:find "@" then return nil, "a URL with a user name or password is not taken" end
  if path:find "[?#]" then return nil, "a base URL has no query and no fragment" end
  if text:find "[%c%s]" then return nil, "a URL has no spaces or control characters" end
  local host = authority:match "^(%[[%x:.]+%])" or authority:match "^([^:]+)"
  local port = host and authority:sub(#host + 1)
  if not host or (port ~= "" and not port:find "^:%d+$") then return nil, "the host is missing" end
  return { scheme = scheme, host = host:lower(), base = text:gsub("/+$", "") }
end

--- A URL as it may stand in a message: without the user name and password it should not have.
---@param text string
---@return string shown
function M.without_user(text)
  return (text:gsub("//[^/]*@", "//...@"))
end

--- Whether a host is this machine's loopback: what is sent there stays here.
---@param host string  as parse_base gives it
---@return boolean
function M.is_loopback(host)
  return host == "localhost" or host == "[::1]" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

return M
