-- The scripts of a namespace as a whole: listed page by page, and deleted in bulk.

local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local scripts = require "moonherd.platform.scripts"
local tags = require "moonherd.platform.tags"

local M = {}

local MOST = 1000 -- scripts that one call lists or deletes
local NO_FILTER = { required = {}, excluded = {} }

-- How many scripts a page may have.
local function read_limit(call)
  local text = call:query "limit"
  if not text then
    return MOST
  end
  local limit = text:find "^%d+$" and math.tointeger(tonumber(text))
  if not limit or limit < 1 or limit > MOST then
    errors.invalid(("`limit` must be an integer from 1 to %d"):format(MOST))
  end
  return limit
end

-- A cursor is the last name of a page.
local function read_cursor(call)
  local text = call:query "cursor"
  if not text or text == "" then
    return ""
  end
  local name = hash.unbase64url(text)
  if not name or not utf8.len(name) then
    errors.invalid "`cursor` is not one that a list has returned"
  end
  return name
end

local function read_filter(call)
  local text = call:query "tags"
  return text and tags.filter(text) or NO_FILTER
end

local function page_info(rows, limit, has_more)
  return json.encode {
    count = #rows,
    per_page = limit,
    cursor = has_more and hash.base64url(rows[#rows].name) or nil,
  }
end

--- GET scripts
function M.list(call)
  local account, namespace = lookup.present_namespace(call)
  local limit, after, filter = read_limit(call), read_cursor(call), read_filter(call)
  local rows = call.store:list_documents(account, namespace, filter, after, limit + 1)
  if not rows then
    errors.refuse(100119)
  end
  local has_more = #rows > limit
  rows[limit + 1] = nil
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = scripts.to_json(row, namespace)
  end
  return "[" .. table.concat(list, ",") .. "]", page_info(rows, limit, has_more)
end

-- Each script by its immutable id, as the service does: names can be used again.
local function deleted(ids, has_more)
  local list = json.array {}
  for i, id in ipairs(ids) do
    list[i] = { id = id }
  end
  return json.encode { deleted = list, deleted_count = #ids, has_more = has_more }
end

-- How many a bulk delete takes; a fault may be that it takes fewer than it was asked to.
local function read_delete_limit(call)
  local limit, faults = read_limit(call), call.platform.faults
  return faults and math.min(limit, faults.delete_limit) or limit
end

--- DELETE scripts: those that pass the filter, all without one, up to the limit.
function M.delete(call)
  local account, namespace = lookup.present_namespace(call)
  local limit, filter = read_delete_limit(call), read_filter(call)
  local ids, has_more = call.store:delete_scripts(account, namespace, filter, limit)
  if not ids then
    errors.refuse(100119)
  end
  return deleted(ids, has_more)
end

return M
