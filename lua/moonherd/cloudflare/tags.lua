-- Tags of scripts: checked before they are sent, and the filter syntax of the list. Cloudflare's
-- own pages say eight tags, the service refuses the eleventh: above eight is warned of.
local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"
local names = require "moonherd.cloudflare.names"
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
    refuse("tag_too_large", "a tag may have 1024 bytes", who, "tag '%s' has %d bytes",
      names.shown(tag), #tag)
  end
  if not utf8.len(tag) then
    refuse("bad_tag", "write it in UTF-8", who, "tag '%s' is not UTF-8", names.shown(tag))
  end
  if tag:find "[,&%c]" then
    refuse("bad_tag", "the API's filters cannot express it", who,
      "tag '%s' has a comma, an ampersand or a control character", names.shown(tag))
  end
end

--- Checks one tag that is to stand in a path.
---@param tag any
---@param who string  the public name of the function
---@return string segment  encoded
function M.segment(tag, who)
  check_one(tag, who)
  if not names.is_segment(tag) then
    refuse("bad_tag", "script:put_tags can send it", who, "a URL cannot carry the tag '%s'", tag)
  end
  return url.encode(tag)
end

-- A list has no other keys and no holes: what stands behind one would be lost without a word.
local function check_each(list, who)
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      errors.usage("%s: a list of tags is expected, got a table with the key '%s'", who,
        names.shown(tostring(key)))
    end
  end
  for i = 1, #list do check_one(list[i], who) end
end

--- Checks the tags of one script.
---@param list string[]
---@param who string  the public name of the function
---@error usage too_many_tags  above ten
function M.check(list, who)
  check_each(list, who)
  if #list > MOST then
    refuse("too_many_tags", "a script may have 10 tags", who, "%d tags are too many", #list)
  end
  if #list > ADVISED then
    local text = ("%s: %d tags; Cloudflare documents a limit of %d"):format(who, #list, ADVISED)
    log.write("warn", text)
  end
end

--- Checks the tags of one script, given as a plain list.
---@param list any
---@param who string  the public name of the function
---@return table list  a copy that is a list in JSON also when it is empty
---@error usage too_many_tags  above ten
function M.list(list, who)
  if type(list) ~= "table" then
    errors.usage("%s: a list of tags is expected ({} for none), got %s", who, type(list))
  end
  M.check(list, who)
  return json.array(table.move(list, 1, #list, 1, {}))
end

-- A list of tags, all required, as the table form of a filter.
local function as_wishes(filter, who)
  if filter[1] == nil then return filter end
  check_each(filter, who)
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
  for tag, wish in pairs(as_wishes(filter, who)) do
    check_one(tag, who)
    if type(wish) ~= "boolean" then
      errors.usage("%s: bad filter (tags are expected, { 'plan:free' } or { ['plan:free'] = true, "
        .. "archived = false }; got a %s for '%s')", who, type(wish), names.shown(tag))
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
