-- moonherd serve: the embedded platform over HTTP, for wrangler, the SDKs and anything else that
-- speaks Cloudflare's API. Runs until it is interrupted.
local fs = require "moonherd.fs"
local json = require "moonherd.json"
local moonherd_try = require "moonherd.async".try
local parser = require "moonherd.cli.parser"

local DEFAULT_LISTEN = "127.0.0.1:8787"
local DEFAULT_STATE = ".moonherd"
local ANY_ACCOUNT = ("0"):rep(32)
local WILDCARDS = { ["0.0.0.0"] = true, ["::"] = true }

local M = {}

--- Its options.
---@param p table  a parser of argparse
function M.configure(p)
  p:option("--listen", "HOST:PORT; port 0 takes a free one.", DEFAULT_LISTEN):argname "ADDRESS"
  p:mutex(
    p:option("--token-file", "File that holds the token callers need."):argname "FILE",
    p:option("--token", "The token itself; other users may see it for a moment."):argname "TEXT"
  )
  p:option("--allow-host", "Host name that callers may use besides the address."):argname "NAME"
    :count "*"
  p:option("--faults", "JSON file of faults that requests are to meet."):argname "FILE"
  p:flag("--implicit-secret-inheritance",
    "Uploads keep the secrets they do not name, as Cloudflare's once did.")
end

-- "host:port", "[v6]:port" or ":port"
local function parse_listen(text)
  local host, port = text:match "^%[([%x:.]+)%]:(%d+)$"
  if not host then host, port = text:match "^([^:]*):(%d+)$" end
  port = tonumber(port)
  if not port or port > 65535 then
    return nil, ("--listen: '%s' is not HOST:PORT"):format(text)
  end
  return { host = host ~= "" and host or "127.0.0.1", port = port }
end

local function read_token(options)
  if options.token then return options.token end
  if not options.token_file then return nil end
  local text, err = moonherd_try(fs.read, options.token_file)
  if not text then return nil, "--token-file: " .. err.message end
  local token = text:match "^%s*(.-)%s*$"
  if token == "" or token:find "%s" then
    return nil, ("--token-file: %s does not hold one token"):format(options.token_file)
  end
  return token
end

-- The faults of a file, checked; or nil and what is wrong.
local function read_faults(path)
  if not path then return nil end
  local ok, result = pcall(function ()
    return require "moonherd.platform.faults".check(json.decode(fs.read(path)))
  end)
  if ok then return result end
  return nil, ("--faults: %s: %s"):format(path, tostring(result))
end

local function is_loopback(host)
  return host == "localhost" or host == "::1" or host:find "^127%." ~= nil
end

-- How a shell gets the token.
local function token_expression(state, options)
  if options.token then return "...  # the one given with --token" end
  return ([["$(cat '%s')"]]):format(options.token_file or state .. "/token")
end

local ANNOUNCEMENT = [[
serving %s
account %s
state   %s
token   %s

# for wrangler, the SDKs and moonherd itself
export CLOUDFLARE_API_BASE_URL=%s
export CLOUDFLARE_BASE_URL=%s
export CLOUDFLARE_ACCOUNT_ID=%s
export CLOUDFLARE_API_TOKEN=%s
]]

-- What a person needs to point a client at it. On stdout: it is what this command is asked for.
local function announce(host, port, state, account, options)
  local base = ("http://%s:%d/client/v4"):format(host:find ":" and "[" .. host .. "]" or host, port)
  local where = options.token and "as given with --token" or options.token_file or state .. "/token"
  io.write(ANNOUNCEMENT:format(base, account or "any id of 32 hex digits", state, where, base, base,
    account or ANY_ACCOUNT, token_expression(state, options)))
  io.stdout:flush()
  if not is_loopback(host) then
    require "moonherd._log".write("warn",
      ("listening on %s: other machines can reach it, without encryption"):format(host))
  end
end

--- Serves until it is interrupted.
---@async
---@param options table
---@return integer code
function M.run(options)
  local listen, why = parse_listen(options.listen)
  local token, faults
  if listen then token, why = read_token(options) end
  if not why then faults, why = read_faults(options.faults) end
  if why then return parser.refuse("%s", why) end
  local host_options = require "moonherd._host".options
  local state = host_options.state or DEFAULT_STATE
  local hosts = options.allow_host
  if not WILDCARDS[listen.host] then hosts[#hosts + 1] = listen.host end
  local platform = require "moonherd.platform".open {
    state = state, token = token, account = host_options.account, hosts = hosts,
    implicit_secret_inheritance = options.implicit_secret_inheritance,
    faults = faults,
  }
  local _ <close> = setmetatable({}, { __close = function () platform:close() end })
  listen.drain = true
  listen.on_listen = function (server)
    announce(listen.host, server.port, state, host_options.account, options)
  end
  local ok, err = pcall(platform.serve, platform, listen)
  if ok or err.kind == "cancelled" then return 0 end -- interrupted is how it is meant to end
  error(err, 0)
end

return M
