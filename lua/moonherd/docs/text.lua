-- Doc comments as text for a terminal: what `moonherd help NAME` prints.
local index = require "moonherd.docs.index"

local M = {}

local DEFAULT_WIDTH, LEAST_WIDTH = 80, 20

-- What the command that prints knows of the terminal.
local columns_of_terminal

--- Sets the width of texts from now on, unless COLUMNS says another.
---@param columns? integer
function M.set_columns(columns)
  columns_of_terminal = columns
end

--- The width that texts are broken to.
---@return integer columns
function M.columns()
  local columns = math.tointeger(tonumber(os.getenv "COLUMNS" or "")) or columns_of_terminal
  return columns and math.max(columns, LEAST_WIDTH) or DEFAULT_WIDTH
end

--- Breaks a text into lines.
---@param text string
---@param indent integer  spaces in front of every line
---@param width? integer  columns; default those of the terminal
---@return string lines  without a line break at the end
function M.wrap(text, indent, width)
  local room = math.max((width or M.columns()) - indent - 1, 1)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    local longer = line == "" and word or line .. " " .. word
    if line ~= "" and (utf8.len(longer) or #longer) > room then
      lines[#lines + 1], line = line, word
    else
      line = longer
    end
  end
  lines[#lines + 1] = line
  local space = (" "):rep(indent)
  return space .. table.concat(lines, "\n" .. space)
end

--- The paragraphs of a block's words; lines that are indented stay as they are.
---@param block table
---@return string[] paragraphs
function M.paragraphs(block)
  local list, current = {}, nil
  for _, line in ipairs(block.words) do
    if line:find "^%s*$" then
      current = nil
    elseif current and not line:find "^%s%s" then
      list[current] = list[current] .. " " .. line
    else
      list[#list + 1] = line
      current = not line:find "^%s%s" and #list or nil
    end
  end
  return list
end

--- How a function is called: "script:upload(spec) -> result".
---@param entry table
---@return string signature
function M.signature(entry)
  if entry.kind == "alias" then return ("%s: %s"):format(entry.name, entry.block.type) end
  if entry.kind ~= "function" then return entry.name end
  local given = {}
  for i, name in ipairs(entry.parameters or {}) do given[i] = name end
  local results = {}
  for i, result in ipairs(entry.block and entry.block.returns or {}) do
    results[i] = result.name or result.type
  end
  local arrow = #results > 0 and " -> " .. table.concat(results, ", ") or ""
  return ("%s(%s)%s"):format(entry.name, table.concat(given, ", "), arrow)
end

--- The first sentence of a block.
---@param block table
---@return string sentence
function M.summary(block)
  local text = M.paragraphs(block)[1] or ""
  return text:match "^(.-%.)%s" or text
end

local function put_named(out, title, list)
  if #list == 0 then return end
  out[#out + 1] = "\n" .. title
  for _, item in ipairs(list) do
    local mark = item.optional and "?" or ""
    out[#out + 1] = ("  %s%s  %s"):format(item.name or "", mark, item.type):gsub("^    ", "  ")
    if item.text ~= "" then out[#out + 1] = M.wrap(item.text, 6) end
  end
end

--- Parameters with their options behind them, in the order they were written.
---@param block table
---@return table[] items
function M.arguments(block)
  local list = {}
  for _, param in ipairs(block.params) do
    list[#list + 1] = param
    for _, field in ipairs(block.fields) do
      if field.name:match "^[%w_]+" == param.name then list[#list + 1] = field end
    end
  end
  return list
end

--- Results with the fields of the tables behind them.
---@param block table
---@return table[] items
function M.results(block)
  local list = {}
  for _, result in ipairs(block.returns) do
    list[#list + 1] = result
    for _, field in ipairs(result.name and block.fields or {}) do
      if field.name:match "^[%w_]+" == result.name then list[#list + 1] = field end
    end
  end
  return list
end

--- What an @error says, in words.
---@param err table
---@return string cause  "io not_found", "those of moonherd.fs.read", "what f raises", "none …"
---@return string words  when it is raised; may be empty
function M.error(err)
  if err.kind == "none" then return "none, but for arguments of a wrong type", "" end
  if err.kind == "as" then return "those of " .. err.name, err.text end
  if err.kind == "of" then return "what " .. err.name .. " raises", err.text end
  return ("%s %s"):format(err.kind, err.reason), err.text
end

local function put_errors(out, errors)
  if #errors == 0 then return end
  out[#out + 1] = "\nErrors (kind, reason)"
  for _, err in ipairs(errors) do
    local cause, words = M.error(err)
    out[#out + 1] = M.wrap(words == "" and cause or cause .. ": " .. words, 2)
  end
end

local function put_examples(out, examples)
  for _, example in ipairs(examples) do
    out[#out + 1] = "\nExample"
    for _, line in ipairs(example) do out[#out + 1] = "  " .. line end
  end
end

local function put_members(out, entry)
  if not entry.members or #entry.members == 0 then return end
  out[#out + 1] = entry.kind == "class" and "\nMethods" or "\nFunctions"
  for _, member in ipairs(entry.members) do
    out[#out + 1] = "  " .. M.signature(member)
    if member.block then out[#out + 1] = M.wrap(M.summary(member.block), 6) end
  end
end

-- Where an object of a class comes from.
local function put_sources(out, entry)
  local sources = entry.kind == "class" and index.returning(entry.name) or {}
  if #sources == 0 then return end
  out[#out + 1] = "\nReturned by"
  out[#out + 1] = M.wrap(table.concat(sources, ", "), 2)
end

--- All that is known about a public name.
---@param entry table  of docs/index.lua
---@return string text
function M.of_entry(entry)
  local block = entry.block
  local out = { M.wrap(M.signature(entry), 0) }
  if block.is_async then out[#out + 1] = "  (waits)" end
  for _, paragraph in ipairs(M.paragraphs(block)) do
    local is_kept = paragraph:find "^%s%s"
    out[#out + 1] = (is_kept and "  " or "\n") .. (is_kept and paragraph or M.wrap(paragraph, 2))
  end
  if entry.kind == "class" then
    put_named(out, "Fields", block.fields)
    put_named(out, "Called", { block.call })
  else
    put_named(out, "Arguments", M.arguments(block))
    put_named(out, "Returns", M.results(block))
    put_errors(out, block.errors)
  end
  put_members(out, entry)
  put_sources(out, entry)
  put_examples(out, block.examples)
  return table.concat(out, "\n")
end

return M
