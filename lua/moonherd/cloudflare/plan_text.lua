-- The diff of a dry run as text for people: a line for each change, what would vanish on top.
local json = require "moonherd.json"
local printable = require "moonherd._printable"
local types = require "moonherd.cloudflare.binding_types"

local M = {}

local MARKS = { add = "+", remove = "-", change = "~", keep = "=" }
local LONGEST = 48 -- characters of a value on a line

-- ---- values ------------------------------------------------------------------------------------

local function shorten(text)
  local length = utf8.len(text) or #text
  if length <= LONGEST then return text end
  local cut = utf8.offset(text, LONGEST) or LONGEST
  return text:sub(1, cut - 1) .. "…"
end

local function plain(value)
  return shorten(type(value) == "string" and value or json.encode(value))
end

local function literal(value)
  return value == nil and "none" or shorten(json.encode(value))
end

-- Two values that differ; they may look alike once they are short.
local function arrow(before, after)
  return before .. " → " .. (before == after and "another, different further on" or after)
end

local function size_text(bytes)
  if bytes < 1000 then return bytes == 1 and "1 byte" or ("%d bytes"):format(bytes) end
  if bytes < 1000000 then return ("%.1f KB"):format(bytes / 1000) end
  return ("%.1f MB"):format(bytes / 1000000)
end

local function plural(count, noun)
  return ("%d %s%s"):format(count, noun, count == 1 and "" or "s")
end

-- ---- bindings ----------------------------------------------------------------------------------

local function fields_of(...)
  local seen, names = { type = true }, {}
  for _, binding in ipairs { ... } do
    for name in pairs(binding) do
      if not seen[name] then names[#names + 1], seen[name] = name, true end
    end
  end
  table.sort(names)
  return names
end

-- The only field of a variable needs no name.
local function field_text(name, text)
  if name == "text" or name == "json" then return text end
  return name .. " " .. text
end

local function binding_text(binding, type_name)
  if type(binding) ~= "table" then return type_name end
  local words = { binding.type }
  for _, name in ipairs(fields_of(binding)) do
    words[#words + 1] = field_text(name, literal(binding[name]))
  end
  return table.concat(words, " ")
end

local function changed_fields(before, after)
  local words = { after.type }
  for _, name in ipairs(fields_of(before, after)) do
    local old, new = before[name], after[name]
    if old == nil or new == nil or json.encode(old) ~= json.encode(new) then
      words[#words + 1] = field_text(name, arrow(literal(old), literal(new)))
    end
  end
  return table.concat(words, " ")
end

local function binding_line(entry)
  local before, after = entry.before, entry.after
  if entry.change == "remove" then
    return binding_text(before, entry.type), "would vanish: not in the upload"
  elseif entry.change == "add" then
    return binding_text(after, entry.type)
  elseif entry.change == "keep" then
    return binding_text(after, entry.type), "kept"
  elseif type(before) == "table" and type(after) == "table" and before.type == after.type then
    return changed_fields(before, after)
  elseif before == after then
    return entry.type, "gets the value of the upload"
  end
  return arrow(binding_text(before, "secret"), binding_text(after, entry.type))
end

-- ---- everything else ---------------------------------------------------------------------------

local function setting_line(entry)
  local text
  if entry.change == "add" then
    text = plain(entry.after)
  elseif entry.change == "remove" then
    text = plain(entry.before)
  else
    text = arrow(plain(entry.before), plain(entry.after))
  end
  return text, entry.is_reset and "reset: not in the upload" or nil
end

local function module_line(entry)
  local before, after = entry.before, entry.after
  if entry.change ~= "change" then return size_text((after or before).size) end
  if before.size == after.size then return size_text(after.size), "other bytes or type" end
  return arrow(size_text(before.size), size_text(after.size))
end

local function joined(tags)
  return tags and table.concat(tags, " ") or "none"
end

local function tags_line(entry)
  return arrow(joined(entry.before), joined(entry.after))
end

local ASSETS = { add = "would be added", remove = "would be dropped", keep = "kept" }

local function assets_line(entry)
  return entry.after or entry.before, ASSETS[entry.change]
end

-- ---- groups ------------------------------------------------------------------------------------

-- title, what its paths start with, the line of an entry, what those that stay are called
local GROUPS = {
  { "bindings", "^bindings%.", binding_line, "binding" },
  { "code", "^modules%.", module_line, "module" },
  { "code", "^main_module$", setting_line },
  { "tags and assets", "^tags$", tags_line },
  { "tags and assets", "^assets$", assets_line },
  { "settings", "", setting_line },
}
local ORDER = { "bindings", "settings", "code", "tags and assets" }

local function group_of(entry)
  for _, group in ipairs(GROUPS) do
    if entry.path:find(group[2]) then return table.unpack(group) end
  end
end

-- What stays is counted; of secrets and assets people want to see it.
local function has_line(entry)
  return entry.change ~= "keep" or types.is_secret(entry.type or "") or entry.path == "assets"
end

local function short_name(path)
  return (path:gsub("^bindings%.", ""):gsub("^modules%.", ""))
end

-- By title: a list of lines {mark, name, value, note}, with the number of those that stay as they
-- are and have no line.
local function arrange(list)
  local groups = {}
  for _, entry in ipairs(list) do
    local title, _, line_of, noun = group_of(entry)
    local group = groups[title] or { stay = 0 }
    if has_line(entry) then
      group[#group + 1] = { MARKS[entry.change], short_name(entry.path), line_of(entry) }
    elseif noun then
      group.noun, group.stay = noun, group.stay + 1
    end
    groups[title] = (#group > 0 or group.stay > 0) and group or nil
  end
  return groups
end

-- ---- layout ------------------------------------------------------------------------------------

local function width_of(text)
  return utf8.len(text) or #text
end

local function pad(text, width)
  return text .. (" "):rep(width - width_of(text))
end

local function widest(groups, column)
  local width = 0
  for _, group in pairs(groups) do
    for _, line in ipairs(group) do width = math.max(width, width_of(line[column])) end
  end
  return math.min(width, LONGEST)
end

local function stay_text(group)
  local rest = group.stay == 1 and "stays as it is" or "stay as they are"
  return ("  = %s %s"):format(plural(group.stay, group.noun), rest)
end

local function add_group(rows, title, group, widths)
  rows[#rows + 1] = title
  for _, line in ipairs(group) do
    local mark, name, value, note = table.unpack(line, 1, 4)
    local row = ("  %s %s  %s  %s"):format(mark, pad(name, widths[1]), pad(value, widths[2]),
      note or "")
    rows[#rows + 1] = printable.line(row:match "^.*%S") -- names come from elsewhere
  end
  if group.stay > 0 then rows[#rows + 1] = stay_text(group) end
end

local function is_vanishing(entry)
  return entry.change == "remove" and entry.path:find "^bindings%." ~= nil
end

local function headline(subject, exists, list)
  local changes, vanishing = 0, 0
  for _, entry in ipairs(list) do
    if entry.change ~= "keep" then changes = changes + 1 end
    if is_vanishing(entry) then vanishing = vanishing + 1 end
  end
  local verb = not exists and "be created" or changes == 0 and "stay as it is" or "change"
  local loss = vanishing == 0 and "" or (", %s would vanish"):format(plural(vanishing, "binding"))
  return ("%s would %s%s (nothing was sent)"):format(subject, verb, loss)
end

--- Writes a diff for people.
---@param subject string  "script production/shop-7"
---@param exists boolean  whether the script is there now
---@param list table[]  the entries of diff.lua
---@return string text  without a line break at its end
function M.render(subject, exists, list)
  local groups = arrange(list)
  local widths = { widest(groups, 2), widest(groups, 3) }
  local rows = { headline(subject, exists, list) }
  for _, title in ipairs(ORDER) do
    if groups[title] then add_group(rows, title, groups[title], widths) end
  end
  return table.concat(rows, "\n")
end

local MOST_NAMED = 12

--- Writes a diff on one line: what changes, by name.
---@param exists boolean  whether the script is there now
---@param list table[]  the entries of diff.lua
---@return string line
function M.line(exists, list)
  local words, more = {}, 0
  for _, entry in ipairs(list) do
    if entry.change ~= "keep" and #words < MOST_NAMED then
      words[#words + 1] = MARKS[entry.change] .. printable.line(entry.path)
    elseif entry.change ~= "keep" then
      more = more + 1
    end
  end
  if more > 0 then words[#words + 1] = ("and %d more"):format(more) end
  local verb = not exists and "would be created" or #words == 0 and "would stay as it is"
    or "would change"
  return #words == 0 and verb or verb .. ": " .. table.concat(words, ", ")
end

return M
