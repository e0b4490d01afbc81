-- Options that a function takes because another one does: the text of its argument begins with "as
-- for NAME", "those of NAME" or "the options of NAME". Readers are referred to that name; an editor
-- needs the fields themselves.
local index = require "moonherd.docs.index"

local M = {}

local REFERENCES = {
  "^as for `?([%w_.:]+)", "^those of `?([%w_.:]+)", "^the options of `?([%w_.:]+)",
}

-- The function that an argument refers to.
local function source_of(param)
  for _, pattern in ipairs(REFERENCES) do
    local name = param.text:match(pattern)
    local found = name and index.find((name:gsub("[.:]$", ""))) or {}
    if #found == 1 and found[1].kind == "function" then return found[1] end
  end
end

-- The words "without url and method" leave these out.
local function is_left_out(param, name)
  local words = param.text:match "without ([%w_, ]+)" or ""
  return words:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

-- The table that a function takes its options in: the one of the same name, or the first.
local function root_of(fields, name)
  for _, field in ipairs(fields) do
    if field.name:match "^[%w_]+" == name then return name end
  end
  return fields[1] and fields[1].name:match "^[%w_]+"
end

local function borrow(fields, param, from)
  local given, own = M.fields(from), {}
  for _, field in ipairs(fields) do own[field.name] = true end
  local root = root_of(given, param.name) or ""
  for _, field in ipairs(given) do
    local path = field.name:match("^" .. root .. "(%..*)$")
    local is_wanted = path and not own[param.name .. path]
      and not is_left_out(param, path:match "[%w_]+$")
    if is_wanted then
      fields[#fields + 1] = {
        name = param.name .. path, type = field.type, text = field.text, optional = true,
      }
    end
  end
end

--- The fields of a function's arguments and results, with those that are told of elsewhere.
---@param entry table  of docs/index.lua
---@return table[] fields  as in a block of docs/comments.lua
function M.fields(entry)
  local fields = table.move(entry.block.fields, 1, #entry.block.fields, 1, {})
  for _, param in ipairs(entry.block.params) do
    local from = param.type:find "table" and source_of(param)
    if from and from ~= entry then borrow(fields, param, from) end
  end
  return fields
end

return M
