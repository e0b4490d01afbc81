-- Which files of a folder are not uploaded: the rules of its .assetsignore, which are those of
-- .gitignore as wrangler reads them, so letters match in either case. The last rule that matches
-- decides.
local M = {}

--- The name of the file with the rules.
M.FILE = ".assetsignore"

-- What is never meant for visitors. They stand first: a rule such as `!/_headers` brings one back.
local BUILT_IN = "/.assetsignore\n/_headers\n/_redirects\n/_worker.js\n"

-- ---- one name of a rule ------------------------------------------------------------------------

local ONE_CHARACTER = "[^\x80-\xBF][\x80-\xBF]*" -- of UTF-8

-- The set of characters that begins at `at` as a Lua pattern, and where it ends; nil when it does
-- not end.
local function set_at(text, at)
  local negation, from = text:match("^%[([!^]?)()", at)
  local to = text:find("]", from + 1, true) -- a bracket in front belongs to the set
  if not to then return nil end
  local inside = text:sub(from, to - 1):gsub("[^%w%-\x80-\xFF]", "%%%0")
  return (negation == "" and "[" or "[^") .. inside .. "]", to + 1
end

-- The Lua pattern of what stands at `at`, and where the next thing begins.
local function piece_at(text, at)
  local char = text:sub(at, at)
  if char == "*" then return ".*", text:match("^%*+()", at) end
  if char == "?" then return ONE_CHARACTER, at + 1 end
  if char == "[" then
    local set, behind = set_at(text, at)
    if set then return set, behind end
  end
  if char == "\\" and at < #text then
    at = at + 1
    char = text:sub(at, at)
  end
  return (char:gsub("%p", "%%%0")), at + 1
end

-- The Lua pattern of one name: a part of a path, without slashes.
local function pattern_of(text)
  local pieces, at = { "^" }, 1
  while at <= #text do pieces[#pieces + 1], at = piece_at(text, at) end
  return table.concat(pieces) .. "$"
end

-- ---- one rule ----------------------------------------------------------------------------------

local ANY = {} -- the name `**`: none or more names

-- The names of a rule, as patterns.
local function patterns_of(text)
  local patterns = {}
  for name in text:gmatch "[^/]+" do
    patterns[#patterns + 1] = name == "**" and ANY or pattern_of(name)
  end
  return patterns
end

-- A line as a rule; nil for an empty one and a comment.
local function rule_of(line)
  line = line:lower():gsub("\r$", "")
  while line:find "[ \t]$" and not line:find "\\[ \t]$" do line = line:sub(1, -2) end
  if line == "" or line:sub(1, 1) == "#" then return nil end
  local rule = { ignores = line:sub(1, 1) ~= "!" }
  if not rule.ignores then line = line:sub(2) end
  rule.is_for_directories = line:sub(-1) == "/"
  line = line:gsub("/+$", "")
  rule.is_for_paths = line:find("/", 1, true) ~= nil -- else for names, in any folder
  line = line:gsub("^/", "")
  if line == "" then return nil end
  if line:find "[*?%[\\]" then rule.patterns = patterns_of(line) else rule.literal = line end
  return rule
end

-- Whether the names from the j-th on match the patterns from the i-th on.
local function do_match(patterns, i, names, j)
  local pattern = patterns[i]
  if not pattern then return j > #names end
  if pattern ~= ANY then
    return j <= #names and names[j]:find(pattern) ~= nil and do_match(patterns, i + 1, names, j + 1)
  end
  if i == #patterns then return j <= #names end
  for k = j, #names do
    if do_match(patterns, i + 1, names, k) then return true end
  end
  return false
end

local function split(path)
  local names = {}
  for name in path:gmatch "[^/]+" do names[#names + 1] = name end
  return names
end

local function is_match(rule, path, name, is_directory)
  if rule.is_for_directories and not is_directory then return false end
  local subject = rule.is_for_paths and path or name
  if rule.literal then return rule.literal == subject end
  return do_match(rule.patterns, 1, rule.is_for_paths and split(path) or { name }, 1)
end

-- ---- all rules ---------------------------------------------------------------------------------

--- Reads rules. What they say of a path holds for all that is below it, so that nothing below a
--- folder that is ignored need be asked for.
---@param text? string  of .assetsignore
---@return fun(path: string, is_directory?: boolean): boolean is_ignored  of a path below the folder
function M.read(text)
  local rules = {}
  for line in (BUILT_IN .. (text or ""):gsub("^\xEF\xBB\xBF", "")):gmatch "[^\n]+" do
    rules[#rules + 1] = rule_of(line)
  end
  return function (path, is_directory)
    path = path:lower()
    local name = path:match "[^/]*$"
    for i = #rules, 1, -1 do
      if is_match(rules[i], path, name, is_directory) then return rules[i].ignores end
    end
    return false
  end
end

return M
