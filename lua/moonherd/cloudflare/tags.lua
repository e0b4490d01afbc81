-- Tags of scripts: checked before they are sent, and the filter syntax of the list. Cloudflare's
-- own pages say eight tags, the service refuses the eleventh: above eight is warned of.
local errors = require "moonherd.error"
local log = require "moonherd._log"
local url = require "moonherd.cloudflare.url"

local M = {}

local MOST, ADVISED, LONGEST = 10, 8, 1024

local function refuse(reason, hint, who, format, ...)
  errors.raise {
    kind = "usage", reason = reason, hint = hint, message = who .. ": " .. format:format(...),
  }
end

local function check_one(tag, who)
  if type(tag) ~= "string" then errors.usage("%s: a tag is a string, got %s", who, type(tag)) end
  if tag == "" then refuse("bad_tag", "leave it out", who, "a tag cannot be empty") end
  if #tag > LONGEST then
    refuse("tag_too_large", "a tag may have 1024 bytes", who, "tag '%s…' has %d bytes",
      tag:sub(1, 32), #tag)
  end
  if tag:find "[,&%c]" then
    refuse("bad_tag", "the API's filters cannot express it", who,
      "tag '%s' has a comma, an ampersand or a control character", tag)
  end
end

--- Checks the tags of one script.
---@param list string[]
---@param who string  the public name of the function
---@error usage too_many_tags  above ten
function M.check(list, who)
  for _, tag in ipairs(list) do check_one(tag, who) end
  if #list > MOST then
    refuse("too_many_tags", "a script may have 10 tags", who, "%d tags are too many", #list)
  end
  if #list > ADVISED then
    local text = ("%s: %d tags; Cloudflare documents a limit of %d"):format(who, #list, ADVISED)
    log.write("warn", text)
  end
end

-- A list of tags, all required, as the table form of a filter.
local function as_wishes(filter)
  if filter[1] == nil then return filter end
  local wishes = {}
  for _, tag in ipairs(filter) do wishes[tag] = true end
  return wishes
end

--- A filter as the API writes it: "customer%3Ax:yes,archived:no". Tags are encoded, separators are
--- not.
---@param filter table  tag = true | false, or a list of tags that are all required
---@param who string
---@return string text
---@return boolean requires  whether at least one tag is required
function M.filter(filter, who)
  local terms, requires = {}, false
  for tag, wish in pairs(as_wishes(filter)) do
    check_one(tag, who)
    if type(wish) ~= "boolean" then
      errors.usage("%s: tag '%s' is true (required) or false (not wanted), got %s", who, tag,
        type(wish))
    end
    requires = requires or wish
    terms[#terms + 1] = url.encode(tag) .. (wish and ":yes" or ":no")
  end
  if #terms == 0 then
    errors.usage("%s: an empty tag filter matches every script; leave 'tags' out to mean that", who)
  end
  table.sort(terms)
  return table.concat(terms, ","), requires
end

return M
