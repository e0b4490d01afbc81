-- Names of files and of modules, as far as they are typed. What cannot be read has none.
local async = require "moonherd.async"
local fs = require "moonherd.fs"
local index = require "moonherd.docs.index"

local M = {}

local MOST <const> = 200 -- names of a folder; nobody reads more

-- The entries of a folder that begin with a text: {name=, is_directory=}.
local function entries_of(folder, stem)
  local found = {}
  for _, name in ipairs(async.try(fs.list, folder) or {}) do
    local is_hidden = name:sub(1, 1) == "." and stem:sub(1, 1) ~= "."
    if name:sub(1, #stem) == stem and not is_hidden and #found < MOST then
      local stat = async.try(fs.stat, fs.join(folder, name))
      found[#found + 1] = { name = name, is_directory = stat and stat.type == "directory" }
    end
  end
  return found
end

--- A path as a shell would take it: `~/` is the home folder.
---@param path string
---@return string path
function M.without_tilde(path)
  local home = os.getenv "HOME"
  return home and path:find "^~/" and home .. path:sub(2) or path
end

--- The paths that begin with a text; folders end in a slash.
---@async
---@param path string
---@return string stem  what of its last part is there
---@return string[] names
function M.files(path)
  local folder, stem = path:match "^(.*/)([^/]*)$"
  if not folder then folder, stem = "", path end
  local names = {}
  for i, entry in ipairs(entries_of(folder == "" and "." or M.without_tilde(folder), stem)) do
    names[i] = entry.name .. (entry.is_directory and "/" or "")
  end
  return stem, names
end

-- The modules of one template of package.path, such as "./?.lua": those in the folder that the dots
-- of a name lead to, and folders that may hold more.
local function add_modules(names, template, prefix, stem)
  local before, behind = template:match "^([^?]*)%?(.*)$"
  if not before or behind:find "^/" or (prefix ~= "" and before == "") then return end
  local folder = before .. prefix:gsub("%.", "/")
  for _, entry in ipairs(entries_of(folder == "" and "." or folder, stem)) do
    local name = entry.name
    if not entry.is_directory then
      name = name:sub(-#behind) == behind and name:sub(1, -#behind - 1) or ""
    end
    if name:find "^[%w_-]+$" then names[prefix .. name] = true end
  end
end

--- The names of modules that begin with a text: of the program, those that are there already, and
--- those that require would find.
---@async
---@param text string
---@return table<string, boolean> names  as keys
function M.modules(text)
  local names = { moonherd = true }
  local prefix, stem = text:match "^(.-)([^.]*)$"
  for entry in index.each() do
    if entry.kind == "module" then names[entry.name] = true end
  end
  for _, known in ipairs { package.loaded, package.preload } do
    for name in next, known do
      if type(name) == "string" and not name:find "^moonherd%." and name ~= "_G" then
        names[name] = true
      end
    end
  end
  for template in (package.path .. ";" .. package.cpath):gmatch "[^;]+" do
    add_modules(names, template, prefix, stem)
  end
  return names
end

return M
