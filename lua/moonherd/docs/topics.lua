-- All public names by what they are for, one line each: `moonherd help moonherd`.
local index = require "moonherd.docs.index"
local text = require "moonherd.docs.text"

local M = {}

-- In the order a reader meets them; names of `moonherd` without that.
local TOPICS = {
  { "Cloudflare's API", [[connect client namespace script worker info inherit read_wrangler]] },
  { "Many things at once", [[map each gather race spawn task scope timeout sleep try retry limit
    channel collect duration]] },
  { "Bulk runs that are resumed", [[job item]] },
  { "HTTP", [[http response serve server request serve.listen multipart reader]] },
  { "Files and data", [[fs entry temporary watch read write read_json json null sqlite database
    transaction blob hash hasher time]] },
  { "Programs, people, settings", [[sh prompt progress args env log secret inspect print]] },
  { "Errors", [[error dump]] },
  { "Hosts and tests", [[on off emit keep kept test require os.exit]] },
}

local NAMES <const> = 24 -- columns
local LEAST <const> = 60 -- of a terminal that has room for names and texts beside each other

-- The entries of a name: what `moonherd` has, and the class of what that returns.
local function entries_of(name, by_name)
  local own, class = by_name["moonherd." .. name], by_name[name]
  return own and class and { own, class } or { own or class }
end

--- The topics and what belongs to them.
---@return table[] topics  each with `title` and `entries`, of docs/index.lua
function M.all()
  local by_name, topics = {}, {}
  for _, entry in ipairs(index.all()) do by_name[entry.name] = entry end
  for i, row in ipairs(TOPICS) do
    topics[i] = { title = row[1], entries = {} }
    for name in row[2]:gmatch "%S+" do
      local entries, found = topics[i].entries, entries_of(name, by_name)
      table.move(found, 1, #found, #entries + 1, entries)
    end
  end
  return topics
end

-- As much of a text as fits into a line.
local function cut(line, width)
  if (utf8.len(line) or #line) <= width then return line end
  return line:sub(1, utf8.offset(line, width - 1) - 1):gsub("%s+%S*$", "") .. " …"
end

local function line_of(entry)
  local name = entry.kind == "class" and entry.name .. " (objects)" or entry.name
  local summary = entry.block and text.summary(entry.block) or ""
  local columns = text.columns()
  if columns < LEAST then return ("  %s\n%s"):format(name, text.wrap(summary, 6)) end
  local space = (" "):rep(math.max(NAMES - #name, 1))
  return "  " .. name .. space .. cut(summary, columns - 3 - #name - #space)
end

--- All names as a text for a terminal.
---@return string text
function M.text()
  local out = {
    "moonherd", "", '  local moonherd = require "moonherd"', "",
    text.wrap("moonherd help NAME tells all of one of these, moonherd help errors what can go "
      .. "wrong, moonherd help lua what differs from plain Lua, moonherd help the command "
      .. "line.", 2),
  }
  for _, topic in ipairs(M.all()) do
    out[#out + 1] = "\n" .. topic.title
    for _, entry in ipairs(topic.entries) do out[#out + 1] = line_of(entry) end
  end
  return table.concat(out, "\n")
end

return M
