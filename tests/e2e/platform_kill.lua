-- One half of platform_kill.sh: `load` uploads scripts, 16 at a time, until the server is gone, and
-- writes down what was acknowledged; a line on standard output tells of the first. `compare` looks
-- for all that in the server that was started again.
--   platform_kill.lua load|compare BASE TOKEN FILE ROUND
local moonherd = require "moonherd"
local http = require "moonherd.http"
local json = require "moonherd.json"
local multipart = require "moonherd.multipart"

local mode, base, token, file, round = table.unpack(arg)
local namespaces = base .. "/accounts/" .. ("0"):rep(32) .. "/workers/dispatch/namespaces"

local function call(method, path, body, content_type)
  return http.request {
    method = method, url = namespaces .. path, body = body,
    headers = { authorization = "Bearer " .. token, ["content-type"] = content_type },
  }
end

-- Every third one is large enough to be kept in blocks.
local function source(i)
  local text = "export default { fetch() {} } // " .. round .. " " .. i .. "\n"
  return text .. ("// filler\n"):rep(i % 3 == 0 and 30000 or 10)
end

local function put(i)
  local body, content_type = multipart.encode {
    { name = "metadata", content = '{"main_module":"a.js"}' },
    { name = "a.js", filename = "a.js", content = source(i) },
  }
  return call("PUT", "/kill/scripts/s" .. i, body, content_type)
end

local function load_until_gone()
  call("POST", "", '{"name":"kill"}', "application/json")
  local acknowledged, is_gone, next_one = {}, false, 0
  moonherd.scope(function ()
    for _ = 1, 16 do
      moonherd.spawn(function ()
        while not is_gone do
          next_one = next_one + 1
          local i = next_one % 40
          local response = moonherd.try(put, i)
          if not response then
            is_gone = true
          elseif response.status == 200 then
            if next(acknowledged) == nil then print "acknowledged" end
            acknowledged[tostring(i)] = json.decode(response.body).result.modified_on
          end
        end
      end)
    end
  end)
  moonherd.fs.write(file, json.encode(acknowledged))
end

-- What is there now is what was acknowledged last, or a later upload whose answer was lost.
local function compare()
  local wrong, count = 0, 0
  for i, modified_on in pairs(json.decode(moonherd.fs.read(file))) do
    count = count + 1
    local shown = json.decode(call("GET", "/kill/scripts/s" .. i).body)
    local content = call("GET", "/kill/scripts/s" .. i .. "/content").body
    local is_whole = content:find(source(tonumber(i)), 1, true) ~= nil
    if not shown.success or shown.result.modified_on < modified_on or not is_whole then
      wrong = wrong + 1
      print(("script s%s: acknowledged at %s, lost"):format(i, modified_on))
    end
  end
  print(("%d acknowledged, %d lost"):format(count, wrong))
  return count > 0 and wrong == 0
end

if mode == "compare" then return compare() end
load_until_gone()
