-- The operations of the API, written down once more: the endpoints of the client and the routes of
-- the platform must be these and no others.
local endpoints = require "moonherd.cloudflare.endpoints"
local routes = require "moonherd.platform.routes"

local OPERATIONS = [[
POST   /accounts/{}/workers/dispatch/namespaces
GET    /accounts/{}/workers/dispatch/namespaces
PUT    /accounts/{}/workers/dispatch/namespaces/{}
PATCH  /accounts/{}/workers/dispatch/namespaces/{}
GET    /accounts/{}/workers/dispatch/namespaces/{}
DELETE /accounts/{}/workers/dispatch/namespaces/{}
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts
DELETE /accounts/{}/workers/dispatch/namespaces/{}/scripts
PUT    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}
DELETE /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}
POST   /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/assets-upload-session
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/bindings
PUT    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/content
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/content
PUT    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/secrets
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/secrets
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/secrets/{}
DELETE /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/secrets/{}
PATCH  /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/settings
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/settings
PUT    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/tags
GET    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/tags
PUT    /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/tags/{}
DELETE /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/tags/{}
]]

-- Beside them, and needed by them.
local HELPERS = [[
PATCH  /accounts/{}/workers/dispatch/namespaces/{}/scripts/{}/secrets-bulk
POST   /accounts/{}/workers/assets/upload
]]

-- "METHOD /path" of every line, sorted.
local function lines_of(text)
  local lines = {}
  for method, path in text:gmatch "(%u+) +(%S+)" do lines[#lines + 1] = method .. " " .. path end
  table.sort(lines)
  return lines
end

local function without_names(path)
  return (path:gsub("%b{}", "{}"))
end

-- The rows of the client's table, by their names in it.
local function rows()
  local found = {}
  for name, endpoint in pairs(endpoints) do
    if type(endpoint) == "table" then found[name] = endpoint end
  end
  return found
end

it("the operations are 25", function ()
  assert.are.equal(25, #lines_of(OPERATIONS))
end)

describe("the client's endpoints", function ()
  it("are the operations and what they need", function ()
    local found = {}
    for _, endpoint in pairs(rows()) do
      found[#found + 1] = endpoint.method .. " " .. without_names(endpoint.path)
    end
    table.sort(found)
    assert.are.same(lines_of(OPERATIONS .. HELPERS), found)
  end)

  it("have names of their own", function ()
    local seen = {}
    for name, endpoint in pairs(rows()) do
      assert.is_nil(seen[endpoint.id], name)
      seen[endpoint.id] = true
    end
  end)

  it("are classed by what a repeat would do", function ()
    local classes = { read = true, replace = true, delete = true, create = true }
    for name, endpoint in pairs(rows()) do
      assert.is_true(classes[endpoint.class], name)
      assert.are.equal(endpoint.method == "GET", endpoint.class == "read", name)
      assert.are.equal(endpoint.method == "DELETE", endpoint.class == "delete", name)
    end
  end)

  -- A repeat of these fails by what the first has done: the name is taken, or the old one is gone.
  local CREATING = { create_namespace = true, put_namespace = true, patch_namespace = true }

  it("that create are those whose repeat may fail", function ()
    for name, endpoint in pairs(rows()) do
      assert.are.equal(CREATING[name] == true, endpoint.class == "create", name)
    end
  end)

  -- Another upload session harms nothing, and says itself which assets are missing still.
  local UNCHECKED = { create_assets_session = true, upload_assets = true }

  it("that write name the read that shows whether it was done", function ()
    for name, endpoint in pairs(rows()) do
      local is_checked = endpoint.class ~= "read" and not UNCHECKED[name]
      assert.are.equal(is_checked, endpoint.check ~= nil, name)
      if is_checked then assert.are.equal("read", endpoints[endpoint.check].class, name) end
    end
  end)

  it("have time limits", function ()
    for name, endpoint in pairs(rows()) do assert.is_true(endpoint.timeout > 0, name) end
  end)

  it("fill their paths with encoded parameters", function ()
    local path = endpoints.get_content.format:format("acc", "a%2Fb", "c%20d", "surplus")
    assert.are.equal("/accounts/acc/workers/dispatch/namespaces/a%2Fb/scripts/c%20d/content", path)
  end)
end)

describe("the platform's routes", function ()
  local function found()
    local lines = {}
    for _, row in ipairs(routes) do
      lines[#lines + 1] = row[1] .. " " .. without_names(row[2])
    end
    return lines
  end

  it("are the operations and what they need", function ()
    local is_there = {}
    for _, line in ipairs(found()) do is_there[line] = true end
    for _, line in ipairs(lines_of(OPERATIONS .. HELPERS)) do
      assert.is_true(is_there[line], line)
    end
  end)

  it("have nothing else among the dispatch namespaces", function ()
    local is_known = {}
    for _, line in ipairs(lines_of(OPERATIONS .. HELPERS)) do is_known[line] = true end
    for _, line in ipairs(found()) do
      if line:find "/workers/dispatch/" then assert.is_true(is_known[line], line) end
    end
  end)

  it("are named once", function ()
    local seen = {}
    for _, line in ipairs(found()) do
      assert.is_nil(seen[line], line)
      seen[line] = true
    end
  end)
end)
