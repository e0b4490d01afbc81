-- Runs a subcommand that is written in Lua: one module a command, a function that gets the
-- arguments and returns the exit code. The executable hands over the command's name as arg[0].
return function (...)
  return require("moonherd.cli." .. arg[0])(...)
end
