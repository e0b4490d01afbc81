-- `package` under a guard: modules of Lua are found along package.path inside of its folders, those
-- of C only among what is linked in. runtime/modules_guarded.c runs it before any script.
local can_read = require "moonherd._guarded_files".can_read
local loadlib = require "moonherd._guarded".loadlib
local package, loadfile = package, loadfile

local function search(name, path, separator, replacement)
  if separator ~= "" then
    name = name:gsub(separator:gsub("%p", "%%%0"), (replacement:gsub("%%", "%%%%")))
  end
  local reasons = {}
  for template in path:gmatch "[^;]+" do
    local file = template:gsub("%?", (name:gsub("%%", "%%%%")))
    local is_there, why = can_read(file)
    if is_there then return file end
    reasons[#reasons + 1] = why
  end
  return nil, table.concat(reasons, "\n\t")
end

local function searchpath(name, path, separator, replacement)
  return search(name, path, separator or ".", replacement or "/")
end

local function search_lua(name)
  if type(package.path) ~= "string" then error("'package.path' must be a string", 0) end
  local file, why = search(name, package.path, ".", "/")
  if not file then return why end
  local chunk, message = loadfile(file)
  if chunk then return chunk, file end
  error(("error loading module '%s' from file '%s':\n\t%s"):format(name, file, message), 0)
end

local searchers = package.searchers
searchers[3] = search_lua -- behind package.preload and what is part of the program
for i = #searchers, 4, -1 do searchers[i] = nil end
rawset(package, "searchpath", searchpath)
rawset(package, "loadlib", loadlib)
rawset(package, "cpath", "")
