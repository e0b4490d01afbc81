-- The other half of platform_kill.sh: `load` opens an upload session and sends its files, 8 at a
-- time, until the server is gone, and writes down which were acknowledged; a line on standard
-- output tells of the first. `resume` sends the others in the same session, and uses what comes of
-- it.
--   platform_kill_assets.lua load|resume BASE TOKEN FILE
local moonherd = require "moonherd"
local http = require "moonherd.http"
local json = require "moonherd.json"
local multipart = require "moonherd.multipart"

local mode, base, token, file = table.unpack(arg)
local account = base .. "/accounts/" .. ("0"):rep(32) .. "/workers"
local namespaces = account .. "/dispatch/namespaces"
local COUNT <const> = 300

local function call(method, url, body, content_type, bearer)
  local response = http.request {
    method = method, url = url, body = body,
    headers = { authorization = "Bearer " .. (bearer or token), ["content-type"] = content_type },
  }
  return json.decode(response.body)
end

-- Every third one is large enough to be kept in blocks.
local function content(i)
  return ("file %d\n"):format(i):rep(i % 3 == 0 and 60000 or 10)
end

local function digest(i) return ("%032x"):format(i) end

local function open_session()
  local manifest = {}
  for i = 1, COUNT do
    manifest["/" .. i] = { hash = digest(i), size = #content(i) }
  end
  return call("POST", namespaces .. "/kill/scripts/site/assets-upload-session",
    json.encode { manifest = manifest }, "application/json").result
end

local function send(i, jwt)
  return call("POST", account .. "/assets/upload/" .. digest(i), content(i), "text/plain", jwt)
end

local function load_until_gone()
  call("POST", namespaces, '{"name":"kill"}', "application/json")
  local jwt = open_session().jwt
  local acknowledged, is_gone, next_one = {}, false, 0
  moonherd.scope(function ()
    for _ = 1, 8 do
      moonherd.spawn(function ()
        while not is_gone and next_one < COUNT do
          next_one = next_one + 1
          local i = next_one
          local answer = moonherd.try(send, i, jwt)
          is_gone = is_gone or not answer
          if answer and answer.success then
            if next(acknowledged) == nil then print "acknowledged" end
            acknowledged[digest(i)] = true
          end
        end
      end)
    end
  end)
  moonherd.fs.write(file, json.encode { jwt = jwt, acknowledged = acknowledged })
end

-- An acknowledged file that was lost would leave the session without its completion token.
local function resume()
  local before = json.decode(moonherd.fs.read(file))
  local sent, complete = 0, nil
  for i = 1, COUNT do
    if not before.acknowledged[digest(i)] then
      sent = sent + 1
      complete = send(i, before.jwt).result.jwt or complete
    end
  end
  print(("%d sent, %d before"):format(sent, COUNT - sent))
  local body, content_type = multipart.encode {
    { name = "metadata", content = json.encode { assets = { jwt = complete } } },
  }
  local result = call("PUT", namespaces .. "/kill/scripts/site", body, content_type).result
  return sent > 0 and sent < COUNT and result.has_assets == true
    and #open_session().buckets == 0
end

if mode == "resume" then return resume() end
load_until_gone()
