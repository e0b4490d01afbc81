-- What the platform's realm runs: a function of the options state, unix (the socket's path) and
-- token. It serves until it is cancelled, and closes the database then.

local link = require "moonherd._platform"
local platform = require "moonherd.platform"

return function (options)
  local opened = platform.open { state = options.state, token = options.token }
  local _ <close> = setmetatable({}, {
    __close = function ()
      opened:close()
    end,
  })
  opened:serve { unix = options.unix, on_listen = link.serving }
end
