-- Runs of the request budget against the embedded platform, which enforces an allowance. Nobody
-- wants to sit through them: tests/c/test_budget.c gives them a virtual clock, and runs each by its
-- name. A client that sends everything once fails at the first answer 429.
local book = require "moonherd.cloudflare.budget_book"
local budgets = require "moonherd.cloudflare.budget"
local http = require "moonherd.http"
local json = require "moonherd.json"
local log = require "moonherd._log"
local moonherd = require "moonherd"
local platform = require "moonherd.platform"
local task = require "moonherd._task"

local LIMIT <const> = { quota = 120, window = 30, block = 300 }

local directory -- the platform's, of one case

local function request(method, path, body)
  local socket, token = require "moonherd._platform".socket(directory)
  local response = http.request {
    method = method, url = "http://localhost" .. path, unix_socket = socket, json = body,
    headers = { authorization = "Bearer " .. token },
  }
  assert(response.status == 200, response.body)
  return json.decode(response.body)
end

local function enforce(limit, faults)
  request("PUT", "/moonherd/faults", { limit = limit, faults = faults and json.array(faults) })
end

local function connect(budget, opts)
  local given = { target = "local", state = directory, retry = false, budget = budget }
  for name, value in pairs(opts or {}) do given[name] = value end
  return moonherd.connect(given)
end

-- Somebody else, who uses the same allowance and knows nothing of the budget.
local function spend(count)
  local other = connect(false)
  for _ = 1, count do other:namespaces() end
end

local function run(client, count, concurrency)
  local n = 0
  local function next_item()
    n = n + 1
    return n <= count and n or nil
  end
  local began = moonherd.time.now()
  local report = moonherd.each(next_item, { concurrency = concurrency or 16 }, function ()
    client:namespaces()
  end)
  assert(#report.failed == 0, report.failed[1] and tostring(report.failed[1].error))
  return moonherd.time.now() - began
end

local function check_time(seconds, ideal)
  assert(seconds <= ideal * 1.05 and seconds >= ideal * 0.9,
    ("%.1f s, ideal are %.1f"):format(seconds, ideal))
end

local cases = {}

function cases.it_takes_as_long_as_the_allowance_and_meets_no_429()
  enforce(LIMIT)
  check_time(run(connect { reserve = 0 }, 1000), 250)
end

function cases.it_does_so_with_the_numbers_of_the_service()
  enforce { quota = 1200, window = 300, block = 300 }
  check_time(run(connect { reserve = 0 }, 10000), 2500)
end

function cases.it_does_so_whatever_the_concurrency()
  enforce(LIMIT)
  check_time(run(connect { reserve = 0 }, 500, 1), 125)
  check_time(run(connect { reserve = 0 }, 500, 300), 125)
end

function cases.clients_of_one_credential_share_it()
  enforce(LIMIT)
  local seconds = {}
  moonherd.gather(
    function () seconds[1] = run(connect { reserve = 0 }, 500) end,
    function () seconds[2] = run(connect { reserve = 0 }, 500) end)
  check_time(math.max(seconds[1], seconds[2]), 250)
end

function cases.it_leaves_the_reserve_to_others()
  enforce(LIMIT)
  local client = connect { reserve = 60 }
  moonherd.scope(function ()
    local people = moonherd.spawn(function ()
      while true do
        spend(1)
        moonherd.sleep(0.55)
      end
    end)
    check_time(run(client, 600), 300)
    people:cancel()
  end)
end

function cases.it_makes_room_for_others_who_take_more()
  enforce(LIMIT)
  local client = connect { reserve = 0 }
  run(client, 10)
  spend(90)
  local seconds = run(client, 200)
  assert(seconds > 55 and seconds < 95, seconds)
end

function cases.a_run_that_begins_when_nothing_is_left_waits()
  enforce(LIMIT)
  spend(120)
  local client = connect({ reserve = 0 }, { retry = true })
  assert(not pcall(spend, 1))
  local seconds = run(client, 100)
  assert(seconds >= 299 and seconds < 330, seconds)
end

function cases.a_block_is_waited_out_and_counted_down()
  enforce(LIMIT, { { fault = "rate_limited", skip = 200, count = 1, retry_after = 300 } })
  local client = connect({ reserve = 0 }, { retry = true })
  local lines, write, seen = {}, log.write, nil
  log.write = function (level, message) lines[#lines + 1] = level .. " " .. message end
  moonherd.scope(function ()
    moonherd.spawn(function ()
      repeat
        moonherd.sleep(5)
        seen = client:budget()
      until seen.blocked
    end)
    check_time(run(client, 500), 300 + 125)
  end)
  assert(seen.remaining == 0 and seen.blocked <= 300 and seen.waiting == 16, json.encode(seen))
  assert(client:stats().requests == 501)
  log.write = write
  local said = table.concat(lines, "\n")
  assert(said:find "warn budget of account 0+: the service refuses requests for 300 s more", said)
  assert(said:find "info .* for 270 s more; calls waiting: 16\n.* for 240 s more", said)
  assert(said:find "info .* for 30 s more; calls waiting: 16\n.* requests go on$", said)
end

function cases.who_is_cancelled_while_it_waits_takes_nothing_along()
  enforce(LIMIT)
  local client, began = connect { reserve = 0 }, moonherd.time.now()
  for _ = 1, 5 do
    moonherd.scope(function ()
      local tasks = {}
      for i = 1, 60 do tasks[i] = moonherd.spawn(client.namespaces, client) end
      moonherd.sleep(1)
      for i = 1, 60 do tasks[i]:cancel() end
      for i = 1, 60 do pcall(tasks[i].wait, tasks[i]) end
    end)
  end
  local view = client:budget()
  assert(view.waiting == 0 and view.used == client:stats().requests)
  assert(view.limit - view.remaining - view.used <= 4, json.encode(view))
  run(client, 500)
  check_time(moonherd.time.now() - began, client:stats().requests / 4)
end

function cases.a_limit_around_a_call_ends_its_wait()
  enforce(LIMIT)
  local client = connect { reserve = 0 }
  run(client, 130)
  spend(118 - 10)
  local began = moonherd.time.now()
  local ok, err = pcall(moonherd.timeout, 3, run, client, 100)
  assert(not ok and err.kind == "timeout", tostring(err))
  ok, err = pcall(moonherd.timeout, 3, client.create_namespace, client, "late")
  assert(not ok and err.outcome == "not_applied", tostring(err))
  assert(moonherd.time.now() - began < 6.1)
  assert(client:budget().waiting == 0)
end

function cases.a_first_request_that_takes_long_does_not_hold_the_others()
  enforce(LIMIT, { { fault = "stall", count = 1, seconds = 50 } })
  local client = connect { reserve = 0 }
  moonherd.gather(
    function () client:namespaces() end,
    function ()
      moonherd.sleep(1)
      assert(run(client, 5) < 3)
    end)
end

function cases.what_is_left_by_others_is_found_out_before_more_is_asked_for()
  enforce(LIMIT)
  spend(100)
  check_time(run(connect { reserve = 0 }, 100, 50), 30 + 20)
end

-- ---- several processes -------------------------------------------------------------------------

-- A client with what another process would have: a book of its own on the same file.
local function connect_as_process(opts)
  local client = connect(false, opts)
  client._budget = budgets.new("a process", nil, function ()
    local file = book.open(book.directory())
    return file, file:name_of "one credential"
  end)
  client._budget:configure { reserve = 0 }
  return client
end

function cases.processes_share_the_file()
  enforce(LIMIT)
  local seconds, clients = {}, {}
  for i = 1, 3 do clients[i] = connect_as_process() end
  moonherd.gather(
    function () seconds[1] = run(clients[1], 300) end,
    function () seconds[2] = run(clients[2], 300) end,
    function () seconds[3] = run(clients[3], 300) end)
  check_time(math.max(table.unpack(seconds)), 225)
  for _, client in ipairs(clients) do
    assert(client:budget().used == 300)
    client._budget.book:close()
  end
end

function cases.a_block_that_one_process_meets_stops_the_others()
  enforce(LIMIT, { { fault = "rate_limited", skip = 5, count = 1, retry_after = 300 } })
  local one, other = connect_as_process { retry = true }, connect_as_process { retry = true }
  run(other, 5)
  moonherd.gather(
    function () run(one, 1) end,
    function ()
      moonherd.sleep(1)
      assert(other:budget().blocked > 298)
      assert(run(other, 1) > 298)
    end)
  one._budget.book:close()
  other._budget.book:close()
end

function cases.who_dies_takes_only_its_lease_along()
  enforce(LIMIT)
  local dead = connect_as_process()
  moonherd.scope(function ()
    local running = moonherd.spawn(run, dead, 500)
    moonherd.sleep(2)
    running:cancel()
  end)
  dead._budget.book:close()
  local client = connect_as_process()
  run(client, 1)
  local view = client:budget()
  assert(120 - view.remaining - dead:stats().requests - 1 <= 4, json.encode(view))
  client._budget.book:close()
end

-- ---- several accounts --------------------------------------------------------------------------

local TOKEN <const> = "token-of-the-tests"

-- A platform whose users are told apart by their email address.
local function serve()
  local served, turn = nil, task.waitlist()
  local server = platform.open { state = directory, token = TOKEN, faults = { limit = LIMIT } }
  local serving = moonherd.spawn(server.serve, server, {
    host = "127.0.0.1", port = 0,
    on_listen = function (listening)
      served = listening
      turn:wake()
    end,
  })
  while not served do turn:wait "the platform to listen" end
  return ("http://127.0.0.1:%d/client/v4"):format(served.port), server, serving
end

-- Each account is asked for by one user.
local function check_users(server)
  local users = {}
  for _, entry in ipairs(server.requests:list {}) do
    local account = entry.target:match "/accounts/(%d+)/"
    if entry.user ~= json.null then
      users[account] = users[account] or entry.user
      assert(users[account] == entry.user, account)
    end
  end
end

function cases.accounts_do_not_wait_for_each_other()
  local base, server, serving = serve()
  local clients = {}
  for i = 1, 12 do
    clients[i] = moonherd.connect {
      base_url = base, account_id = ("%032d"):format(i), retry = true, budget = { reserve = 0 },
      api_email = ("user-%d@example.com"):format(i), api_key = i == 1 and "revoked" or TOKEN,
    }
  end
  local spent = moonherd.connect {
    base_url = base, account_id = ("%032d"):format(2), retry = true, budget = false,
    api_email = "user-2@example.com", api_key = TOKEN,
  }
  for _ = 1, 120 do spent:namespaces() end
  server.requests:clear()
  local seconds, refused = {}, nil
  moonherd.each(clients, { concurrency = 12 }, function (client, i)
    local ok, result = pcall(run, client, 240)
    seconds[i], refused = ok and result, refused or not ok and result or nil
  end)
  for i = 3, 12 do check_time(seconds[i], 60) end
  check_time(seconds[2], 300 + 60)
  assert(not seconds[1] and tostring(refused):find "Authentication", tostring(refused))
  local blocked = server.requests:list { status = 429 }
  assert(#blocked == 1 and blocked[1].target:find(clients[2].account_id), json.encode(blocked))
  check_users(server)
  serving:cancel()
  pcall(serving.wait, serving)
  server:close()
end

return function (name, folder)
  directory = folder .. "/platform"
  cases[name]()
end
