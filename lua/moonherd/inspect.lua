-- Values as text that a person can read: what the REPL prints of a result. Looks at tables as they
-- are, without their metamethods, so that looking changes nothing. A table becomes a tree first, in
-- which every node knows how wide it is on one line; then it is written, broken where that is more
-- than there is room for.
local errors = require "moonherd._error"
local json = require "moonherd.json"
local options = require "moonherd._options"
local printable = require "moonherd._printable"
local sink = require "moonherd._sink"

local M = {}

local INDENT = "  "
local LONGEST_SECRET <const> = 4096 -- bytes, of one that a text is cut in
local AT_ONCE <const> = 1000 -- keys that are sorted
local MOST_NODES <const> = 10000 -- of the whole text, however many tables share each other
local MOST_DEPTH <const> = 200

local COLOURS = { text = "32", number = "36", constant = "35", other = "2" }

local read_options = options.reader("moonherd.inspect", {
  { "depth", "integer", default = 6, least = 0 }, { "items", "integer", default = 100, least = 1 },
  { "width", "integer", default = 80, least = 1 },
  { "bytes", "integer", default = 10000, least = 0 },
  { "colour", "boolean" }, { "ascii", "boolean" },
})

-- ---- leaves ------------------------------------------------------------------------------------

local function paint(state, text, colour)
  if not state.colour then return text end
  return ("\27[%sm%s\27[0m"):format(COLOURS[colour], text)
end

local function leaf(state, text, colour)
  return { text = paint(state, text, colour), width = utf8.len(text) or #text }
end

local ESCAPES = {
  ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"', ["\0"] = "\\0",
}

local function escape_byte(byte)
  return ESCAPES[byte] or ("\\x%02X"):format(byte:byte())
end

-- Controls of Latin-1 steer terminals too; others turn the direction of what follows, or are not
-- seen at all.
local UNSEEN = {
  { 0x80, 0x9F }, { 0xAD, 0xAD }, { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F },
  { 0xFEFF, 0xFEFF },
}

local function is_unseen(code)
  for _, range in ipairs(UNSEEN) do
    if code <= range[2] then return code >= range[1] end
  end
  return false
end

local function escape_character(state, character)
  local code = utf8.codepoint(character)
  if state.ascii or is_unseen(code) then return ("\\u{%X}"):format(code) end
  return character
end

-- Goes from one run of valid UTF-8 to the next; the bytes between are shown as numbers.
local function quote(state, text)
  local pieces, at = {}, 1
  while at <= #text do
    local length, bad = utf8.len(text, at)
    local stop = length and #text or bad - 1
    local run = text:sub(at, stop):gsub('[%c\\"]', escape_byte)
    pieces[#pieces + 1] = run:gsub("[\xC2-\xF4][\x80-\xBF]+", function (character)
      return escape_character(state, character)
    end)
    if not length then pieces[#pieces + 1] = escape_byte(text:sub(bad, bad)) end
    at = length and #text + 1 or bad + 1
  end
  return '"' .. table.concat(pieces) .. '"'
end

-- With the fewest digits that read back the same.
local function number_text(value)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value then return "nan" end
  if value == math.huge or value == -math.huge then return value > 0 and "inf" or "-inf" end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then return text:find "[.e]" and text or text .. ".0" end
  end
end

local function place_of(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return "<function of C>" end
  return ("<function %s:%d>"):format(printable.line(info.short_src), info.linedefined)
end

-- What a __tostring says, as one line; it may fail, or return anything.
local function described(value)
  local ok, text = pcall(tostring, value)
  text = ok and text or type(value)
  return ("<%s>"):format(printable.line((text:gsub("%c", " "))))
end

-- The beginning of a text that is too long, and how much is left. What is known as secret is hidden
-- before: half of it would not be found.
local function quote_some(state, text)
  if #text <= state.bytes then return quote(state, text) end
  local whole = sink.mask(text:sub(1, state.bytes + LONGEST_SECRET)):sub(1, state.bytes)
  local shown = whole:gsub("[\xC0-\xFF][\x80-\xBF]*$", "")
  return ("%s%s %d bytes more"):format(quote(state, shown), state.dots, #text - #shown)
end

local function leaf_of(state, value)
  local kind = type(value)
  if kind == "string" then return leaf(state, quote_some(state, value), "text") end
  if kind == "number" then return leaf(state, number_text(value), "number") end
  if value == json.null then return leaf(state, "null", "constant") end
  if kind == "nil" or kind == "boolean" then return leaf(state, tostring(value), "constant") end
  if kind == "function" then return leaf(state, place_of(value), "other") end
  return leaf(state, described(value), "other")
end

-- ---- the tree ----------------------------------------------------------------------------------

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

local function key_text(state, key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then
    return key .. " = "
  end
  local shown = type(key) == "table" and leaf(state, "<table>", "other") or leaf_of(state, key)
  return "[" .. shown.text .. "] = ", shown.width + 5
end

-- A __tostring of a key may fail.
local function text_of(key)
  local ok, text = pcall(tostring, key)
  return ok and text or ""
end

local function is_before(a, b)
  local kind, other = type(a), type(b)
  if kind ~= other then return kind < other end
  if kind == "number" or kind == "string" then return a < b end
  return text_of(a) < text_of(b)
end

-- The first keys behind the list part, in order, and how many there are. Of a million only those
-- are sorted that can be among the first.
local function keys_of(value, length, most)
  local keys, count, last = {}, 0, nil
  for key in next, value do
    local is_item = math.type(key) == "integer" and key >= 1 and key <= length
    if not is_item then
      count = count + 1
      if last == nil or is_before(key, last) then keys[#keys + 1] = key end
    end
    if #keys >= 2 * most + AT_ONCE then
      table.sort(keys, is_before)
      keys = table.move(keys, 1, most, 1, {})
      last = keys[most]
    end
  end
  table.sort(keys, is_before)
  return keys, count
end

local ARRAY <const> = debug.getmetatable(json.array {})

-- An object that says what it is, such as a handle, is not taken apart; an error is, and a list
-- that came as JSON.
local function speaks_for_itself(value)
  local mt = debug.getmetatable(value)
  if mt == ARRAY then return false end
  local named = type(mt) == "table" and (rawget(mt, "__tostring") or rawget(mt, "__name"))
  return named ~= nil and named ~= false and not errors.is(value)
end

local tree_of -- a table holds others

local function add(state, node, key, value, depth)
  local entry = { key = "", node = tree_of(state, value, depth + 1) }
  local key_width = 0
  if key ~= nil then
    entry.key, key_width = key_text(state, key)
    key_width = key_width or #entry.key
  end
  node.width = node.width + key_width + entry.node.width + 2
  node.entries[#node.entries + 1] = entry
end

local function branch(state, value, depth)
  local length = rawlen(value)
  local keys, key_count = keys_of(value, length, math.min(state.items, MOST_NODES))
  local count = length + key_count
  local node = { entries = {}, width = 2 }
  for i = 1, math.min(count, state.items) do
    if state.nodes >= MOST_NODES then break end
    local key = keys[i - length]
    if i <= length then add(state, node, nil, rawget(value, i), depth)
    else add(state, node, key, rawget(value, key), depth) end
  end
  local left = count - #node.entries
  if left > 0 then
    local more = leaf(state, ("%s %d more"):format(state.dots, left), "other")
    node.entries[#node.entries + 1] = { key = "", node = more }
    node.width = node.width + more.width + 2
  end
  return node
end

function tree_of(state, value, depth)
  state.nodes = state.nodes + 1
  if type(value) ~= "table" or speaks_for_itself(value) then return leaf_of(state, value) end
  if next(value) == nil then return leaf(state, "{}", "other") end
  if state.open[value] then return leaf(state, "<cycle>", "other") end
  if depth >= state.depth then return leaf(state, "{" .. state.dots .. "}", "other") end
  state.open[value] = true
  local node = branch(state, value, depth)
  state.open[value] = nil
  return node
end

-- ---- writing -----------------------------------------------------------------------------------

local write_node -- an entry holds another node

local function write_entries(state, node, before, between, indent)
  for i, entry in ipairs(node.entries) do
    table.insert(state.out, (i > 1 and between or "") .. before .. entry.key)
    write_node(state, entry.node, indent)
  end
end

function write_node(state, node, indent)
  if node.text then return table.insert(state.out, node.text) end
  if #indent + node.width <= state.width then
    table.insert(state.out, "{ ")
    write_entries(state, node, "", ", ", "")
    return table.insert(state.out, " }")
  end
  local deeper = indent .. INDENT
  table.insert(state.out, "{\n")
  write_entries(state, node, deeper, ",\n", deeper)
  table.insert(state.out, ",\n" .. indent .. "}")
end

--- A value as text for people: tables with their keys in order, broken over lines where they are
--- too wide, and nothing that steers a terminal. What says what it is (a handle, anything with a
--- `__tostring` or a `__name`) is shown by that. Known secrets are hidden. Not meant to be read
--- back: `moonherd.json.encode` is.
---@param value any
---@param opts? table
---@field opts.depth? integer  how many tables within each other are shown, at most 200; default 6
---@field opts.items? integer  how many fields of each; default 100. Of all together at most 10,000
---@field opts.bytes? integer  how many bytes of a text; default 10000
---@field opts.width? integer  columns of a line; default 80
---@field opts.colour? boolean  with the colours of a terminal; default false
---@field opts.ascii? boolean  every other character by its number; default false
---@return string text  without a line end
---@error usage usage  for an unknown option
---@example
--- print(moonherd.inspect { "one", 2.0, tags = { "a", "b" }, plan = moonherd.null })
--- --> { "one", 2.0, plan = null, tags = { "a", "b" } }
function M.inspect(value, opts)
  local state = read_options(opts)
  state.dots = state.ascii and "..." or "…"
  state.depth = math.min(state.depth, MOST_DEPTH)
  state.open, state.nodes, state.out = {}, 0, {}
  write_node(state, tree_of(state, value, 0), "")
  return sink.mask(table.concat(state.out))
end

return M
