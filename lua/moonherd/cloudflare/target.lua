-- Where a client's requests go and with which credential. The command line goes first, then the
-- script, then the environment under the names wrangler uses; a mistake here must never send a
-- token to a stranger or a deploy to the wrong place. Makes no request; never puts a credential in
-- an error.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local raw_http = require "moonherd._http"
local url = require "moonherd.cloudflare.url"

local M = {}

--- Where Cloudflare is, unless the environment says otherwise.
M.CLOUDFLARE = "https://api.cloudflare.com/client/v4"
local NAMES = { "local", "cloudflare" }
local WHO = "moonherd.connect"

local function env(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function refuse(reason, hint, format, ...)
  errors.raise {
    kind = "usage", reason = reason, hint = hint, message = WHO .. ": " .. format:format(...),
  }
end

-- ---- the target --------------------------------------------------------------------------------

-- "local", "cloudflare", or a parsed base URL.
local function parse_target(text)
  if text == "local" or text == "cloudflare" then return text end
  if not text:find("://", 1, true) then
    errors.usage("%s: unknown target '%s'%s", WHO, text, options.suggestion(text, NAMES,
      "targets besides a base URL"))
  end
  local base, why = url.parse_base(text)
  if not base then
    errors.usage("%s: bad target '%s' (%s)", WHO, url.without_user(text), why)
  end
  return base
end

local function name_of(target)
  return type(target) == "table" and target.base or target
end

local function conflict(what, wanted, given)
  local hint = ("run it with --%s %s, or take it out of the script"):format(what, wanted)
  refuse("target_conflict", hint, "the script asks for %s '%s', the command line for '%s'", what,
    wanted, given)
end

-- A credential of the environment makes Cloudflare the default.
local function default_target()
  if env "CLOUDFLARE_API_TOKEN" or env "CLOUDFLARE_API_KEY" then return "cloudflare" end
  local ci = env "CI"
  if not ci or ci == "false" then return "local" end
  return refuse("target_missing", "set CLOUDFLARE_API_TOKEN, or say --target local",
    "no target and no credential, and CI is set: a missing secret must not look like a deploy")
end

local function parse_base_url(text)
  local base, why = url.parse_base(text)
  return base or errors.usage("%s: bad base_url '%s' (%s)", WHO, url.without_user(text), why)
end

-- What the script asks for; `base_url` alone is a target.
local function wanted_target(opts)
  if opts.target then return parse_target(opts.target) end
  return opts.base_url and parse_base_url(opts.base_url)
end

local function choose_target(opts, host)
  local wanted = wanted_target(opts)
  local given = host.target and parse_target(host.target)
  if wanted and given and name_of(wanted) ~= name_of(given) then
    conflict("target", name_of(wanted), name_of(given))
  end
  return wanted or given or parse_target(env "MOONHERD_TARGET" or default_target())
end

-- The base URL of a target that is not local.
local function choose_base(target, opts)
  if target == "cloudflare" then
    return parse_base_url(opts.base_url or env "CLOUDFLARE_API_BASE_URL" or M.CLOUDFLARE)
  end
  if opts.base_url and parse_base_url(opts.base_url).base ~= target.base then
    errors.usage("%s: target and base_url name two places; give one", WHO)
  end
  return target
end

-- ---- the account and the credential ------------------------------------------------------------

local function choose_account(opts, host)
  if opts.account_id and host.account and opts.account_id ~= host.account then
    conflict("account", opts.account_id, host.account)
  end
  return opts.account_id or host.account
end

-- Header values: a line break in one would add headers.
local function check_credential(value, source)
  if value:find "[%c%s\x7f-\xff]" then
    refuse("bad_credential", "copy it again, without line breaks and spaces",
      "the credential of %s has characters that no credential has", source)
  end
  return value
end

local function of_token(token, source)
  return { token = check_credential(token, source), source = source }
end

local function of_key(email, key, source)
  return { email = check_credential(email, source), key = check_credential(key, source),
    source = source }
end

local function of_options(opts)
  local email, key = opts.api_email, opts.api_key
  if opts.api_token and (email or key) then
    errors.usage("%s: api_token and api_email with api_key are two credentials; give one", WHO)
  end
  if (email == nil) ~= (key == nil) then
    errors.usage("%s: api_email and api_key go together; %s is missing", WHO,
      email and "api_key" or "api_email")
  end
  if opts.api_token then return of_token(opts.api_token, "the script") end
  return email and of_key(email, key, "the script")
end

local function of_environment()
  local token = env "CLOUDFLARE_API_TOKEN"
  if token then return of_token(token, "CLOUDFLARE_API_TOKEN") end
  local email, key = env "CLOUDFLARE_EMAIL", env "CLOUDFLARE_API_KEY"
  if email and key then return of_key(email, key, "CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY") end
  return refuse("no_credential", "set CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL and "
    .. "CLOUDFLARE_API_KEY", key and "CLOUDFLARE_API_KEY is set, CLOUDFLARE_EMAIL is not"
    or "there is no credential")
end

-- What waits for a server out there would seem to take for ever.
local function check_clock(base, host)
  if not host.virtual_clock or url.is_loopback(base.host) then return end
  refuse("virtual_clock", "leave out --clock, or say --target local",
    "a virtual clock does not wait for %s", base.base)
end

local function check_safe(base, host)
  if base.scheme == "https" or url.is_loopback(base.host) or host.insecure_base_url then return end
  refuse("insecure_base_url", "use https, or say --insecure-base-url if the network is yours",
    "a credential is not sent to %s: plain http can be read on the way", base.base)
end

-- A guard keeps the environment's credential from scripts; a place that one names would show it.
local function check_guard(base)
  if raw_http.gets_credential(base.base .. "/") then return end
  refuse("guarded", "give api_token, or have the program that runs the script name the target",
    "the guard of this program keeps its credential from %s", base.base)
end

-- The environment's, unless the script brings its own.
local function choose_credential(base, opts)
  local own = of_options(opts)
  if own then return own end
  if opts.base_url or opts.target and opts.target:find("://", 1, true) then check_guard(base) end
  return of_environment()
end

-- ---- both --------------------------------------------------------------------------------------

local function remote(target, opts, host)
  local base = choose_base(target, opts)
  check_clock(base, host)
  check_safe(base, host)
  local credential = choose_credential(base, opts)
  local account = choose_account(opts, host) or env "CLOUDFLARE_ACCOUNT_ID"
  if not account then
    refuse("no_account", "set CLOUDFLARE_ACCOUNT_ID, or give account_id", "there is no account id")
  end
  return { name = name_of(target), base = base.base, account = account, credential = credential }
end

--- Decides where a client's requests go. Raises what is missing or contradicts itself.
---@param opts table  the options of moonherd.connect
---@param host table  the options of the host: target, account, state, insecure_base_url,
---  virtual_clock
---@return table place  {name=, base=, account=, credential={token= | email=, key=, source=}}; for
---  the embedded platform {name="local", state=, account=}
function M.choose(opts, host)
  local target = choose_target(opts, host)
  if target ~= "local" then return remote(target, opts, host) end
  if opts.base_url then errors.usage("%s: base_url does not go with target 'local'", WHO) end
  return {
    name = "local", state = opts.state or host.state or ".moonherd",
    account = choose_account(opts, host),
  }
end

return M
