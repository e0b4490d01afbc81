-- The list of a namespace's scripts, as an iterator that follows the cursor. At most one page is
-- fetched ahead, by a task that never fails: a loop that ends early leaves no error behind.
local Script = require "moonherd.cloudflare.script"
local async = require "moonherd.async"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local options = require "moonherd._options"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

local WHO = "namespace:scripts"
local LARGEST_PAGE = 1000 -- what the API gives at most

local read = options.reader(WHO, {
  { "tags", "table" }, { "max", "integer", least = 1 },
  { "page_size", "integer", least = 1, check = function (n)
    if n > LARGEST_PAGE then return ("at most %d expected, got %d"):format(LARGEST_PAGE, n) end
  end },
})

-- The filter is encoded already, its separators excepted: they go as they are.
local function query_of(list, cursor)
  local query = url.query { limit = list.limit, cursor = cursor }
  if not list.tags then return query end
  return (query == "" and "?" or query .. "&") .. "tags=" .. list.tags
end

local function refuse(list, why)
  errors.raise {
    kind = "api", reason = "bad_answer", retryable = false, status = 200,
    message = ("list scripts of %s: %s"):format(list.segment, why),
  }
end

-- One page: the entries and the cursor of the next, nil at the end.
local function fetch(list, cursor)
  local entries, envelope = transport.call(list.client, endpoints.list_scripts,
    query_of(list, cursor), nil, list.segment)
  local info = type(envelope.result_info) == "table" and envelope.result_info or {}
  local following = info.cursor ~= "" and info.cursor or nil
  if following and type(following) ~= "string" then refuse(list, "the cursor is no text") end
  if following and following == cursor then
    refuse(list, "the next page is the same page again")
  end
  return entries or {}, following
end

local function wants_more(list)
  return list.cursor and (not list.max or list.given + #list.page < list.max)
end

local function receive(list, page, cursor)
  list.page, list.at, list.cursor = page, 0, cursor
  list.ahead = wants_more(list) and async.spawn(pcall, fetch, list, cursor) or nil
end

-- The page that was fetched ahead. Whoever ran the loop before may have been cancelled, and the
-- fetching with it: then it is fetched again.
local function next_page(list)
  local ok, page, cursor = async.try(list.ahead.wait, list.ahead)
  if ok then return receive(list, page, cursor) end
  if page.kind ~= "cancelled" then error(page, 0) end
  return receive(list, fetch(list, list.cursor))
end

local function info_of(list, entry)
  local script = type(entry.script) == "table" and entry.script or {}
  entry.name = script.id or entry.id
  if type(entry.name) ~= "string" then refuse(list, "a script has no name") end
  entry.tags = entry.tags or script.tags or {}
  return entry
end

local function step(list)
  if list.max and list.given >= list.max then return nil end
  if not list.page then receive(list, fetch(list)) end
  while list.at >= #list.page do
    if not list.ahead then return nil end
    next_page(list)
  end
  list.at, list.given = list.at + 1, list.given + 1
  local info = info_of(list, list.page[list.at])
  return Script.new(list.client, list.namespace, info.name), info
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
  local list = {
    client = namespace._client, namespace = namespace, segment = namespace._segment,
    tags = opts.tags and tags.filter(opts.tags, WHO), max = opts.max, limit = limit, given = 0,
  }
  return function () return step(list) end
end

return M
