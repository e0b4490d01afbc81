-- Doc comments: every public function has a block above it in the one format that help, types and
-- reference pages are made from, and the block names every parameter.
--
-- Public in Lua: functions of the table that a file returns and of its classes (PascalCase), in
-- files and under names that do not start with `_`. Public in C: blocks that start with ///@name.

local source = require "tests.lint.source"

local kinds = { usage = 1, io = 1, timeout = 1, cancelled = 1, http = 1, api = 1, process = 1,
  internal = 1, script = 1 }
local tags = { async = 1, param = 1, field = 1, ["return"] = 1, error = 1, example = 1, name = 1 }

-- The lines of the block that ends just above `number`, without their marks.
local function block_above(lines, number, mark)
  local first = number
  while first > 1 and lines[first - 1]:find("^%s*" .. mark) do first = first - 1 end
  local block = {}
  for i = first, number - 1 do
    block[#block + 1] = lines[i]:gsub("^%s*" .. mark .. " ?", "")
  end
  return block
end

-- Checks a block's form; returns the set of parameters it names.
local function check_block(path, number, name, block)
  local named, in_example, described = {}, false, false
  for _, line in ipairs(block) do
    local tag, rest = line:match "^@(%w+)%s*(.*)$"
    if tag then
      in_example = tag == "example"
      if not tags[tag] then source.report(path, number, "%s: unknown tag @%s", name, tag) end
      if tag == "param" then
        local param, kind = rest:match "^([%w_.]+)%??%s+(%S+)"
        if not kind then source.report(path, number, "%s: @param NAME TYPE …: %s", name, rest) end
        named[param or ""] = true
      elseif tag == "error" and not kinds[rest:match "^%a+" or ""] then
        source.report(path, number, "%s: @error KIND REASON …: %s", name, rest)
      end
    elseif not in_example and line:find "%S" then
      described = true
    end
  end
  if not described then source.report(path, number, "%s: says nothing in words", name) end
  return named
end

local function check_function(path, lines, number, name, parameters)
  local block = block_above(lines, number, "%-%-%-")
  if #block == 0 then return source.report(path, number, "%s has no doc comment", name) end
  local named = check_block(path, number, name, block)
  for parameter in parameters:gmatch "[%w_.]+" do
    if parameter ~= "self" and parameter ~= "_" and not named[parameter] then
      source.report(path, number, "%s: parameter '%s' is not documented", name, parameter)
    end
  end
end

local function is_public(owner, name, returned)
  return not name:find "^_" and (owner == returned or owner:find "^%u%l")
end

for path in source.files("^lua/moonherd/%a[%w_]*%.lua$",
  "^lua/moonherd/cloudflare/%a[%w_]*%.lua$") do
  local text = source.read(path)
  local lines = {}
  for number, line in source.lines(text) do lines[number] = line end
  local returned = text:match "\nreturn ([%w_]+)%s*$"
  for number, line in ipairs(lines) do
    local owner, name = line:match "^function ([%w_]+)[.:]([%w_]+)"
    if not owner then owner, name = line:match "^([%w_]+)%.([%w_]+)%s*=%s*function" end
    if owner and is_public(owner, name, returned) then
      -- The parameter list may go on over several lines.
      local rest = table.concat(lines, "\n", number, math.min(number + 8, #lines))
      local parameters = rest:match "%b()" or "()"
      check_function(path, lines, number, owner .. "." .. name, parameters)
    end
  end
end

for path in source.files "^bindings/.*%.c$" do
  local lines = {}
  for number, line in source.lines(source.read(path)) do lines[number] = line end
  for number, line in ipairs(lines) do
    if lines[number - 1] and lines[number - 1]:find "^///" and not line:find "^///" then
      local block = block_above(lines, number, "///")
      local name = block[1]:match "^@name%s+(%l[%w_]*[.:]?[%w_.:]*)$"
      if not name then
        source.report(path, number, "a doc comment starts with ///@name and the public name")
      else
        check_block(path, number, name, block)
      end
    end
  end
end

source.finish()
