-- From a method and a raw path to a route. The path is split on `/` before any segment is decoded,
-- so an escaped slash stays inside its name. Routes are kept as a tree of segments: finding one
-- costs the same however many there are.

local uri = require "moonherd.platform.uri"

local M = {}

local Router = {}
Router.__index = Router

local PREFIX = "/client/v4/"
local SLASH = ("/"):byte()

local function new_node()
  return { children = {}, methods = nil, authenticate = nil, parameter = nil, name = nil }
end

-- The node below `node` for one segment of a pattern: a literal, or `{parameter}`.
local function grow(node, segment)
  local name = segment:match "^{(.+)}$"
  if name then
    node.parameter = node.parameter or new_node()
    node.parameter.name = name
    return node.parameter
  end
  node.children[segment] = node.children[segment] or new_node()
  return node.children[segment]
end

local function add(root, method, pattern, handler, authenticate)
  local node = root
  for segment in pattern:gmatch "[^/]+" do
    node = grow(node, segment)
  end
  node.methods = node.methods or {}
  node.methods[method] = handler
  node.authenticate = authenticate
end

--- Builds a router from rows { method, pattern, handler, authenticate }. The last is there for
--- paths that need another credential than the usual one: it ends a call without it.
function M.new(routes)
  local root = new_node()
  for _, route in ipairs(routes) do
    add(root, table.unpack(route))
  end
  return setmetatable({ root = root }, Router)
end

--- The handlers of a path by method, the path's parameters (those met on the way, when there are no
--- handlers), and its `authenticate`. Served under the API's prefix and at the root.
function Router:find(path)
  local node, parameters = self.root, {}
  if path:sub(1, #PREFIX) == PREFIX then
    path = path:sub(#PREFIX)
  elseif path:byte() ~= SLASH then
    return nil, parameters -- a URL, as proxies are sent them, or a `*`
  end
  for segment in path:gmatch "/([^/]*)" do
    segment = uri.decode(segment)
    local child = node.children[segment]
    if not child then
      child = segment ~= "" and node.parameter or nil
      if not child then
        return nil, parameters
      end
      parameters[child.name] = segment
    end
    node = child
  end
  return node.methods, parameters, node.authenticate
end

--- The methods of a path as the value of an `allow` header.
function M.allowed(methods)
  local names = {}
  for method in pairs(methods) do
    names[#names + 1] = method
  end
  table.sort(names)
  return table.concat(names, ", ")
end

return M
