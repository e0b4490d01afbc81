-- What the `config` of an upload's assets may hold.

local errors = require "moonherd.platform.errors"
local shape = require "moonherd.platform.shape"

local M = {}

local function check_rules(rules, pointer)
  local has_positive = false
  for i, rule in ipairs(rules) do
    if type(rule) ~= "string" or not rule:find "^!?/" then
      local place = pointer .. "/" .. i - 1
      errors.invalid("A rule of `run_worker_first` must start with / or !/", place)
    end
    has_positive = has_positive or rule:sub(1, 1) == "/"
  end
  if not has_positive then
    errors.invalid("`run_worker_first` needs a rule that does not start with !", pointer)
  end
end

-- true, false, or rules for paths.
local function run_worker_first(value, pointer)
  if shape.is_list(value) then
    check_rules(value, pointer)
  elseif type(value) ~= "boolean" then
    errors.invalid("`run_worker_first` must be a boolean or an array of rules", pointer)
  end
end

M.SHAPE = shape.object {
  html_handling = shape.one_of(
    "auto-trailing-slash",
    "force-trailing-slash",
    "drop-trailing-slash",
    "none"
  ),
  not_found_handling = shape.one_of("none", "404-page", "single-page-application"),
  run_worker_first = run_worker_first,
  _headers = shape.string,
  _redirects = shape.string,
  base_path = shape.string,
  serve_directly = shape.boolean,
}

return M
