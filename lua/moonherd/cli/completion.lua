-- moonherd completion SHELL: what a shell needs to complete the command line, made by argparse of
-- the same words and parsers as --help. For bash: source <(moonherd completion bash).
local argparse = require "argparse"
local parser = require "moonherd.cli.parser"

local M = {}

local SHELLS = { "bash", "zsh", "fish" }

-- What the values of an option can be, where that is a fixed list.
local VALUES = {
  ["--target"] = { "local", "cloudflare" },
  ["--log"] = { "error", "warn", "info", "debug", "json" },
}

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("SHELL", "bash, zsh or fish."):choices(SHELLS)
end

-- The options of the executable, which every command takes too.
local function add_options(p)
  for _, entry in ipairs(parser.words.options) do
    local words = entry.text:gsub("\n", " ")
    if entry.name == "--help" then
      p:add_help "-h --help"
    elseif entry.arguments then
      local option = p:option(entry.name, words):argname(entry.arguments)
      if VALUES[entry.name] then option:choices(VALUES[entry.name]) end
    else
      p:flag(entry.name, words)
    end
  end
end

-- argparse offers what an argument may be to zsh alone. To others such words look like commands.
local function add_choices(command)
  for _, argument in ipairs(command._arguments) do
    for _, choice in ipairs(argument._choices or {}) do command:command(choice, "") end
  end
end

-- One parser for the whole line: only its words matter, nothing is read with it.
local function whole_line(shell)
  local p = argparse("moonherd", "")
  add_options(p)
  for _, entry in ipairs(parser.words.commands) do
    local command = p:command(entry.name, entry.text)
    local module = parser.command(entry.name)
    if module then module.configure(command) end
    if shell ~= "zsh" then add_choices(command) end
  end
  return p
end

--- Prints it.
---@param options table
---@return integer code
function M.run(options)
  local p = whole_line(options.SHELL)
  io.write(p[("get_%s_complete"):format(options.SHELL)](p))
  return 0
end

return M
