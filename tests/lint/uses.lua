-- What the sources use of each other, for the checks on layers and circles: includes and calls in
-- C, modules in Lua.

local source = require "tests.lint.source"

local M = {}

-- ---- C -----------------------------------------------------------------------------------------

-- Spaces in place of the prototypes: what they declare is not used there.
local function without_prototypes(code)
  local function blank(text) return (text:gsub("[^\n]", " ")) end
  return (("\n" .. code):gsub("\n%a[%w_%s*]-%b()[^;{}]*;", blank):gsub("\nextern%s[^\n]*", blank))
end

-- The functions and constants with a name of ours that a source defines for others.
local function exported(code)
  local names = {}
  for line in code:gmatch "[^\n]+" do
    local name = line:find "^%a" and not line:find "^static%f[%W]" and not line:find "^extern%f[%W]"
      and not line:find "^typedef%f[%W]" and not line:find ";$"
      and (line:match "^[^(={]*%f[%w_](mh_[%w_]+)%("
        or line:match "^[^(={]*%f[%w_](mh_[%w_]+)[%[%]]* =")
    names[#names + 1] = name or nil
  end
  return names
end

-- name -> the source that defines it.
local function homes(code_of)
  local home = {}
  for path, code in pairs(code_of) do
    for _, name in ipairs(path:find "%.c$" and exported(code) or {}) do home[name] = path end
  end
  return home
end

-- number, the file of ours that the line includes.
local function each_include(path, code_of)
  local next_line = source.lines(source.code(path, true))
  return function ()
    for number, line in next_line do
      local name = line:match '^%s*#%s*include%s*"([^"]+)"'
      local used = name and (code_of[name] and name or "runtime/" .. name)
      if used and code_of[used] then return number, used end
    end
  end
end

--- Iterates over what files of C use of each other: path, line, the file used, and the name of what
--- is called there; nil: the file is included.
function M.in_c()
  local code_of, paths = {}, {}
  for path in source.files("^runtime/.*%.[ch]$", "^bindings/.*%.[ch]$") do
    code_of[path] = source.code(path)
    paths[#paths + 1] = path
  end
  local home = homes(code_of)
  return coroutine.wrap(function ()
    for _, path in ipairs(paths) do
      for number, used in each_include(path, code_of) do coroutine.yield(path, number, used) end
      local own = path:gsub("%.h$", ".c") -- of which an inline function in a header may be a part
      for number, line in source.lines(without_prototypes(code_of[path])) do
        for name in line:gmatch "%f[%w_]mh_[%w_]+" do
          local used = home[name]
          if used and used ~= own then coroutine.yield(path, number - 1, used, name) end
        end
      end
    end
  end)
end

-- ---- Lua ---------------------------------------------------------------------------------------

--- The name of the module in a file of Lua.
function M.module(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

--- Iterates over the modules of ours that files of Lua require, at once or when something is
--- called: path, line, name. Of `require("moonherd.cli." .. name)` these are all modules there.
function M.in_lua()
  local names = {}
  for path in source.files "^lua/.*%.lua$" do names[#names + 1] = M.module(path) end
  return coroutine.wrap(function ()
    for path in source.files "^lua/.*%.lua$" do
      for number, line in source.lines(source.code(path, true)) do
        for name, rest in line:gmatch "%f[%w_]require%s*%(?%s*[\"']([%w_.]+)[\"']%s*(%.?%.?)" do
          if rest ~= ".." then coroutine.yield(path, number, name) end
          for _, other in ipairs(rest == ".." and names or {}) do
            if other:sub(1, #name) == name then coroutine.yield(path, number, other) end
          end
        end
      end
    end
  end)
end

return M
