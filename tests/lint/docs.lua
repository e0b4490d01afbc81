-- Doc comments: every public function has a block above it in the one format that help, types and
-- reference pages are made from (lua/moonherd/docs/comments.lua), and the block names every
-- parameter.
--
-- Public in Lua: functions of the table that a file returns and of its classes (PascalCase), in
-- files and under names that do not start with `_`. Public in C: blocks that start with ///@name.

package.path = "lua/?.lua;" .. package.path
local comments = require "moonherd.docs.comments"
local source = require "tests.lint.source"

local kinds = { usage = 1, io = 1, timeout = 1, cancelled = 1, http = 1, api = 1, process = 1,
  internal = 1, script = 1 }

local function says_something(block)
  return table.concat(block.words):find "%S" ~= nil
end

-- Checks a block's form; returns the set of parameters it names.
local function check_block(path, name, block)
  local named = {}
  for _, tag in ipairs(block.unknown) do
    source.report(path, block.line, "%s: unknown tag @%s", name, tag)
  end
  for _, param in ipairs(block.params) do
    if param.type == "" then
      source.report(path, block.line, "%s: @param NAME TYPE …: %s", name, param.name)
    end
    named[param.name] = true
  end
  for _, err in ipairs(block.errors) do
    local is_good = err.kind == "none" or (err.kind == "as" or err.kind == "of") and err.name ~= ""
      or kinds[err.kind] and err.reason
    if not is_good then
      source.report(path, block.line, "%s: @error KIND REASON …: %s", name, err.kind)
    end
  end
  if not says_something(block) then
    source.report(path, block.line, "%s: says nothing in words", name)
  end
  return named
end

local function check_function(path, found)
  local name = found.owner .. "." .. found.name
  if not found.block then
    return source.report(path, found.line, "%s has no doc comment", name)
  end
  local named = check_block(path, name, found.block)
  for _, parameter in ipairs(found.parameters) do
    if parameter ~= "self" and parameter ~= "_" and not named[parameter] then
      source.report(path, found.line, "%s: parameter '%s' is not documented", name, parameter)
    end
  end
end

local function is_public(found, returned)
  return not found.name:find "^_" and (found.owner == returned or found.owner:find "^%u%l")
end

for path in source.files("^lua/moonherd/%a[%w_]*%.lua$", "^lua/moonherd/docs/%a[%w_]*%.lua$",
  "^lua/moonherd/wrangler/%a[%w_]*%.lua$", "^lua/moonherd/cloudflare/%a[%w_]*%.lua$") do
  local read = comments.read(source.read(path))
  for _, found in ipairs(read.functions) do
    if is_public(found, read.returned) then check_function(path, found) end
  end
end

-- In C nothing below a block says what it is about.
local function check_c_blocks(path, text)
  local before = ""
  for number, line in source.lines(text) do
    local starts = line:find "^///" and not before:find "^///"
    if starts and not line:find "^///@name%s+%l[%w_.:]*$" and not line:find "^///@class%s+%l" then
      source.report(path, number, "a doc comment starts with ///@name and the public name")
    end
    before = line
  end
end

for path in source.files "^bindings/.*%.c$" do
  local text = source.read(path)
  check_c_blocks(path, text)
  for _, block in ipairs(comments.read(text, "///").named) do
    check_block(path, block.name or block.class, block)
  end
end

source.finish()
