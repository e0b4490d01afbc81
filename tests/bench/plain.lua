-- Small programs of plain Lua, for lua5.4 and for moonherd:
--   lua5.4 tests/bench/plain.lua            the names of them
--   lua5.4 tests/bench/plain.lua NAME       the CPU seconds of one: the best of five
-- The program `lua` chooses the generational collector, the library the incremental one. Neither is
-- measured here: both have the same.
collectgarbage "incremental"

local create, resume, wrap, yield = coroutine.create, coroutine.resume, coroutine.wrap,
  coroutine.yield

local programs = {}

function programs.coroutine_resume()
  local co = create(function () while true do yield() end end)
  for _ = 1, 1000000 do resume(co) end
end

function programs.coroutine_values()
  local co = create(function (a, b) while true do a, b = yield(b, a) end end)
  for i = 1, 1000000 do resume(co, i, i) end
end

function programs.coroutine_wrap()
  local f = wrap(function () while true do yield(1) end end)
  for _ = 1, 1000000 do f() end
end

function programs.coroutine_iterator()
  for _ in wrap(function () for i = 1, 1000000 do yield(i) end end) do end
end

function programs.coroutine_create()
  for _ = 1, 300000 do resume(create(function () end)) end
end

function programs.coroutine_nested()
  local function nest(depth)
    if depth == 0 then while true do yield(1) end end
    local inner = wrap(nest)
    while true do yield(inner(depth - 1)) end
  end
  local outer = wrap(nest)
  for _ = 1, 10000 do outer(100) end
end

function programs.coroutine_status()
  local co, status, running = create(yield), coroutine.status, coroutine.running
  local isyieldable = coroutine.isyieldable
  for _ = 1, 1000000 do status(co) running() isyieldable() end
end

function programs.fib()
  local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
  fib(30)
end

function programs.nbody()
  local bodies = {}
  for i = 1, 5 do bodies[i] = { x = i, y = i * i, vx = 0, vy = 0, mass = 1 / i } end
  local function pull(a, b)
    local dx, dy = a.x - b.x, a.y - b.y
    local square = dx * dx + dy * dy
    local force = 0.001 / (square * math.sqrt(square))
    a.vx, a.vy = a.vx - dx * b.mass * force, a.vy - dy * b.mass * force
    b.vx, b.vy = b.vx + dx * a.mass * force, b.vy + dy * a.mass * force
  end
  for _ = 1, 60000 do
    for i = 1, 5 do
      for j = i + 1, 5 do pull(bodies[i], bodies[j]) end
    end
    for _, body in ipairs(bodies) do
      body.x, body.y = body.x + body.vx * 0.001, body.y + body.vy * 0.001
    end
  end
end

function programs.spectral_norm()
  local function cell(i, j) return 1 / ((i + j - 2) * (i + j - 1) * 0.5 + i) end
  local from, to = {}, {}
  for i = 1, 250 do from[i] = 1 end
  for _ = 1, 20 do
    for i = 1, 250 do
      local sum = 0
      for j = 1, 250 do sum = sum + from[j] * cell(i, j) end
      to[i] = sum
    end
    from, to = to, from
  end
end

function programs.binary_trees()
  local function tree(depth) return depth == 0 and {} or { tree(depth - 1), tree(depth - 1) } end
  local function count(node) return node[1] and 1 + count(node[1]) + count(node[2]) or 1 end
  for _ = 1, 20 do count(tree(13)) end
end

function programs.string_building()
  for _ = 1, 300 do
    local text = ""
    for i = 1, 500 do text = text .. i end
  end
end

function programs.table_concat()
  for _ = 1, 20 do
    local parts = {}
    for i = 1, 20000 do parts[#parts + 1] = "item " .. i end
    table.concat(parts, ",")
  end
end

function programs.sort()
  math.randomseed(42)
  local numbers = {}
  for i = 1, 100000 do numbers[i] = math.random(1000000) end
  table.sort(numbers)
  table.sort(numbers, function (a, b) return a > b end)
end

function programs.gsub()
  local text = ("the quick brown fox "):rep(2000)
  for _ = 1, 40 do text:gsub("%w+", function (word) return word:upper() end) end
end

function programs.closures()
  local function counter()
    local n = 0
    return function (by) n = n + by return n end
  end
  for i = 1, 500000 do counter()(i) end
end

function programs.objects()
  local Point = {}
  Point.__index = Point
  function Point:add(other) return setmetatable({ x = self.x + other.x }, Point) end
  local sum, one = setmetatable({ x = 0 }, Point), setmetatable({ x = 1 }, Point)
  for _ = 1, 800000 do sum = sum:add(one) end
end

function programs.string_rep()
  for _ = 1, 3000 do ("x"):rep(10000):reverse():upper() end
end

function programs.string_format()
  for i = 1, 300000 do string.format("%d %s %.2f", i, "abc", i / 3) end
end

function programs.hash_tables()
  local words = {}
  for i = 1, 200000 do words["key" .. i] = i end
  local sum = 0
  for _, value in pairs(words) do sum = sum + value end
end

local function seconds(program)
  local best = math.huge
  for _ = 1, 5 do
    collectgarbage()
    local began = os.clock()
    program()
    best = math.min(best, os.clock() - began)
  end
  return best
end

if arg[1] then
  print(("%.4f"):format(seconds(programs[arg[1]])))
else
  local names = {}
  for name in pairs(programs) do names[#names + 1] = name end
  table.sort(names)
  print(table.concat(names, "\n"))
end
