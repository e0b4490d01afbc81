-- Definitions for lua-language-server, made of the doc comments: a file for `moonherd`, for each of
-- its modules and for each class. Editors take them from a folder named in workspace.library.
local borrowed = require "moonherd.docs.borrowed"
local index = require "moonherd.docs.index"
local text = require "moonherd.docs.text"

local M = {}

local WIDTH = 100

-- ---- types -------------------------------------------------------------------------------------

-- Doc comments name classes by their short names; types of an editor are all in one space.
local function qualified(kind, classes)
  return (kind:gsub("[%a_][%w_.]*", function (word)
    return classes[word] and "moonherd." .. word or nil
  end))
end

local function class_names()
  local set = {}
  for _, entry in ipairs(index.all()) do
    if entry.kind == "class" or entry.kind == "alias" then set[entry.name] = true end
  end
  return set
end

-- ---- options -----------------------------------------------------------------------------------

-- The fields of an option table by the path they belong to: "opts" -> {…}, "opts.retry" -> {…}.
local function fields_by_path(entry)
  local paths, order = {}, {}
  for _, field in ipairs(borrowed.fields(entry)) do
    local path = field.name:match "^(.*)%.[%w_]+$"
    if path and not paths[path] then
      paths[path] = {}
      order[#order + 1] = path
    end
    if path then table.insert(paths[path], field) end
  end
  return paths, order
end

local function class_of_path(entry, path)
  local name = entry.name:gsub("^moonherd%.", ""):gsub("[.:]", "_")
  return name .. "." .. path:gsub("%[%]", "_item")
end

-- An annotation and the words behind it, on one line.
local function line(format, words, ...)
  return (format:format(...) .. " " .. words:gsub("%s+", " ")):match "^(.-)[%s#]*$"
end

-- The type of an argument or option: a table whose options are documented has a class of its own.
local function type_of(entry, item, path, paths, classes)
  local kind = qualified(item.type, classes)
  if not paths[path] and paths[path .. "[]"] then path = path .. "[]" end
  if not paths[path] then return kind end
  local own = "moonherd." .. class_of_path(entry, path)
  local replaced = kind:gsub("%f[%w]table%f[^%w]", own, 1)
  return replaced
end

local function put_option_classes(out, entry, classes)
  local paths, order = fields_by_path(entry)
  for _, path in ipairs(order) do
    out[#out + 1] = ("---@class moonherd.%s"):format(class_of_path(entry, path))
    for _, field in ipairs(paths[path]) do
      out[#out + 1] = line("---@field %s%s %s", field.text, field.name:match "[%w_]+$",
        field.optional and "?" or "", type_of(entry, field, field.name, paths, classes))
    end
    if paths[path .. "[]"] then -- a list that has fields beside
      out[#out + 1] = "---@field [integer] moonherd." .. class_of_path(entry, path .. "[]")
    end
    out[#out + 1] = ""
  end
  return paths
end

-- ---- functions ---------------------------------------------------------------------------------

local function put_words(out, block)
  for _, paragraph in ipairs(text.paragraphs(block)) do
    if out[#out] and out[#out]:find "^%-%-%-" then out[#out + 1] = "---" end
    for words in text.wrap(paragraph, 0, WIDTH - 4):gmatch "[^\n]+" do
      out[#out + 1] = "---" .. words
    end
  end
end

local function put_example(out, block)
  for _, example in ipairs(block.examples) do
    out[#out + 1] = "---"
    out[#out + 1] = "---```lua"
    for _, words in ipairs(example) do out[#out + 1] = "---" .. words end
    out[#out + 1] = "---```"
  end
end

local function put_errors(out, block)
  for _, err in ipairs(block.errors) do
    local cause, words = text.error(err)
    out[#out + 1] = "---"
    out[#out + 1] = line(err.reason and "---Error `%s`:" or "---Errors: %s:", words, cause)
      :gsub(":$", "")
  end
end

-- `owner`: the local table that the function is a part of in its file.
local function put_function(out, entry, owner, classes)
  local block = entry.block
  local paths = put_option_classes(out, entry, classes)
  put_words(out, block)
  put_errors(out, block)
  put_example(out, block)
  if block.is_async then out[#out + 1] = "---@async" end
  for _, param in ipairs(block.params) do
    out[#out + 1] = line("---@param %s%s %s", param.text, param.name, param.optional and "?" or "",
      type_of(entry, param, param.name, paths, classes))
  end
  for _, result in ipairs(block.returns) do
    local kind = result.name and type_of(entry, result, result.name, paths, classes)
      or qualified(result.type, classes)
    out[#out + 1] = line("---@return %s %s #", result.text, kind, result.name or "_")
  end
  local separator, name = entry.name:match "([.:])([%w_]+)$"
  out[#out + 1] = ("function %s%s%s(%s) end\n"):format(owner, separator, name,
    table.concat(entry.parameters, ", "))
end

-- ---- files -------------------------------------------------------------------------------------

local function put_class_line(out, entry, classes)
  put_words(out, entry.block)
  out[#out + 1] = "---@class moonherd." .. entry.name:gsub("^moonherd%.", "")
  for _, field in ipairs(entry.kind == "class" and entry.block.fields or {}) do
    out[#out + 1] = line("---@field %s%s %s", field.text, field.name, field.optional and "?" or "",
      qualified(field.type, classes))
  end
  if entry.block.call then
    out[#out + 1] = "---@overload fun(): " .. qualified(entry.block.call.type, classes)
  end
  for _, member in ipairs(entry.members) do
    if member.kind == "value" then
      out[#out + 1] = line("---@field %s any", text.summary(member.block),
        member.name:match "[%w_]+$")
    end
  end
end

local function file_of_members(entry, classes)
  local owner = entry.name:match "[%w_]+$"
  local out = { "---@meta " .. (entry.kind == "class" and "_" or entry.name), "" }
  put_class_line(out, entry, classes)
  out[#out + 1] = ("local %s = {}\n"):format(owner)
  for _, member in ipairs(entry.members) do
    if member.kind == "function" then put_function(out, member, owner, classes) end
  end
  if entry.kind ~= "class" then out[#out + 1] = "return " .. owner end
  return table.concat(out, "\n") .. "\n"
end

local function put_aliases(out)
  for _, entry in ipairs(index.all()) do
    if entry.kind == "alias" then
      put_words(out, entry.block)
      out[#out + 1] = ("---@alias moonherd.%s %s\n"):format(entry.name, entry.block.type)
    end
  end
end

-- A function that is a part of what `require` gives, of which nothing else is public.
local function file_of_part(entry, classes)
  local module = entry.name:match "^(.*)%."
  local owner = module:match "[%w_]+$"
  local out = { "---@meta " .. module, "", ("local %s = {}\n"):format(owner) }
  put_function(out, entry, owner, classes)
  out[#out + 1] = "return " .. owner
  return table.concat(out, "\n") .. "\n"
end

local function file_of_moonherd(classes)
  local out = { "---@meta moonherd", "", "---@class moonherd" }
  for _, entry in ipairs(index.all()) do
    local name = entry.name:match "^moonherd%.([%w_]+)$"
    if name and entry.kind == "module" and not entry.is_required then
      out[#out + 1] = ("---@field %s moonherd.%s"):format(name, name)
    elseif name and entry.kind == "value" then
      out[#out + 1] = line("---@field %s any", text.summary(entry.block), name)
    end
  end
  out[#out + 1] = "local moonherd = {}\n"
  put_aliases(out)
  for _, entry in ipairs(index.all()) do
    if entry.kind == "function" and entry.name:find "^moonherd%.[%w_]+$" then
      put_function(out, entry, "moonherd", classes)
    end
  end
  out[#out + 1] = "return moonherd\n"
  return table.concat(out, "\n")
end

--- The files of the definitions.
---@return table<string, string> files  text by path: "moonherd.lua", "moonherd/fs.lua", …
function M.files()
  local classes = class_names()
  local files = { ["moonherd.lua"] = file_of_moonherd(classes) }
  for _, entry in ipairs(index.all()) do
    if entry.kind == "module" then
      files[("moonherd/%s.lua"):format(entry.name:match "[%w_]+$")] =
        file_of_members(entry, classes)
    elseif entry.kind == "function" and entry.is_required then
      files[entry.name:match "^(.*)%.":gsub("%.", "/") .. ".lua"] = file_of_part(entry, classes)
    elseif entry.kind == "class" then
      files[("moonherd/class/%s.lua"):format(entry.name)] = file_of_members(entry, classes)
    end
  end
  return files
end

return M
