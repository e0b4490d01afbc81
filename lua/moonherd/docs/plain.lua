-- Where a script under moonherd meets something else than under `lua`, and why: `moonherd help
-- lua`.
-- All that is not named here is as in plain Lua; tests/spec/semantics_spec.lua runs both.
local text = require "moonherd.docs.text"

local M = {}

-- What it is about, what differs, and why.
local DIFFERENCES = {
  { "coroutine, require, print, io.write, io.stdout, io.stderr", "are moonherd's own and do as in "
    .. "plain Lua. So tasks can wait inside coroutines and while a module is loaded, and output "
    .. "goes to the program that embeds moonherd: io.stdout:seek fails, also in a file." },
  { "io.read, io.lines, io.popen, os.execute", "are Lua's own, and all tasks stand still while "
    .. "they wait. moonherd.fs and moonherd.sh let the others go on." },
  { "os.exit", "closes <close> variables, with an error, and runs finalizers, with or without its "
    .. "second argument: tasks are cancelled, and clean up." },
  { "coroutine.running()", "is the script's task, and true. It is not debug.getregistry()[1]: no "
    .. "task could wait in that thread." },
  { "collectgarbage", "starts in incremental mode, as Lua's library does; the program lua chooses "
    .. "the generational one. collectgarbage \"generational\" does so here." },
  { "coroutine.close", "fails with \"C stack overflow\" where 200 of them are nested: Lua 5.4.4 "
    .. "does not count them, and crashes." },
  { "package", "loaded and preload have entries of moonherd's, and searchers has one more, the "
    .. "last: it finds modules beside the script, wherever that is called from." },
  { "errors that nobody catches", "are printed with lines of the source, tables with their fields, "
    .. "and without [C]. They get their traceback after <close> variables are closed: these are "
    .. "given what was raised." },
  { "the value of a script", "an integer or a boolean, is its exit code; lua ignores it." },
  { "arg", "has nothing below arg[0]: options of moonherd are none of the script's." },
  { "-e", "stands once, and what follows the code goes to the script. Its chunk is named -e, as it "
    .. "is typed; lua says (command line)." },
  { "-i, -l, -W, -E", "are no options here; moonherd repl, require, warn \"@on\" and env -u "
    .. "LUA_INIT do what they do." },
  { "precompiled scripts", "are refused: bytecode can crash the process. load and loadfile take "
    .. "it." },
  { "LUA_INIT", "may wait; tasks that it starts end before the script begins. Commands but run and "
    .. "repl do not read it." },
  { "--guard", "and a host that watches over a script take away or refuse what their rules name." },
}

--- All of it as a text for a terminal.
---@return string text
function M.text()
  local out = { "Plain Lua", "", text.wrap("Scripts are Lua 5.4, with all of its libraries, with "
    .. "LUA_PATH, LUA_CPATH and LUA_INIT, and with modules in Lua and C of Debian and of LuaRocks "
    .. "(eval \"$(luarocks --lua-version 5.4 path)\"). These few things are not as under lua:", 2) }
  for _, row in ipairs(DIFFERENCES) do
    out[#out + 1] = ("\n  %s\n%s"):format(row[1], text.wrap(row[2], 6))
  end
  return table.concat(out, "\n")
end

return M
