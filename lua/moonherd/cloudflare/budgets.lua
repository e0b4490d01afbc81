-- Which client has which budget: the option `budget` of moonherd.connect. A credential has one at
-- each place; a group has one for all its credentials. Clients of this process share it as an
-- object, those of other processes through the book, which is opened at the first request. What
-- works on budgets is loaded by clients that have one.
local errors = require "moonherd.error"
local hash = require "moonherd.hash"
local options = require "moonherd._options"
local url = require "moonherd.cloudflare.url"

local M = {}

local WHO <const> = "moonherd.connect"

local read = options.reader(WHO .. ": budget", {
  { "group", "string" }, { "reserve", "integer", least = 0 },
  { "quota", "integer", least = 1 }, { "window", "duration" },
})

local function check(opts)
  if opts.group == "" then errors.usage("%s: bad option 'budget.group' (it is empty)", WHO) end
  if opts.window and opts.window <= 0 then
    errors.usage("%s: bad option 'budget.window' (more than 0 seconds expected)", WHO)
  end
  if opts.quota and opts.reserve and opts.reserve >= opts.quota then
    errors.usage("%s: bad option 'budget.reserve' (less than the quota of %d expected, got %d)",
      WHO, opts.quota, opts.reserve)
  end
  return opts
end

-- The embedded platform, here or served on this machine, counts nothing unless it is told to.
local function is_near(place)
  return place.socket ~= nil or url.is_loopback(url.parse_base(place.base).host)
end

-- What an allowance belongs to, as a text that no other has.
local function identity_of(place, group)
  local credential = place.credential
  local parts = group and { "group", place.base, group }
    or credential.token and { "token", place.base, credential.token }
    or { "key", place.base, credential.email .. " " .. credential.key }
  return ("s4s4s4"):pack(table.unpack(parts))
end

local shared -- the book of this process, once it is open
local known = {} -- by identity, hashed: a table of budgets is no place for credentials
local salt

local function open_shared()
  if shared then return shared end
  local book = require "moonherd.cloudflare.budget_book"
  local opened = book.open(book.directory())
  shared = shared or opened -- somebody else may have been faster
  return shared
end

local function make(place, group, identity)
  local name = group and ("group '%s'"):format(group) or "account " .. place.account
  return require "moonherd.cloudflare.budget".new(name, group, function ()
    local opened = open_shared()
    return opened, opened:name_of(identity)
  end)
end

--- The budget of a client that is being connected.
---@async
---@param place table  where its requests go: base, socket, account, credential
---@param given? table|boolean  the option `budget`
---@return table? budget  nil: its requests are not counted
function M.of(place, given)
  if given == nil then given = not is_near(place) end
  if not given then return nil end
  local opts = check(read(given ~= true and given or nil))
  local identity = identity_of(place, opts.group)
  salt = salt or hash.random(32)
  local key = hash.hmac_sha256(salt, identity)
  local mine = known[key] or make(place, opts.group, identity)
  known[key] = mine
  mine:configure(opts)
  return mine
end

return M
