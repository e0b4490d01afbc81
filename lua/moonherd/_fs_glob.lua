-- fs.glob: paths by pattern. A pattern becomes several without braces; each is matched name by
-- name, and only folders that a pattern leads into are read.
local core = require "moonherd._fs"
local errors = require "moonherd.error"
local options = require "moonherd._options"

local M = {}

-- ---- braces ------------------------------------------------------------------------------------

-- The alternatives of the first braces and what stands around them, or nil: {a} and {} are names.
local function split_braces(pattern)
  local open, from, depth, choices, at = nil, nil, 0, {}, 1
  while at <= #pattern do
    local c = pattern:sub(at, at)
    if c == "\\" then at = at + 1
    elseif c == "{" then
      depth = depth + 1
      if depth == 1 then open, from, choices = at, at + 1, {} end
    elseif depth == 1 and (c == "," or c == "}") then
      choices[#choices + 1] = pattern:sub(from, at - 1)
      from = at + 1
      if c == "}" and #choices > 1 then
        return pattern:sub(1, open - 1), choices, pattern:sub(at + 1)
      end
      if c == "}" then depth = 0 end
    elseif c == "}" and depth > 1 then depth = depth - 1 end
    at = at + 1
  end
end

local function expand(pattern, list)
  local before, choices, after = split_braces(pattern)
  if not before then
    list[#list + 1] = pattern
    return list
  end
  for _, choice in ipairs(choices) do expand(before .. choice .. after, list) end
  return list
end

-- ---- one name ----------------------------------------------------------------------------------

local function literal(text)
  return (text:gsub("%W", "%%%0"))
end

-- [abc], [a-z], [!abc]: a class of Lua and where it ends, or nil when nothing closes it.
local function class_at(name, at)
  local body, stop = name:match("^%[([!^]?%]?[^%]]*)%]()", at)
  if not body then return nil end
  local negated = body:match "^[!^]"
  body = body:sub(negated and 2 or 1):gsub("[%%%]%[^]", "%%%0")
  return ("[%s%s]"):format(negated and "^" or "", body), stop
end

-- A pattern for one name as a pattern of Lua; nil and the name itself when it stands for one only.
local function compile_name(name)
  local out, plain, is_magic, at = {}, {}, false, 1
  while at <= #name do
    local c = name:sub(at, at)
    local class, stop = nil, nil
    if c == "[" then class, stop = class_at(name, at) end
    if class then
      out[#out + 1], at, is_magic = class, stop - 1, true
    elseif c == "*" then
      out[#out + 1], is_magic = ".*", true
    elseif c == "?" then
      out[#out + 1], is_magic = "[^\x80-\xBF][\x80-\xBF]*", true
    else
      if c == "\\" and at < #name then
        at = at + 1
        c = name:sub(at, at)
      end
      out[#out + 1], plain[#plain + 1] = literal(c), c
    end
    at = at + 1
  end
  if not is_magic then return nil, table.concat(plain) end
  return "^" .. table.concat(out) .. "$"
end

local function compile(pattern)
  local steps = {}
  for name in pattern:gmatch "[^/]+" do
    local step = { is_deep = name == "**", shows_hidden = name:byte() == 0x2E }
    if not step.is_deep then step.pattern, step.name = compile_name(name) end
    local last = steps[#steps]
    if not (step.is_deep and last and last.is_deep) then steps[#steps + 1] = step end
  end
  return steps
end

-- ---- folders -----------------------------------------------------------------------------------

-- What a folder holds; nothing when there is no such folder.
local function entries_of(folder)
  local entries, err = core.entries(folder == "" and "." or folder)
  if entries then return entries end
  if err.reason == "not_found" or err.reason == "not_directory" then return {} end
  error(err, 0)
end

local function is_there(path)
  return core.stat(path, false) ~= nil
end

local match -- each step leads to the next

local function match_deep(state, folder, steps, i)
  match(state, folder, steps, i + 1)
  for _, entry in ipairs(entries_of(folder)) do
    if state.dot or entry.name:byte() ~= 0x2E then
      local path = folder .. entry.name
      if i == #steps then state.found[path] = entry.type end
      if entry.type == "directory" and not entry.is_link then
        match_deep(state, path .. "/", steps, i)
      end
    end
  end
end

local function match_pattern(state, folder, steps, i)
  local step = steps[i]
  for _, entry in ipairs(entries_of(folder)) do
    local is_shown = state.dot or step.shows_hidden or entry.name:byte() ~= 0x2E
    if is_shown and entry.name:find(step.pattern) then
      local path = folder .. entry.name
      if i == #steps then state.found[path] = entry.type
      elseif entry.type == "directory" then match(state, path .. "/", steps, i + 1) end
    end
  end
end

-- Adds what matches from the i-th step on; `folder` is "" or ends with a slash.
function match(state, folder, steps, i)
  local step = steps[i]
  if not step then return end
  if step.is_deep then return match_deep(state, folder, steps, i) end
  if step.pattern then return match_pattern(state, folder, steps, i) end
  local path = folder .. step.name
  if i < #steps then return match(state, path .. "/", steps, i + 1) end
  if is_there(path) then
    local info = core.stat(path, true)
    state.found[path] = info and info.type or "link"
  end
end

local read_options = options.reader("fs.glob", {
  { "dir", "string", default = "",
    check = function (dir) return dir:find("\0", 1, true) and "it has a zero byte" or nil end },
  { "dot", "boolean" },
  { "type", "string", one_of = { "file", "directory" } },
})

--- Finds paths by a pattern: `*` any letters, `?` one, `[a-z]` and `[!a-z]` one of these and none
--- of these, `**` any number of folders, `{a,b}` either; `\` takes the next letter as it is. Names
--- that begin with a dot are found by patterns that do. `**` does not follow links to folders.
---@async
---@param pattern string
---@param opts? table
---@field opts.dir? string  the folder it starts in, which stands in front of what is found;
---  default the one this process is in
---@field opts.dot? boolean  also names that begin with a dot; default false
---@field opts.type? string  only "file" or "directory", of what links lead to
---@return string[] paths  in byte order, each once; none when nothing matches
---@error io permission  when a folder cannot be read
---@example
--- moonherd.fs.mkdir("site/css", nil, true)
--- moonherd.fs.write("site/css/a.css", "")
--- print(table.concat(moonherd.fs.glob "site/**/*.{css,js}", " "))     --> site/css/a.css
function M.glob(pattern, opts)
  if type(pattern) ~= "string" then
    errors.usage("fs.glob: bad pattern (string expected, got %s)", type(pattern))
  elseif pattern:find("\0", 1, true) then
    errors.usage "fs.glob: bad pattern (it has a zero byte)"
  end
  opts = read_options(opts)
  local state = { found = {}, dot = opts.dot }
  for _, one in ipairs(expand(pattern, {})) do
    local start = one:byte() == 0x2F and "/" or opts.dir
    if start ~= "" and start:byte(-1) ~= 0x2F then start = start .. "/" end
    match(state, start, compile(one), 1)
  end
  local paths = {}
  local wanted = opts.type or pattern:byte(-1) == 0x2F and "directory"
  for path, kind in pairs(state.found) do
    if not wanted or kind == wanted then paths[#paths + 1] = path end
  end
  table.sort(paths)
  return paths
end

return M
