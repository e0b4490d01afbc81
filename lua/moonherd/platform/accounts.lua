-- The accounts of the caller, which wrangler asks for when it has been told none: it takes the one
-- there is, or lets its user choose.

local json = require "moonherd.json"

local M = {}

local NOBODYS = ("0"):rep(32) -- what local scripts use when they name no account

-- The only account, or those that have namespaces.
local function ids(call)
  local only = call.platform.options.account
  if only then
    return { only:lower() }
  end
  local used = call.store:list_accounts()
  return used[1] and used or { NOBODYS }
end

-- One page with `make(account)` for each account, and its paging information.
local function page(call, make)
  local list = json.array {}
  for i, id in ipairs(ids(call)) do
    list[i] = make { id = id, name = "account " .. id, type = "standard" }
  end
  local info = { page = 1, per_page = #list, count = #list, total_count = #list, total_pages = 1 }
  return json.encode(list), json.encode(info)
end

--- GET accounts
function M.list(call)
  return page(call, function (account)
    return account
  end)
end

--- GET memberships
function M.memberships(call)
  return page(call, function (account)
    return { id = account.id, account = account, status = "accepted" }
  end)
end

return M
