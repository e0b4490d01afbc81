-- Command lines of subcommands, on argparse: what it cannot read is one line on stderr and exit 2.
local argparse = require "argparse"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local options_of = require "moonherd._options"

-- `words`: the words of the command line, as the executable has them: forms, commands, options and
-- exit_codes, lists of {name=, arguments=, text=}. `load_command(name)`: the module of a command.
-- init.lua sets both.
local M = { words = {} }

--- A text of the table as a sentence.
---@param text string
---@return string sentence
function M.sentence(text)
  return text:sub(1, 1):upper() .. text:sub(2):gsub("\n", " ") .. "."
end

-- Commands that the executable runs itself have no module and no options of their own.
local NATIVE = { run = true, version = true }

--- The module of a command.
---@param name string
---@return table? command  nil for one that the executable runs itself
function M.command(name)
  return not NATIVE[name] and M.load_command(name) or nil
end

--- The entry of a command in the executable's table.
---@param name string
---@return table? entry  {name=, arguments=, text=}
function M.entry(name)
  for _, entry in ipairs(M.words.commands) do
    if entry.name == name then return entry end
  end
end

--- A parser of one command's arguments.
---@param name string
---@return table parser  of argparse
function M.new(name)
  local p = argparse("moonherd " .. name, M.sentence(M.entry(name).text)):add_help "-h --help"
  M.command(name).configure(p)
  -- Of two values for one option the second would silently win.
  for _, option in ipairs(p._options) do option:overwrite(false) end
  return p
end

-- argparse would end the process from inside a protected call.
local function wants_help(...)
  for _, word in ipairs { ... } do
    if word == "-h" or word == "--help" then return true end
  end
  return false
end

-- The option that stands for one of other tools.
local function meant(command, word)
  for _, entry in ipairs(M.words.foreign) do
    local fits = entry.arguments == nil or entry.arguments == command
    if fits and entry.name == word:match "^[^=]*" then return entry.text end
  end
end

-- That, or the nearest one to what there is not, of the options of the command and the shared ones.
local function suggest(parser, word)
  local names, command = {}, parser._name:match "%S+$"
  for _, option in ipairs(parser._options) do
    table.move(option._aliases, 1, #option._aliases, #names + 1, names)
  end
  for _, entry in ipairs(M.words.options) do names[#names + 1] = entry.name end
  local nearest = meant(command, word) or options_of.nearest(word:match "^[^=]*", names)
  return nearest and (" (did you mean '%s'?)"):format(nearest)
    or ("; 'moonherd %s --help' lists them"):format(command)
end

-- A value that is none of those that are allowed: argparse lists them, and names no nearest.
local function with_nearest(line, ...)
  local choices = {}
  for choice in (line:match "must be one of (.+)$" or ""):gmatch "'([^']*)'" do
    choices[#choices + 1] = choice
  end
  for _, word in ipairs { ... } do
    local value = word:match "^%-%-[%w-]+=(.*)$" or word
    local nearest = choices[1] and options_of.nearest(value, choices)
    if nearest and nearest ~= value then
      return ("%s (did you mean '%s'?)"):format(line, nearest)
    end
  end
  return line
end

--- Reads the arguments; help that is asked for is printed, what is wrong with them ends the
--- command.
---@param parser table
---@param ... string  the arguments
---@return table? options  by name; nil when there is nothing left to do
---@return integer? code  the exit code then
function M.parse(parser, ...)
  if wants_help(...) then
    print(parser:get_help())
    return nil, 0
  end
  local is_good, result = parser:pparse { ... }
  if is_good then return result end
  local line = result:gsub("\nDid you mean (.-)%?$", " (did you mean %1?)"):gsub("\n", " ")
  local unknown = result:match "^unknown option '(.-)'"
  if unknown then line = ("unknown option '%s'%s"):format(unknown, suggest(parser, unknown)) end
  return M.refuse("%s", with_nearest(line, ...))
end

--- Refuses a file where a folder is to be made or filled, or on the way there.
---@async
---@param command string
---@param path string
function M.check_folder(command, path)
  while not fs.exists(path) do path = fs.dirname(path) end
  if fs.stat(path).type ~= "directory" then
    M.refuse("%s: %s is a file, not a folder", command, path)
  end
end

--- Ends the command for what only the command itself can find wrong with its arguments: a line on
--- stderr, exit 2.
---@param format string
---@param ... any  what it formats
function M.refuse(format, ...)
  errors.raise { kind = "usage", reason = "command_line", message = format:format(...) }
end

return M
