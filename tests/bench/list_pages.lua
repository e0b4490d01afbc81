-- What a page of a long list costs at its end, against its beginning: COUNT scripts, listed through
-- the platform by pages of 1000; and what one bulk delete costs.
--   moonherd run --target local tests/bench/list_pages.lua [COUNT]
package.path = "./?.lua;" .. package.path
local fill = require "tests.spec.support.fill"
local http = require "moonherd.http"
local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local count = math.tointeger(tonumber(arg[1] or 100000))
local ROUNDS, SAMPLE = 3, 10 -- listings of each kind; pages at either end
local SCRIPTS = "/bench/scripts"

local server <close> = setmetatable({ it = support.start() }, {
  __close = function (self) self.it:close() end,
})
server.it:make_namespace "bench"
support.ok(server.it:put(SCRIPTS .. "/a", { tags = json.array { "all" } }))

-- The body of an answer as text, because reading it is no work of the platform, and the CPU seconds
-- it took.
local function call(method, query)
  local start = os.clock()
  local response = http.request {
    method = method, url = "http://localhost" .. support.NAMESPACES .. SCRIPTS .. query,
    unix_socket = server.it.socket, headers = { authorization = "Bearer " .. support.TOKEN },
  }
  assert(response.status == 200, response.body)
  return response.body, os.clock() - start
end

-- The CPU seconds of each page, in order, and how many scripts were listed.
local function list(query)
  local times, seen, cursor = {}, 0, ""
  repeat
    local body, time = call("GET", "?" .. query .. "&cursor=" .. cursor)
    times[#times + 1] = time
    local info = json.decode(body:match '"result_info":(%b{})}$')
    seen, cursor = seen + info.count, info.cursor
  until not cursor
  return times, seen
end

-- The least that each page took: what else the machine did is not counted.
local function least(query)
  local times, seen = list(query)
  for _ = 2, ROUNDS do
    for page, time in ipairs((list(query))) do times[page] = math.min(times[page], time) end
  end
  return times, seen
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function measure(name, query)
  local times, seen = least(query)
  local full = math.max(#times - 1, 1) -- the last page is not
  local sample = math.min(SAMPLE, full)
  local first = median(table.move(times, 1, sample, 1, {}))
  local last = median(table.move(times, full - sample + 1, full, 1, {}))
  print(("%-28s %6d scripts, %3d pages: %.2f ms first, %.2f ms last, ratio %.2f"):format(
    name, seen, #times, first * 1e3, last * 1e3, last / first))
end

local start = os.clock()
fill(server.it.platform.store, "a", count)
print(("%d scripts made in %.1f s"):format(count, os.clock() - start))
measure("no filter", "")
measure("a tag of all", "tags=all:yes")
measure("a tag of every second", "tags=odd:yes")
measure("not a tag of every second", "tags=odd:no")
measure("two tags", "tags=all:yes,odd:yes")
measure("two tags, one of the last", ("tags=all:yes,group-%d:yes"):format((count - 1) // 1000))
measure("a tag of all, and not it", "tags=all:yes,all:no")
local body, time = call("DELETE", "?limit=1000")
print(("%-28s %6d scripts: %.1f ms"):format("a bulk delete",
  json.decode(body).result.deleted_count, time * 1e3))
