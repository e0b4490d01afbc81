-- How a script's assets are served: the fields of the API's asset configuration as options, under
-- their own names.
local metadata = require "moonherd.cloudflare.metadata"

local M = {}

-- Rules such as "/api/*" and "!/api/docs/*", where the negative ones win: without another they
-- would say nothing.
local function check_rules(rules)
  if type(rules) ~= "table" then return nil end
  local has_positive = false
  for _, rule in ipairs(rules) do
    if not rule:find "^!?/" then
      return ("rules begin with '/' or '!/', got '%s'"):format(rule)
    end
    has_positive = has_positive or rule:sub(1, 1) == "/"
  end
  return not has_positive and "at least one rule that begins with '/' is expected" or nil
end

local function check_base(path)
  if type(path) == "string" and path:sub(1, 1) ~= "/" then
    return ("a path like '/docs' is expected, got '%s'"):format(path)
  end
end

local function check_utf8(text)
  return not utf8.len(text) and "the text is not UTF-8" or nil
end

--- Descriptors for moonherd._options.
M.OPTIONS = {
  { "html_handling", "string", one_of = { "auto-trailing-slash", "force-trailing-slash",
    "drop-trailing-slash", "none" } },
  { "not_found_handling", "string", one_of = { "none", "404-page", "single-page-application" } },
  { "run_worker_first", "boolean|list", check = check_rules, convert = metadata.as_list },
  { "_headers", "string", check = check_utf8 }, { "_redirects", "string", check = check_utf8 },
  { "base_path", "string|null", check = check_base }, { "serve_directly", "boolean" },
}

--- The configuration that options describe; the texts of a folder stand where no option does.
---@param opts table  checked
---@param site? table  as asset_files.read makes it
---@return table? config  nil when it says nothing
function M.of(opts, site)
  local config = {}
  for _, descriptor in ipairs(M.OPTIONS) do config[descriptor[1]] = opts[descriptor[1]] end
  if site then
    config._headers = config._headers or site.headers
    config._redirects = config._redirects or site.redirects
  end
  return next(config) ~= nil and config or nil
end

return M
