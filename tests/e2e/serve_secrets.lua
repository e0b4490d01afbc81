-- Half of serve_secrets.sh: brings secret values to a server in every way there is, right ones and
-- wrong ones, then reads everything that can be read; prints all answers, with their headers.
--   serve_secrets.lua BASE TOKEN TEXT KEY     KEY: base64
local http = require "moonherd.http"
local json = require "moonherd.json"
local multipart = require "moonherd.multipart"
local routes = require "moonherd.platform.routes"

local base, token, text, key = table.unpack(arg)
local SCRIPTS = base .. "/accounts/" .. ("0"):rep(32) .. "/workers/dispatch/namespaces/n/scripts"
local SCRIPT = SCRIPTS .. "/s"

local function send(method, url, body, content_type)
  local response = http.request { method = method, url = url, body = body,
    headers = { authorization = "Bearer " .. token, ["content-type"] = content_type } }
  print(method, url, response.status, json.encode(response.headers), response.body)
  return response
end

local function send_json(method, url, value)
  return send(method, url, type(value) == "string" and value or json.encode(value),
    "application/json")
end

local function send_form(method, url, field, value)
  local parts = { { name = field, content = type(value) == "string" and value or json.encode(value),
    content_type = "application/json" } }
  if field == "metadata" then
    parts[2] = { name = "a.js", filename = "a.js", content = "export default {}",
      content_type = "application/javascript+module" }
  end
  send(method, url, multipart.encode(parts))
end

local jwk = { kty = "oct", k = key, alg = "HS256" }
local secrets = {
  { type = "secret_text", name = "S", text = text },
  { type = "secret_key", name = "K", format = "raw", algorithm = { name = "HMAC" },
    usages = { "sign" }, key_base64 = key },
  { type = "secret_key", name = "J", format = "jwk", algorithm = { name = "HMAC" },
    usages = { "sign" }, key_jwk = jwk },
}

-- What is a secret, but not quite as it should be.
local wrong = {
  { type = "secret_text", name = "", text = text },
  { type = "secret_text", name = 1, text = text },
  { type = "secret_text", name = "W", text = { text } },
  { type = "secret_text", name = "W", text = text:rep(1000) },
  { type = "secret_text", name = "W", text = text, extra = text },
  { type = "secret_txt", name = "W", text = text },
  { type = "Secret_Text", name = "W", text = text },
  { type = "secret", name = "W", text = text },
  { type = "secret_key", name = "W", format = "raw", usages = {}, key_base64 = key },
  { type = "secret_key", name = "W", format = "jwk", algorithm = {}, usages = {}, key_jwk = key },
  { type = "secret_key", name = "W", format = key, algorithm = {}, usages = { key },
    key_base64 = key .. "!" },
  { type = "inherit", name = "W", text = text, key_base64 = key },
  { name = "W", text = text },
}

local function metadata(bindings)
  return { main_module = "a.js", compatibility_date = "2026-10-01", bindings = bindings }
end

send_json("POST", SCRIPTS:gsub("/n/scripts$", ""), { name = "n" })
send_form("PUT", SCRIPT, "metadata", metadata(secrets))
send_form("PUT", SCRIPT, "metadata", metadata { secrets[1], secrets[1] })
send_form("PUT", SCRIPT, "metadata", '{"bindings":[{"type":"secret_text","text":"' .. text)
send_form("PUT", SCRIPT, text, metadata(secrets))
for _, secret in ipairs(secrets) do
  send_json("PUT", SCRIPT .. "/secrets", secret)
  send_form("PATCH", SCRIPT .. "/settings", "settings", { bindings = { secret } })
  send_json("PATCH", SCRIPT .. "/secrets-bulk", { secrets = { [secret.name] = secret } })
end
for _, secret in ipairs(wrong) do
  send_form("PUT", SCRIPT, "metadata", metadata { secret })
  send_json("PUT", SCRIPT .. "/secrets", secret)
  send_form("PATCH", SCRIPT .. "/settings", "settings", { bindings = { secret } })
  send_json("PATCH", SCRIPT .. "/secrets-bulk", { secrets = { W = secret } })
end
send_json("PUT", SCRIPT .. "/secrets", '{"text":"' .. text .. '"')
send_json("PUT", SCRIPT .. "-none/secrets", secrets[1])
send_form("PUT", SCRIPT, "metadata", metadata(secrets))
send_form("PUT", SCRIPT, "metadata", { main_module = "a.js",
  bindings = { { type = "inherit", name = "T", old_name = "S" } } })
send_form("PUT", SCRIPT, "metadata", metadata(secrets))

-- Everything there is to read.
local NAMES = { account = ("0"):rep(32), namespace = "n", script = "s", tag = "t", bucket = "b",
  hash = "h" }
for _, route in ipairs(routes) do
  for _, secret in ipairs { "S", "K", "J", "NONE" } do
    NAMES.secret = secret
    if route[1] == "GET" then send("GET", base .. route[2]:gsub("{(%w+)}", NAMES)) end
  end
end
