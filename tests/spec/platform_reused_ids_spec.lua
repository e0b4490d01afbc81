-- What was deleted leaves its row's number to the next that is made. A request that has read the
-- one and comes late must not change the other.
local http = require "moonherd.http"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local multipart = require "moonherd.multipart"
local platform = require "tests.spec.support.platform"

describe("a request that comes late", function ()
  local server

  before_each(function ()
    server = platform.start()
    server:make_namespace "ns"
  end)
  after_each(function () server:close() end)

  -- Sends a request; `meanwhile` runs when the platform has read what was there, before the end of
  -- the body.
  local function send_late(method, path, body, content_type, meanwhile)
    local at = 0
    local response = http.request {
      method = method, url = "http://localhost" .. platform.NAMESPACES .. path,
      unix_socket = server.socket, content_length = #body,
      headers = { authorization = "Bearer " .. platform.TOKEN, ["content-type"] = content_type },
      body = function ()
        at = at + 1
        if at == 1 then return body:sub(1, -2) end
        if at > 2 then return nil end
        moonherd.sleep(0.05) -- the platform reads the state when the head has come
        meanwhile()
        return body:sub(-1)
      end,
    }
    return response.status, json.decode(response.body)
  end

  local function put_late(path, meanwhile)
    local pieces, content_type = multipart.encode(platform.form(
      { main_module = "index.js", tags = json.array { "late" } },
      { platform.file("index.js", platform.SOURCE) }))
    return send_late("PUT", path, table.concat(pieces), content_type, meanwhile)
  end

  local function delete(path) platform.ok(server:api("DELETE", path)) end

  local function delete_and_make_another()
    delete "/ns"
    server:make_namespace "other"
  end

  it("changes no other script", function ()
    platform.ok(server:put("/ns/scripts/a"))
    local status = put_late("/ns/scripts/a", function ()
      delete "/ns/scripts/a"
      platform.ok(server:put "/ns/scripts/b")
    end)
    assert.are.equal(200, status)
    local b = platform.ok(server:api("GET", "/ns/scripts/b"))
    local a = platform.ok(server:api("GET", "/ns/scripts/a"))
    assert.are.same({ "a", "b" }, { a.script.id, b.script.id })
    assert.are.same({ { "late" }, {} }, { a.script.tags, b.script.tags })
    assert.are_not.equal(a.script.tag, b.script.tag)
  end)

  it("puts no script into another namespace", function ()
    local status, answer = put_late("/ns/scripts/a", delete_and_make_another)
    assert.are.same({ 404, 100119 }, { status, answer.errors[1].code })
    assert.are.equal(0, #platform.ok(server:api("GET", "/other/scripts")))
  end)

  it("opens no upload session in another namespace", function ()
    local manifest = '{"manifest":{"/a":{"hash":"0123456789abcdef0123456789abcdef","size":1}}}'
    local status, answer = send_late("POST", "/ns/scripts/a/assets-upload-session", manifest,
      "application/json", delete_and_make_another)
    assert.are.same({ 404, 100119 }, { status, answer.errors[1].code })
  end)
end)
