-- A tag filter is refused with 10021 and status 400, or read into tags that a script can carry,
-- which mean the same when they are written down as a filter again. The same text as a tag of a
-- script is stored as it is, or refused.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local tags = require "moonherd.platform.tags"

-- What `f` returns; nothing when it refuses.
local function try(f, ...)
  local is_done, result = pcall(f, ...)
  if is_done then return result end
  assert(errors.is_refusal(result), result)
  assert(result.status == 400 or result.status == 403)
  assert(result.entries[1].code == 10021)
end

local function write(filter)
  local conditions = {}
  for _, tag in ipairs(filter.required) do conditions[#conditions + 1] = tag .. ":yes" end
  for _, tag in ipairs(filter.excluded) do conditions[#conditions + 1] = tag .. ":no" end
  return table.concat(conditions, ",")
end

local function check_filter(text)
  local filter = try(tags.filter, text)
  if not filter then return end
  local again = tags.filter(write(filter))
  for _, list in ipairs { "required", "excluded" } do
    assert(#filter[list] == #again[list])
    for i, tag in ipairs(filter[list]) do
      assert(tag == again[list][i])
      assert(tag ~= "" and #tag <= 1024 and not tag:find "," and utf8.len(tag))
    end
  end
  assert(#filter.required + #filter.excluded <= 32)
end

local call = { platform = { options = {} }, warn = function () end }

local function check_tag(text)
  local script = { tags = json.array {} }
  if not try(tags.add, script, text, call) then return assert(not script.tags[1]) end
  assert(script.tags[1] == text)
  -- Whatever a script can carry, a filter can ask for.
  local filter = tags.filter(text .. ":no")
  assert(filter.excluded[1] == text and not filter.excluded[2] and not filter.required[1])
  assert(tags.remove(script, text) and not script.tags[1])
end

return function (text)
  check_filter(text)
  check_tag(text)
  local is_read, list = pcall(json.decode, text)
  if is_read then try(tags.check, list, "/tags", call) end
end
