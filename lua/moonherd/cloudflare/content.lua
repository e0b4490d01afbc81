-- The content of a script: the modules themselves, read and replaced apart from everything else.
local answers = require "moonherd.cloudflare.content_answer"
local codes = require "moonherd.cloudflare.code"
local endpoints = require "moonherd.cloudflare.endpoints"
local form = require "moonherd.cloudflare.form"
local json = require "moonherd.json"
local options = require "moonherd._options"
local transport = require "moonherd.cloudflare.transport"

local M = {}

--- Reads the content of a script.
---@async
---@param script table  the handle
---@return table content  {main_module= | body_part=, modules={name -> {content=, type=}}, etag=}
function M.get(script)
  return (answers.read((transport.call(script._client, endpoints.get_content, nil, nil,
    script._namespace, script._segment))))
end

-- ---- replacing ---------------------------------------------------------------------------------

local read = options.reader("script:put_content", codes.OPTIONS, {
  bindings = "put_content replaces the code alone; script:upload takes bindings",
  compatibility_date = "put_content replaces the code alone; script:upload takes a date",
  tags = "put_content replaces the code alone; script:upload takes tags",
})

--- Replaces the code of a script and nothing else.
---@async
---@param script table  the handle
---@param spec table
---@return table result
function M.put(script, spec)
  local code = codes.read(read(spec), "script:put_content")
  local metadata = json.encode { main_module = code.main_module, body_part = code.body_part }
  local body = form.of_code(metadata, code.modules)
  local result, _, requests = transport.call(script._client, endpoints.put_content, nil, body,
    script._namespace, script._segment)
  if type(result) ~= "table" then result = {} end
  result.requests = requests
  return result
end

return M
