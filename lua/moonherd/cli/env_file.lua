-- What --env-file sets: runs in a handle of its own before the script's, and prints each name and
-- value with a zero byte behind it, for runtime/cli/env_file.c to put into the environment.
local dotenv = require "moonherd._dotenv"
local errors = require "moonherd.error"

local function read(path)
  local file, why = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  if text then return text end
  errors.raise {
    kind = "io", reason = "unreadable",
    message = file and path .. ": cannot be read" or "cannot open " .. why,
  }
end

-- As for moonherd.env.load: an empty variable counts as not set, and of several files the last one.
return function (...)
  local values = {}
  for _, path in ipairs { ... } do
    for name, value in pairs(dotenv.parse(read(path), path)) do values[name] = value end
  end
  for name, value in pairs(values) do
    if (os.getenv(name) or "") == "" then io.write(name, "\0", value, "\0") end
  end
end
