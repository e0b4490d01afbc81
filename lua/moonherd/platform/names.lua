-- Which names the platform takes for namespaces and scripts. The service publishes a pattern for
-- scripts but does not hold dispatch scripts to it, so the rule here is only what a URL and a
-- terminal can carry.

local M = {}

local LONGEST = 255 -- bytes
local SCRIPT_PATTERN = "^[a-z0-9_][a-z0-9_-]*$"

-- Control characters of ASCII, of Latin-1 (C2 80 … C2 9F in UTF-8), and what ends a path segment.
local function has_forbidden(name)
  return name:find "[%c/?#]" ~= nil or name:find "\xC2[\x80-\x9F]" ~= nil
end

--- A non-empty UTF-8 name of at most 255 bytes without `/`, `?`, `#` and control characters.
--- `.` and `..` are refused because clients remove such segments from a path.
function M.is_valid(name)
  return type(name) == "string"
    and name ~= ""
    and #name <= LONGEST
    and name ~= "."
    and name ~= ".."
    and utf8.len(name) ~= nil
    and not has_forbidden(name)
end

--- Whether a script name is one that the published pattern allows.
function M.is_usual_script(name)
  return name:find(SCRIPT_PATTERN) ~= nil
end

--- Binding names are JavaScript variable names; others are taken with a warning.
function M.is_identifier(name)
  return name:find "^[%a_$][%w_$]*$" ~= nil
end

return M
