-- The list of a namespace's scripts, as an iterator that follows the cursor. At most one page is
-- fetched ahead.
local Script = require "moonherd.cloudflare.script"
local ahead = require "moonherd.cloudflare.ahead"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local in_turns = require "moonherd._turns"
local includes = require "moonherd.cloudflare.includes"
local names = require "moonherd.cloudflare.names"
local options = require "moonherd._options"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

local WHO = "namespace:scripts"
local LARGEST_PAGE = 1000 -- what the API gives at most
local DEFAULT_CONCURRENCY = 8

local read = options.reader(WHO, {
  { "tags", "table" }, { "max", "integer", least = 1 },
  { "page_size", "integer", least = 1, check = function (n)
    if n > LARGEST_PAGE then return ("at most %d expected, got %d"):format(LARGEST_PAGE, n) end
  end },
  { "include", "list", check = includes.fault_of },
  { "concurrency", "integer", least = 1, default = DEFAULT_CONCURRENCY },
})

--- The query of a call that takes a filter. The filter is encoded already, its separators excepted:
--- they go as they are.
---@param filter? string  as tags.filter gives it
---@param fields table  the other fields
---@return string query
function M.query(filter, fields)
  local query = url.query(fields)
  if not filter then return query end
  return (query == "" and "?" or query .. "&") .. "tags=" .. filter
end

local function refuse(list, why)
  errors.raise {
    kind = "api", reason = "bad_answer", retryable = false, status = 200,
    message = ("list scripts of %s: %s"):format(list.namespace._segment, why),
  }
end

-- One page: the entries and the cursor of the next, nil at the end.
local function fetch(list, cursor)
  local namespace = list.namespace
  local entries, envelope, requests = transport.call(namespace._client, endpoints.list_scripts,
    M.query(list.filter, { limit = list.limit, cursor = cursor }), nil, namespace._segment)
  list.requests = list.requests + requests
  local info = type(envelope.result_info) == "table" and envelope.result_info or {}
  local following = info.cursor ~= "" and info.cursor or nil
  if following and type(following) ~= "string" then refuse(list, "the cursor is no text") end
  if following and list.seen[following] then
    refuse(list, "the next page is one that has been there")
  end
  if following then list.seen[following] = true end
  return entries or {}, following
end

local function wants_more(list, page, cursor)
  return cursor and (not list.max or list.given + #page < list.max)
end

local function receive(list, page, cursor)
  list.page, list.at = page, 0
  list.ahead = wants_more(list, page, cursor) and ahead.start(fetch, list, cursor) or nil
end

local function info_of(list, entry)
  local script = type(entry.script) == "table" and entry.script or {}
  entry.name = script.id or entry.id
  if type(entry.name) ~= "string" then refuse(list, "a script has no name") end
  if not names.is_segment(entry.name) then
    refuse(list, ("a URL cannot carry the name '%s'"):format(entry.name))
  end
  entry.tags = entry.tags or script.tags
  return entry
end

-- Whether the next entry is there without waiting for a page.
local function is_at_hand(list)
  return list.at < #list.page or list.ahead ~= nil and ahead.is_over(list.ahead)
end

-- The next {script=, info=}, nil at the end.
local function next_entry(list)
  if list.max and list.given >= list.max then return nil end
  if not list.page then receive(list, fetch(list)) end
  while list.at >= #list.page do
    if not list.ahead then return nil end
    receive(list, ahead.take(list.ahead))
  end
  list.at, list.given = list.at + 1, list.given + 1
  local info = info_of(list, list.page[list.at])
  local namespace = list.namespace
  return { script = Script.new(namespace._client, namespace, info.name), info = info }
end

local function iterator(next)
  return in_turns(function ()
    local entry = next()
    if not entry then return nil end
    entry.info.tags = entry.info.tags or {}
    return entry.script, entry.info
  end)
end

--- A list that has not been asked for anything yet.
---@param namespace table  the handle
---@param filter? string  as tags.filter gives it
---@param limit? integer  entries a page
---@param max? integer  entries in all
---@return table list  `requests` counts what it has sent
function M.open(namespace, filter, limit, max)
  return {
    namespace = namespace, filter = filter, limit = limit, max = max, given = 0, requests = 0,
    seen = {}, -- cursors
  }
end

--- The entries of a list.
---@param list table
---@return function iterator  gives a handle and its info
function M.entries(list)
  return iterator(function () return next_entry(list) end)
end

--- The iterator of namespace:scripts.
---@async
---@param namespace table  the handle
---@param opts? table
---@return function iterator
function M.scripts(namespace, opts)
  opts = read(opts)
  local limit = opts.page_size
  if opts.max and opts.max < (limit or LARGEST_PAGE) then limit = opts.max end
  local filter = opts.tags and tags.filter(opts.tags, WHO)
  local list = M.open(namespace, filter, limit, opts.max)
  if not opts.include or #opts.include == 0 then return M.entries(list) end
  return iterator(includes.reader(opts.include, opts.concurrency,
    function () return next_entry(list) end, function () return is_at_hand(list) end))
end

return M
