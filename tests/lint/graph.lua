-- A graph of what uses what, and its circles.
-- An edge keeps where it stands: { path =, line =, name = }.

local M = {}

--- An empty graph: node -> node that it uses -> why.
function M.new()
  return {}
end

--- Notes that `from` uses `to`; the first reason is kept.
function M.add(graph, from, to, why)
  if from == to then return end
  graph[from] = graph[from] or {}
  graph[from][to] = graph[from][to] or why
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Tarjan's: the groups of nodes that can all be reached from each other.
local function groups(graph)
  local index, low, on_stack, stack, found, count = {}, {}, {}, {}, {}, 0
  local function visit(node)
    count = count + 1
    index[node], low[node] = count, count
    stack[#stack + 1], on_stack[node] = node, true
    for _, other in ipairs(sorted(graph[node] or {})) do
      if not index[other] then
        visit(other)
        low[node] = math.min(low[node], low[other])
      elseif on_stack[other] then
        low[node] = math.min(low[node], index[other])
      end
    end
    if low[node] < index[node] then return end
    local group = {}
    repeat
      local last = table.remove(stack)
      on_stack[last] = nil
      group[last] = true
    until last == node
    found[#found + 1] = group
  end
  for _, node in ipairs(sorted(graph)) do
    if not index[node] then visit(node) end
  end
  return found
end

-- The shortest way inside a group from a node back to itself, as the list of nodes behind it.
local function way_back(graph, group, start)
  local before, queue = {}, { start }
  for _, node in ipairs(queue) do -- which grows meanwhile
    for _, other in ipairs(sorted(graph[node] or {})) do
      if group[other] and not before[other] then
        before[other] = node
        queue[#queue + 1] = other
      end
    end
    if before[start] then break end
  end
  local way, node = {}, start
  repeat
    table.insert(way, 1, node)
    node = before[node]
  until node == start
  return way
end

--- Iterates over the edges of circles, the shortest one of each group of nodes that all lead to
--- each other: from, to, why.
function M.circular(graph)
  return coroutine.wrap(function ()
    for _, group in ipairs(groups(graph)) do
      local shortest
      for _, node in ipairs(next(group, next(group)) and sorted(group) or {}) do
        local way = way_back(graph, group, node)
        if not shortest or #way < #shortest then shortest = way end
      end
      for i, to in ipairs(shortest or {}) do
        local from = shortest[i - 1] or shortest[#shortest]
        coroutine.yield(from, to, graph[from][to])
      end
    end
  end)
end

return M
