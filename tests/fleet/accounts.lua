-- Twelve accounts in one script: the token of one is revoked half-way, the allowance of another is
-- used up when it begins. The others are not held up, each trouble is told once, and no request
-- carries another account's token. The service is a stand-in: it alone knows many accounts.
local common = require "tests.fleet.common"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local serve = require "moonherd.serve"

local folder, ITEMS <const> = arg[1], math.tointeger(arg[2])
local ACCOUNTS <const>, REVOKED <const>, USED_UP <const> = 12, 3, 7
local QUOTA <const>, WINDOW <const> = 120, 30 -- of each
local RESET <const> = 240 -- seconds

local accounts, began = {}, moonherd.time.now()
for i = 1, ACCOUNTS do
  local id = ("%032x"):format(i)
  accounts[i] = { id = id, token = ("token-of-account-%02d"):format(i), requests = 0 }
  accounts[id] = accounts[i]
end
local strangers = 0

-- ---- the service -------------------------------------------------------------------------------

local REFUSED = json.encode {
  success = false, errors = { { code = 10000, message = "Authentication error" } },
}
local SLOWER = json.encode { success = false, errors = { { code = 971, message = "slow down" } } }
local DONE = json.encode { success = true, errors = json.array {}, result = json.array {} }

local function answer(account)
  local left = RESET - (moonherd.time.now() - began)
  if account == accounts[REVOKED] and account.requests > ITEMS // 2 then return 401, {}, REFUSED end
  if account == accounts[USED_UP] and left > 0 then
    return 429, { ["retry-after"] = ("%d"):format(math.ceil(left)) }, SLOWER
  end
  return 200, {}, DONE
end

local function handle(request)
  local account = accounts[request.target:match "/accounts/(%x+)/"]
  if request.headers.authorization ~= "Bearer " .. account.token then strangers = strangers + 1 end
  account.requests = account.requests + 1
  while request:read() do end
  local status, headers, body = answer(account)
  headers["content-type"] = "application/json"
  request:respond(status, headers, body)
end

local server <close> = serve.listen()
local service = moonherd.spawn(function ()
  for request in server.accept, server do moonherd.spawn(handle, request) end
end)

-- ---- the script --------------------------------------------------------------------------------

local function release(account)
  local client = moonherd.connect {
    target = ("http://127.0.0.1:%d/client/v4"):format(server.port), account_id = account.id,
    api_token = account.token, budget = { quota = QUOTA, window = WINDOW, reserve = 0 },
  }
  local ns = client:namespace "production"
  local job = moonherd.job {
    name = "tags", ledger = ("%s/%s.db"):format(folder, account.id), concurrency = 4,
  }
  for i = 1, ITEMS do
    job:add("site-" .. i, function () ns:script("site-" .. i):put_tags { "wave:1" } end)
  end
  local report = job:run()
  account.took = moonherd.time.now() - began
  account.failed, account.done = report.failed, report.done
end

moonherd.each(accounts, { concurrency = ACCOUNTS }, release)

-- ---- what has become of it ---------------------------------------------------------------------

common.equal(0, strangers, "requests with another account's token")
for i, account in ipairs(accounts) do
  local first = account.failed[1]
  if i == REVOKED then
    common.equal("auth", first and first.error.reason, "the revoked token")
    common.check(account.requests < ITEMS // 2 + 15, "%d requests after all", account.requests)
    common.equal(ITEMS, account.done + #account.failed, "told of, one by one")
  else
    common.equal(ITEMS, account.done, "done in account " .. i)
  end
  if i == USED_UP then
    common.equal(ITEMS + 1, account.requests, "requests where nothing was left")
    common.check(account.took >= RESET, "it was over after %.0f s", account.took)
  else
    local own_pace = ITEMS / QUOTA * WINDOW
    common.check(account.took <= own_pace * 1.05, "account %d took %.0f s", i, account.took)
  end
end
common.say("%d accounts, the others in %.1f s", ACCOUNTS, accounts[1].took)
service:cancel()
