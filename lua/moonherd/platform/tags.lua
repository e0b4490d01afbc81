-- Script tags: what may be one, how many a script carries, and the filter `a:yes,b:no`.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"

local M = {}

local LONGEST = 1024 -- bytes
local MOST = 10 -- of a script, unless the platform was opened with another limit
local ADVISED = 8 -- what the documentation allows; the service takes two more
local MOST_CONDITIONS = 32

local function check_one(tag, pointer)
  if type(tag) ~= "string" or tag == "" then
    errors.invalid("A tag must be a string that is not empty", pointer)
  elseif #tag > LONGEST then
    errors.invalid("Tag is too large", pointer)
  elseif tag:find "[,&]" then
    errors.invalid("A tag cannot contain ',' or '&'", pointer)
  elseif not utf8.len(tag) then
    errors.invalid("A tag must be valid UTF-8", pointer)
  end
end

local function check_count(tags, pointer, call)
  local most = call.platform.options.tag_limit or MOST
  if #tags > most then
    local message = "You have exceeded the limit of %d tags per Worker. "
      .. "Remove a tag to add another."
    errors.refuse(10021, { status = 403, message = message:format(most), pointer = pointer })
  elseif #tags > ADVISED then
    local message = "%d tags are more than the %d that are documented"
    call:warn(message:format(#tags, ADVISED), pointer)
  end
end

-- Without repetitions, in the order given.
local function collapse(tags)
  local seen, kept = {}, json.array {}
  for _, tag in ipairs(tags) do
    if not seen[tag] then
      seen[tag] = true
      kept[#kept + 1] = tag
    end
  end
  return kept
end

--- Checks the tags of a request, an array or null, which stands for none, and returns them as they
--- are stored. `call` takes the warnings.
function M.check(tags, pointer, call)
  if tags == json.null then
    return json.array {}
  elseif not shape.is_list(tags) then
    errors.invalid("Tags must be an array of strings", pointer)
  end
  for i, tag in ipairs(tags) do
    check_one(tag, pointer .. "/" .. i - 1)
  end
  local kept = collapse(tags)
  check_count(kept, pointer, call)
  return kept
end

--- Gives a script's state the tags of a request's field `tags`; whether there is such a field.
function M.replace(script, tags, call)
  if tags ~= nil then
    script.tags = M.check(tags, "/tags", call)
  end
  return tags ~= nil
end

-- Where a list holds a tag, or nil.
local function place_of(tags, wanted)
  for i, tag in ipairs(tags) do
    if tag == wanted then
      return i
    end
  end
end

--- Gives a script's state one tag more, unless it has it; whether it is a new one.
function M.add(script, tag, call)
  check_one(tag)
  if place_of(script.tags, tag) then
    return false
  end
  table.insert(script.tags, tag)
  check_count(script.tags, nil, call)
  return true
end

--- Takes a tag from a script's state; whether it was there.
function M.remove(script, tag)
  local place = place_of(script.tags, tag)
  if place then
    table.remove(script.tags, place)
  end
  return place ~= nil
end

-- One condition: the last colon separates, because a tag may itself hold colons.
local function read_condition(text)
  local tag, answer = text:match "^(.+):(.-)$"
  if answer ~= "yes" and answer ~= "no" then
    errors.invalid(("Invalid tag filter '%s': expected <tag>:yes or <tag>:no"):format(text))
  elseif #tag > LONGEST then
    errors.invalid "Tag is too large"
  end
  return tag, answer == "yes"
end

--- Reads `a:yes,b:no` into the lists of tags a script must and must not carry.
function M.filter(text)
  if not utf8.len(text) then
    errors.invalid "The tag filter is not valid UTF-8"
  end
  local filter, count = { required = {}, excluded = {} }, 0
  for condition in (text .. ","):gmatch "([^,]*)," do
    local tag, wanted = read_condition(condition)
    local list = wanted and filter.required or filter.excluded
    list[#list + 1] = tag
    count = count + 1
  end
  if count > MOST_CONDITIONS then
    errors.invalid(("A tag filter can have at most %d conditions"):format(MOST_CONDITIONS))
  end
  return filter
end

return M
