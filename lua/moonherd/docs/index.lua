-- The public names and their doc comments, found in the sources that are part of the program: what
-- a script reaches through `moonherd`, and the classes of what that returns.
--
-- An entry: `name` ("moonherd.map", "script:upload", "script", "moonherd.fs"), `kind` (function,
-- class, module, value, or alias: a name for a type), `block` (its doc comment, as
-- docs/comments.lua reads it; nil when there is none), of a function `parameters`, of a class or
-- module `members`, entries in order; `is_required` of what scripts get by `require` alone.
local comments = require "moonherd.docs.comments"
local embedded = require "moonherd._embedded"
local options = require "moonherd._options"
local parts = require "moonherd._parts"

local M = {}

-- ---- sources -----------------------------------------------------------------------------------

local sources = {}

local function source_of(module)
  if sources[module] == nil then
    local text = embedded.source(module)
    sources[module] = text and comments.read(text) or false
  end
  return sources[module]
end

-- Parts of the program that no script sees. The doc comments of the modules in C, which the build
-- has gathered, are moonherd.docs.c.
local INNER = {
  "^moonherd%.platform", "^moonherd%.store", "^moonherd%.cli", "^moonherd%.docs%.%l%l",
}

local function is_inner(module)
  for _, pattern in ipairs(INNER) do
    if module:find(pattern) then return true end
  end
  return not module:find "^moonherd"
end

-- The blocks that say themselves what they are about: {block=, source=} in order.
local function named_blocks()
  local list = {}
  for _, module in ipairs(embedded.names()) do
    local text = not is_inner(module) and embedded.source(module)
    if text and (text:find("---@name", 1, true) or text:find("---@class", 1, true)
        or text:find("---@alias", 1, true)) then
      local source = source_of(module)
      for _, block in ipairs(source.named) do
        list[#list + 1] = { block = block, source = source, module = module }
      end
    end
  end
  return list
end

-- ---- entries -----------------------------------------------------------------------------------

local function parameters_of(block)
  local list = {}
  for _, param in ipairs(block.params) do
    if not param.name:find("%.", 1) or param.name == "..." then list[#list + 1] = param.name end
  end
  return list
end

local function entry_of_block(name, kind, block)
  return {
    name = name, kind = kind, block = block,
    parameters = kind == "function" and block and parameters_of(block) or nil,
  }
end

-- A function is documented where it was written, whatever name it is reached by.
local function entry_of_function(name, f, by_name)
  local info = debug.getinfo(f, "S")
  local source = info.what ~= "C" and source_of(info.source:match "^=%[(.*)%]$" or "")
  for _, found in ipairs(source and source.functions or {}) do
    if found.line == info.linedefined and found.block then
      return {
        name = name, kind = "function", block = found.block, parameters = found.parameters,
      }
    end
  end
  return entry_of_block(name, "function", by_name[name])
end

-- What a file says about itself: the comment it begins with.
local function block_of_file(module)
  local block = { words = {}, fields = {}, examples = {}, params = {}, returns = {}, errors = {} }
  for line in embedded.source(module):gmatch "([^\n]*)\n" do
    local text = line:match "^%-%- ?(.*)$"
    if not text then break end
    table.insert(block.words, text)
  end
  -- The reader knows the name already.
  local first = (block.words[1] or ""):gsub("^" .. module:gsub("%.", "%%.") .. ": ", "")
  block.words[1] = first:gsub("^%l", string.upper)
  return block
end

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do
    if type(name) == "string" and not name:find "^_" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function entry_of_value(name, value, by_name)
  if type(value) == "function" then return entry_of_function(name, value, by_name) end
  return entry_of_block(name, "value", by_name[name])
end

local function entry_of_module(name, module, by_name)
  local entry = { name = name, kind = "module", block = block_of_file(name), members = {} }
  for _, member in ipairs(sorted_names(module)) do
    table.insert(entry.members, entry_of_value(name .. "." .. member, module[member], by_name))
  end
  return entry
end

-- What `moonherd` has under a name: a module, a function, or a value with a doc comment of its own.
local function entry_of_part(name, part, value, by_name)
  local is_module = part == name and type(value) == "table" and not by_name[name]
  return (is_module and entry_of_module or entry_of_value)(name, value, by_name)
end

local function names_of_moonherd(moonherd)
  local names = {}
  for name in pairs(moonherd) do names[name] = true end
  for name in pairs(parts) do names[name] = true end
  return sorted_names(names)
end

-- The name of a part within the module it comes from: moonherd.null is moonherd.json.null.
local function own_name(name)
  local part = parts[name]
  return type(part) == "table" and table.concat(part, ".") or nil
end

-- ---- classes -----------------------------------------------------------------------------------

local function add_methods(class, found)
  for _, method in ipairs(found.source.functions) do
    if method.owner == found.block.owner and not method.name:find "^_" then
      table.insert(class.members, {
        name = class.name .. method.separator .. method.name, kind = "function",
        block = method.block, parameters = method.parameters,
      })
    end
  end
end

-- A class that several files add to is one.
local function classes_of(blocks)
  local list, by_name = {}, {}
  for _, found in ipairs(blocks) do
    local name = found.block.class
    if name then
      local class = by_name[name]
      if not class then
        class = { name = name, kind = "class", block = found.block, members = {} }
        by_name[name], list[#list + 1] = class, class
      end
      if found.block.owner then add_methods(class, found) end
    end
  end
  for _, found in ipairs(blocks) do
    local class = by_name[(found.block.name or ""):match "^([%w_]+):"]
    if class then
      table.insert(class.members, entry_of_block(found.block.name, "function", found.block))
    end
  end
  table.sort(list, function (a, b) return a.name < b.name end)
  return list
end

-- ---- all of it ---------------------------------------------------------------------------------

-- What `moonherd` does not lead to: scripts require it by name.
local function required_by_name(by_name)
  local entries = {
    entry_of_function("moonherd.serve.listen", require "moonherd.serve".listen, by_name),
    entry_of_module("moonherd.test", require "moonherd.test", by_name),
  }
  for _, entry in ipairs(entries) do entry.is_required = true end
  return entries
end

local function aliases_of(blocks, top)
  for _, found in ipairs(blocks) do
    local name = found.block.alias
    if name then top[#top + 1] = { name = name, kind = "alias", block = found.block } end
  end
end

-- Globals that the host replaces, which nothing in `moonherd` leads to.
local function globals_of(blocks, top)
  for _, found in ipairs(blocks) do
    local name = found.block.name
    local is_global = name and not name:find "^moonherd" and not name:find ":"
    if is_global then table.insert(top, entry_of_block(name, "function", found.block)) end
  end
end

local everything

--- All public names.
---@return table[] entries  what `moonherd` has, sorted, then what is required by name, classes,
---  aliases, and globals of the host
function M.all()
  if everything then return everything end
  local moonherd = require "moonherd"
  local blocks, by_name, top = named_blocks(), {}, {}
  for _, found in ipairs(blocks) do
    if found.block.name then by_name[found.block.name] = found.block end
  end
  for _, name in ipairs(names_of_moonherd(moonherd)) do
    local public = "moonherd." .. name
    by_name[public] = by_name[public] or by_name[own_name(name) or public]
    local part = parts[name]
    table.insert(top, entry_of_part(public, part, moonherd[name], by_name))
  end
  for _, entry in ipairs(required_by_name(by_name)) do top[#top + 1] = entry end
  for _, class in ipairs(classes_of(blocks)) do top[#top + 1] = class end
  aliases_of(blocks, top)
  globals_of(blocks, top)
  everything = top
  return top
end

--- All entries with their members, flat.
---@return fun(): table? iterator
function M.each()
  local list = {}
  for _, entry in ipairs(M.all()) do
    list[#list + 1] = entry
    for _, member in ipairs(entry.members or {}) do list[#list + 1] = member end
  end
  local i = 0
  return function ()
    i = i + 1
    return list[i]
  end
end

--- The functions that return objects of a class.
---@param class string  its name
---@return string[] names  in order
function M.returning(class)
  local names = {}
  for entry in M.each() do
    local is_documented = entry.kind == "function" and entry.block
    for _, result in ipairs(is_documented and entry.block.returns or {}) do
      if result.type:find("%f[%w_]" .. class .. "%f[^%w_]") then
        names[#names + 1] = entry.name
        break
      end
    end
  end
  return names
end

-- ---- finding one -------------------------------------------------------------------------------

-- Names people use for objects of a class.
local ALIASES = {
  ns = "namespace", db = "database", tx = "transaction", err = "error", res = "response",
  req = "request",
}

--- A name with that of the class in the place of what an object of it is usually called.
---@param name string  "ns:scripts"
---@return string name  "namespace:scripts"
function M.with_class(name)
  return (name:gsub("^%l+%f[:.%z]", ALIASES))
end

-- Words of other languages and tools.
local MEANT = {
  fetch = "moonherd.http", curl = "moonherd.http", download = "moonherd.http",
  exec = "moonherd.sh", shell = "moonherd.sh", subprocess = "moonherd.sh",
  deploy = "script:upload", publish = "script:upload", parallel = "moonherd.map",
  thread = "moonherd.spawn", queue = "moonherd.channel", semaphore = "moonherd.limit",
}

local function candidates_of(name)
  name = name:gsub("%(.*$", "")
  name = M.with_class(name)
  return { name, "moonherd." .. name, (name:gsub("%.", ":")) }
end

--- The entries a name may mean: the one of that name, else all whose last part it is.
---@param name string  "moonherd.map", "map", "script:upload", "ns:scripts", "upload"
---@return table[] entries
function M.find(name)
  local by_last, exact = {}, {}
  for entry in M.each() do
    exact[entry.name] = exact[entry.name] or entry
    if entry.name:match "[%w_]+$" == name then by_last[#by_last + 1] = entry end
  end
  for _, candidate in ipairs(candidates_of(name)) do
    if exact[candidate] then return { exact[candidate] } end
  end
  local meant = exact[MEANT[name:lower()] or ""]
  return #by_last == 0 and { meant } or by_last
end

-- How well a word describes an entry: 1 by its name, 2 by its first sentence, 3 by all that is said
-- of it; nil when none of them has it.
local function rank_of(entry, word)
  if entry.name:lower():find(word, 1, true) then return 1 end
  local words = entry.block and table.concat(entry.block.words, " "):lower() or ""
  local at = words:find(word, 1, true)
  return at and (at <= (words:find("%.%s") or #words) and 2 or 3)
end

--- The entries that speak of something, the best first.
---@param word string
---@return table[] entries
function M.search(word)
  local by_rank, found = { {}, {}, {} }, {}
  word = word:lower()
  for entry in M.each() do
    local rank = #word > 2 and rank_of(entry, word)
    if rank then table.insert(by_rank[rank], entry) end
  end
  for _, entries in ipairs(by_rank) do table.move(entries, 1, #entries, #found + 1, found) end
  return found
end

local LEAST = 4 -- letters: fewer are part of too many names

-- The first name that a word is a part of.
local function holder_of(word, names)
  for _, name in ipairs(#word >= LEAST and names or {}) do
    if name:find(word, 1, true) then return name end
  end
end

-- The names that may be meant, each with the whole ones it stands for: all public names, also
-- without "moonherd.", and their last parts.
local function names_by_part(more)
  local names, wholes = {}, {}
  local function add(part, whole)
    if not wholes[part] then names[#names + 1], wholes[part] = part, {} end
    table.insert(wholes[part], whole)
  end
  for _, name in ipairs(more) do add(name, name) end
  for entry in M.each() do
    add(entry.name, entry.name)
    local short, last = entry.name:match "^moonherd%.(.+)$", entry.name:match "[%w_]+$"
    if short then add(short, entry.name) end
    if last ~= entry.name and last ~= short then add(last, entry.name) end
  end
  return names, wholes
end

-- "namespace:uplod": the method that is nearest, of that class or else of those that have it.
local function nearest_member(name, names, wholes)
  local before, last = name:match "^(.*[.:])([%w_]+)$"
  local is_known = before and wholes[before:sub(1, -2)]
  for _, known in ipairs(is_known and names or {}) do
    if known:sub(1, #name) == name then return wholes[known][1] end
  end
  local found = is_known and options.nearest(last, names)
  local own = found and wholes[before .. found]
  return own and own[1] or found and table.concat(wholes[found], "' or '")
end

--- The public name that is nearest to a mistyped one: whole, or but for what stands before it; else
--- one that it is a part of.
---@param name string
---@param more? string[]  other names that may be meant
---@return string? nearest  "a' or 'b" when it may be several
function M.nearest(name, more)
  local names, wholes = names_by_part(more or {})
  name = M.with_class(name)
  local member = nearest_member(name, names, wholes)
  if member then return member end
  local found = options.nearest(name, names) or holder_of(name, names)
  return found and wholes[found][1]
end

return M
