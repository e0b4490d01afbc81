-- Doc comments as Markdown: one page of reference for each module and class, one for errors, and
-- one that lists all names and has those without a page.
local failures = require "moonherd.docs.failures"
local index = require "moonherd.docs.index"
local text = require "moonherd.docs.text"
local topics = require "moonherd.docs.topics"

local M = {}

-- ---- one name ----------------------------------------------------------------------------------

local function put_paragraphs(out, block)
  for _, paragraph in ipairs(text.paragraphs(block)) do
    -- Lines that are indented are code or a table: kept as they stand.
    out[#out + 1] = paragraph:find "^%s%s" and "    " .. paragraph .. "\n" or paragraph .. "\n"
  end
end

local function code(words)
  return "`" .. words .. "`"
end

-- The page that a public name is on; nil for what is none.
local function page_of_name(name)
  for _, entry in ipairs(index.all()) do
    local has_page = entry.kind ~= "function" and entry.kind ~= "value" and entry.members
    if entry.name == name then
      return has_page and name:match "[%w_]+$" .. ".md" or "moonherd.md"
    end
    for _, member in ipairs(entry.members or {}) do
      if member.name == name then return entry.name:match "[%w_]+$" .. ".md" end
    end
  end
end

local function link(name)
  local page = page_of_name(name)
  return page and ("[%s](%s)"):format(code(name), page) or code(name)
end

-- A type, with links to the classes that it is made of behind it.
local function type_text(kind)
  local links = {}
  for word in kind:gmatch "%f[%w_.][%a_]%w*%f[^%w_.]" do
    if not word:find "^moonherd" and page_of_name(word) then links[#links + 1] = link(word) end
  end
  return code(kind) .. (#links > 0 and " (" .. table.concat(links, ", ") .. ")" or "")
end

local function put_items(out, title, items)
  if #items == 0 then return end
  out[#out + 1] = ("**%s**\n"):format(title)
  for _, item in ipairs(items) do
    local name = item.name and code(item.name .. (item.optional and "?" or "")) .. " " or ""
    out[#out + 1] = ("- %s%s: %s"):format(name, type_text(item.type), item.text):gsub(": $", "")
  end
  out[#out + 1] = ""
end

local function put_errors(out, errors)
  if #errors == 0 then return end
  out[#out + 1] = "**Errors**\n"
  for _, err in ipairs(errors) do
    local cause, words = text.error(err)
    cause = err.reason and code(cause) or err.kind == "as" and "those of " .. link(err.name)
      or cause
    out[#out + 1] = ("- %s%s"):format(cause, words ~= "" and ": " .. words or "")
  end
  out[#out + 1] = ""
end

local function put_examples(out, examples)
  for _, example in ipairs(examples) do
    out[#out + 1] = "```lua\n" .. table.concat(example, "\n") .. "\n```\n"
  end
end

local function put_sources(out, entry)
  local sources = entry.kind == "class" and index.returning(entry.name) or {}
  for i, name in ipairs(sources) do sources[i] = link(name) end
  if #sources > 0 then out[#out + 1] = ("Returned by %s.\n"):format(table.concat(sources, ", ")) end
end

local function put_entry(out, entry, level)
  local block = entry.block
  out[#out + 1] = ("%s %s\n"):format(("#"):rep(level), code(text.signature(entry)))
  if block.is_async then out[#out + 1] = "*Waits.*\n" end
  put_paragraphs(out, block)
  if entry.kind == "class" then
    put_items(out, "Fields", block.fields)
    put_items(out, "Called", { block.call })
  else
    put_items(out, "Arguments", text.arguments(block))
    put_items(out, "Returns", text.results(block))
  end
  put_errors(out, block.errors)
  put_sources(out, entry)
  put_examples(out, block.examples)
end

-- ---- pages -------------------------------------------------------------------------------------

local function page_of(entry)
  local out = {}
  put_entry(out, entry, 1)
  for _, member in ipairs(entry.members) do put_entry(out, member, 2) end
  return table.concat(out, "\n")
end

local function page_of_errors()
  local out = { "# Errors\n", "What goes wrong is raised as an object: " .. link "error" .. ".\n" }
  out[#out + 1] = "**Kinds**\n"
  for _, kind in ipairs(failures.kinds()) do
    out[#out + 1] = ("- %s: %s"):format(code(kind.name), kind.text)
  end
  out[#out + 1] = "\n**Codes of the API**\n"
  for _, row in ipairs(failures.codes()) do
    out[#out + 1] = ("- %d %s: %s"):format(row.code, code(row.reason), row.hint)
  end
  return table.concat(out, "\n") .. "\n"
end

-- All names by topic: those that have a page lead to it, the others stand below.
local function put_topics(out)
  for _, topic in ipairs(topics.all()) do
    out[#out + 1] = ("**%s**\n"):format(topic.title)
    for _, entry in ipairs(topic.entries) do
      local name = entry.members and link(entry.name) or code(entry.name)
      out[#out + 1] = ("- %s: %s"):format(name, text.summary(entry.block))
    end
    out[#out + 1] = ""
  end
end

-- What has no page of its own: the functions of `moonherd` itself, and globals of the host.
local function page_of_rest()
  local out = { "# `moonherd`\n", '```lua\nlocal moonherd = require "moonherd"\n```\n' }
  put_topics(out)
  out[#out + 1] = "What can go wrong is on [a page of its own](errors.md).\n"
  for _, entry in ipairs(index.all()) do
    if not entry.members then put_entry(out, entry, 2) end
  end
  return table.concat(out, "\n")
end

--- The pages.
---@return table<string, string> files  Markdown by name: "moonherd.md", "fs.md", "script.md", …
function M.files()
  local files = { ["moonherd.md"] = page_of_rest(), ["errors.md"] = page_of_errors() }
  for _, entry in ipairs(index.all()) do
    if entry.members then files[entry.name:match "[%w_]+$" .. ".md"] = page_of(entry) end
  end
  return files
end

return M
