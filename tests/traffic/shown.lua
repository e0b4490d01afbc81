-- What is there of a client's state (world.lua): what the API shows, and, for what no route gives
-- out, what the database holds: the values of secrets and the bytes of assets.

local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local http_client = require "tests.traffic.client"
local json = require "moonherd.json"
local store = require "moonherd.store"
local world = require "tests.traffic.world"

local M = {}

local View = {}
View.__index = View

--- Opens a view: over HTTP with `client`, and of the state directory.
function M.open(client, directory)
  return setmetatable({
    client = client,
    db = store.open(directory .. "/platform.db"),
    key = fs.read(directory .. "/platform.key"),
  }, View)
end

function View:close()
  self.db:close()
end

--- What is wrong with the database, nil when nothing is.
function View:damage()
  local checks, keys, counts = self.db:read {
    { "PRAGMA integrity_check" },
    { "PRAGMA foreign_key_check" },
    { [[SELECT name FROM namespace n WHERE script_count <>
      (SELECT count(*) FROM script WHERE namespace_id = n.id)]] },
  }
  if checks[1].integrity_check ~= "ok" then return checks[1].integrity_check end
  if keys[1] then return ("%d broken references"):format(#keys) end
  return counts[1] and "script_count of " .. counts[1].name or nil
end

local SECRETS = [[
  SELECT s.tag, e.name, e.sealed FROM namespace n JOIN script s ON s.namespace_id = n.id
  JOIN secret e ON e.version_id = s.version_id WHERE n.account = ? AND n.name = ? AND s.name = ?]]

local FILES = [[
  SELECT f.path, a.content, a.blob_id FROM namespace n JOIN script s ON s.namespace_id = n.id
  JOIN version v ON v.id = s.version_id JOIN asset_file f ON f.set_id = v.asset_set_id
  JOIN asset a ON a.id = f.asset_id WHERE n.account = ? AND n.name = ? AND s.name = ?]]

local BLOCKS = [[
  SELECT b.content FROM blob_block r JOIN block b ON b.id = r.block_id
  WHERE r.blob_id = ? ORDER BY r.position]]

local function value_of(self, row)
  local text = hash.open(self.key, row.sealed, string.pack("<s4s4", row.tag, row.name))
  return text and json.decode(text).text or "sealed with another key"
end

local function bytes_of(self, row)
  if not row.blob_id then return row.content or "" end
  local blocks = self.db:read { { BLOCKS, row.blob_id } }
  for i, block in ipairs(blocks) do blocks[i] = block.content end
  return table.concat(blocks)
end

-- The values of secrets, and the texts of the files, by name.
local function hidden_parts(self, namespace, script)
  local values, texts = {}, {}
  local secrets, files = self.db:read {
    { SECRETS, http_client.ACCOUNT, namespace, script },
    { FILES, http_client.ACCOUNT, namespace, script },
  }
  for _, row in ipairs(secrets) do values[row.name] = value_of(self, row) end
  for _, row in ipairs(files) do texts[row.path] = world.name_of(bytes_of(self, row)) end
  return values, texts
end

-- The one module of a content answer.
local function module_of(body)
  return body:match "^.-\r\n\r\n(.*)\r\n%-%-[^\n]*\n?$" or ""
end

--- A script as world.lua has it.
function View:script(namespace, name)
  local path = ("/%s/scripts/%s"):format(namespace, name)
  local settings = self.client:result(path .. "/settings")
  local content = self.client:send("GET", http_client.NAMESPACES .. path .. "/content")
  local values, texts = hidden_parts(self, namespace, name)
  local script = { tags = table.move(settings.tags, 1, #settings.tags, 1, {}), secrets = {},
    logpush = settings.logpush, source = world.name_of(module_of(content.body)), files = texts }
  for _, binding in ipairs(settings.bindings) do
    if binding.type == "plain_text" then script.value = binding.text
    else script.secrets[binding.name] = values[binding.name] or "lost" end
  end
  return script
end

--- The names of all namespaces, and which are trusted.
function View:namespaces()
  local all = {}
  for _, namespace in ipairs(self.client:result "") do
    all[namespace.namespace_name] = { trusted = namespace.trusted_workers }
  end
  return all
end

--- What there is of a client of world.lua, given `namespaces`.
function View:state(client, namespaces)
  local state = { namespaces = {}, shared = {} }
  for name, namespace in pairs(namespaces) do
    if name:sub(1, #client.prefix) == client.prefix then
      local scripts = {}
      for _, script in ipairs(self.client:result("/" .. name .. "/scripts")) do
        scripts[script.id] = self:script(name, script.id)
      end
      state.namespaces[name] = { trusted = namespace.trusted, scripts = scripts }
    end
  end
  return state
end

--- What a client has in the script that all share; `everyone` is that script, as it is shown.
function M.share(client, everyone)
  local name, share = "C" .. client.number, {}
  for _, tag in ipairs(everyone.tags) do
    if tag == name then share.tag = tag end
  end
  share.secret = everyone.secrets[name]
  return share
end

return M
