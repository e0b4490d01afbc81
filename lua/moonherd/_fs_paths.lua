-- The paths of moonherd.fs as text: nothing here looks at the disk.
local core = require "moonherd._fs"
local errors = require "moonherd.error"

local M = {}

local function check_path(who, path)
  if type(path) ~= "string" then
    errors.usage("%s: bad path (string expected, got %s)", who, type(path))
  end
end

--- Puts path parts together with slashes. An absolute part drops what stands in front of it, an
--- empty one adds nothing.
---@param ... string  the parts
---@return string path  "" when there are none
---@error usage usage  when a part is no text
---@example
--- print(moonherd.fs.join("dist", "lib/", "x.mjs"))     --> dist/lib/x.mjs
function M.join(...)
  local path = ""
  for i = 1, select("#", ...) do
    local part = (select(i, ...))
    check_path("fs.join", part)
    if path == "" or part:byte() == 0x2F then
      path = part ~= "" and part or path
    elseif part ~= "" then
      path = path .. (path:byte(-1) == 0x2F and "" or "/") .. part
    end
  end
  return path
end

-- A path without the slashes at its end, except for the root.
local function trim(path)
  local last = #path
  while last > 1 and path:byte(last) == 0x2F do last = last - 1 end
  return path:sub(1, last)
end

--- The directory part of a path, as dirname(1) gives it.
---@param path string
---@return string dir  "." when the path names no directory
---@error usage usage  when the path is no text
---@example
--- print(moonherd.fs.dirname "dist/lib/x.mjs")     --> dist/lib
function M.dirname(path)
  check_path("fs.dirname", path)
  local dir = trim(path):match "^(.*)/[^/]*$"
  if not dir then return "." end
  return dir == "" and "/" or trim(dir)
end

--- The last part of a path, as basename(1) gives it.
---@param path string
---@return string name
---@error usage usage  when the path is no text
---@example
--- print(moonherd.fs.basename "dist/lib/x.mjs")     --> x.mjs
function M.basename(path)
  check_path("fs.basename", path)
  local trimmed = trim(path)
  return trimmed == "/" and "/" or trimmed:match "^.*/(.*)$" or trimmed
end

--- The extension of a path's last part, with its dot.
---@param path string
---@return string extension  "" when there is none, as in ".profile"
---@error usage usage  when the path is no text
---@example
--- print(moonherd.fs.extension "lib/x.min.js")     --> .js
function M.extension(path)
  check_path("fs.extension", path)
  local name = M.basename(path)
  local dot, first = name:match "^.*()%.", name:find "[^.]"
  return dot and first and first < dot and name:sub(dot) or ""
end

-- The names that a path leads through, without "." and "..".
local function names_of(path)
  local names = {}
  for name in path:gmatch "[^/]+" do
    if name == ".." then names[#names] = nil
    elseif name ~= "." then names[#names + 1] = name end
  end
  return names
end

--- A path from the root on, without "." and "..". Links stay as they are: fs.realpath follows them.
---@param path string
---@param from? string  the folder it starts in; default the one this process is in
---@return string path
---@error usage usage  when the path is no text
---@example
--- print(moonherd.fs.absolute("../lib/./x.mjs", "/srv/shop"))     --> /srv/lib/x.mjs
function M.absolute(path, from)
  check_path("fs.absolute", path)
  if from ~= nil then check_path("fs.absolute", from) end
  if path:byte() ~= 0x2F then path = M.join(core.cwd(), from or "", path) end
  return "/" .. table.concat(names_of(path), "/")
end

--- The way from one folder to a path.
---@param path string
---@param from? string  the folder; default the one this process is in
---@return string path  "." when it is that folder
---@error usage usage  when the path is no text
---@example
--- print(moonherd.fs.relative("/srv/lib/x.mjs", "/srv/shop"))     --> ../lib/x.mjs
function M.relative(path, from)
  check_path("fs.relative", path)
  if from ~= nil then check_path("fs.relative", from) end
  local to = names_of(M.absolute(path))
  local start = names_of(M.absolute(from or "."))
  local shared = 0
  while to[shared + 1] and to[shared + 1] == start[shared + 1] do shared = shared + 1 end
  local names = {}
  for i = 1, #start - shared do names[i] = ".." end
  table.move(to, shared + 1, #to, #names + 1, names)
  return names[1] and table.concat(names, "/") or "."
end

return M
