-- The man page, made of the words of the command line and of the parsers of the commands. Built
-- anywhere, at any time, it is the same.
local parser = require "moonherd.cli.parser"
local text = require "moonherd.docs.text"

local M = {}

-- When a version was released: what stands at the foot of its page.
local RELEASED = { ["0.1.0"] = "2026-11-24" }

-- ---- roff --------------------------------------------------------------------------------------

local WIDTH = 72 -- of a line of the source, before what is escaped

-- A backslash, a hyphen that is a minus, and a dot or quote at the start of a line mean something.
local function escape(words)
  words = words:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("\n%s*", "\n")
  return (("\n" .. words):gsub("\n([.'])", "\n\\&%1"):sub(2))
end

-- Text that is filled, whatever its lines are here.
local function filled(words)
  return escape(text.wrap(words, 0, WIDTH))
end

local function put_item(out, name, arguments, words)
  out[#out + 1] = ".TP"
  local given = arguments and arguments ~= "" and " \\fI" .. escape(arguments) .. "\\fR" or ""
  out[#out + 1] = ("\\fB%s\\fR%s"):format(escape(name), given)
  out[#out + 1] = filled(words)
end

-- Text that stays as it is.
local function put_kept(out, words)
  out[#out + 1] = ".nf"
  for line in (words .. "\n"):gmatch "([^\n]*)\n" do out[#out + 1] = escape(line) end
  out[#out + 1] = ".fi"
end

-- ---- sections ----------------------------------------------------------------------------------

local function put_synopsis(out)
  out[#out + 1] = ".SH SYNOPSIS"
  for i, form in ipairs(parser.words.forms) do
    if i > 1 then out[#out + 1] = ".br" end
    local name = form.name ~= "" and form.name .. " " or ""
    out[#out + 1] = ("\\fBmoonherd\\fR %s%s"):format(escape(name), escape(form.arguments))
  end
end

local function put_parser(out, p)
  for _, argument in ipairs(p._arguments) do
    put_item(out, argument._name, nil, argument._description or "")
  end
  for _, option in ipairs(p._options) do
    if option._name ~= "--help" then
      put_item(out, option._name, option._argname, option._description or "")
    end
  end
  if p._epilog then
    out[#out + 1] = ".PP"
    put_kept(out, p._epilog)
  end
end

local function put_commands(out)
  out[#out + 1] = ".SH COMMANDS"
  for _, entry in ipairs(parser.words.commands) do
    out[#out + 1] = (".SS \"moonherd %s %s\""):format(escape(entry.name), escape(entry.arguments))
    out[#out + 1] = filled(parser.sentence(entry.text))
    if parser.command(entry.name) then put_parser(out, parser.new(entry.name)) end
  end
end

local ENVIRONMENT = {
  { "MOONHERD_TARGET", "where API calls go when --target is not given" },
  { "CLOUDFLARE_API_TOKEN", "the token; its presence makes cloudflare the default target" },
  { "CLOUDFLARE_ACCOUNT_ID", "the account" },
  { "CLOUDFLARE_EMAIL, CLOUDFLARE_API_KEY", "instead of a token" },
  { "CLOUDFLARE_API_BASE_URL", "where the API is" },
  { "https_proxy, http_proxy, no_proxy", "the way to servers that are not on this machine" },
  { "SSL_CERT_FILE", "certificates to trust, instead of the system's" },
  { "CI", "when set, the embedded platform must be asked for by --target local" },
  { "NO_COLOR", "when set, errors are not coloured" },
  { "LUA_PATH, LUA_CPATH", "where require looks for modules, as in plain Lua; LUA_PATH_5_4 and "
    .. "LUA_CPATH_5_4 go before them" },
  { "LUA_INIT", "code, or @FILE, that runs before scripts and the REPL, to its end; LUA_INIT_5_4 "
    .. "goes before it" },
  { "MOONHERD_CORE", "when set, the process may leave a core file, with credentials in it" },
}

local function put_list(out, title, list)
  out[#out + 1] = ".SH " .. title
  for _, entry in ipairs(list) do
    put_item(out, entry.name or entry[1], entry.arguments, entry.text or entry[2])
  end
end

local DESCRIPTION = "moonherd runs Lua 5.4 scripts that deploy and keep Workers on Cloudflare's "
  .. "Workers for Platforms. Calls read as if they blocked, while thousands of them run at once. "
  .. "Without a credential in the environment the calls go to an embedded platform: the same API "
  .. "over SQLite, in the state directory. Output of scripts is standard output; everything of "
  .. "moonherd's own is standard error."

--- The page.
---@param version string
---@return string roff
function M.page(version)
  local out = {
    (".TH MOONHERD 1 \"%s\" \"moonherd %s\" \"User Commands\""):format(
      RELEASED[version] or "", version),
    ".SH NAME", "moonherd \\- scripts that deploy and keep Workers for Platforms",
  }
  put_synopsis(out)
  out[#out + 1] = ".SH DESCRIPTION"
  out[#out + 1] = filled(DESCRIPTION)
  put_list(out, "OPTIONS", parser.words.options)
  put_commands(out)
  put_list(out, "ENVIRONMENT", ENVIRONMENT)
  put_list(out, "EXIT STATUS", parser.words.exit_codes)
  out[#out + 1] = ".SH FILES"
  put_item(out, ".moonherd/", nil, "the state directory, unless --state names another: the "
    .. "database of the embedded platform and the ledgers of jobs")
  out[#out + 1] = ".SH SEE ALSO"
  out[#out + 1] = filled("moonherd help NAME says more about a command, or about a name that "
    .. "scripts use, such as moonherd.map or script:upload.")
  return table.concat(out, "\n") .. "\n"
end

return M
