-- A handle to a dispatch namespace: its name and what can be done with it.
local Script = require "moonherd.cloudflare.script"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local listing = require "moonherd.cloudflare.listing"
local moonherd_try = require "moonherd.async".try
local names = require "moonherd.cloudflare.names"
local options = require "moonherd._options"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

local Namespace = {}
Namespace.__index = Namespace
Namespace.__name = "moonherd.namespace"

function Namespace:__tostring()
  return "namespace " .. self._segment
end

--- Makes a handle.
---@param client table
---@param name string
---@param who string  the public name of the function, for messages
---@return table namespace
function M.new(client, name, who)
  names.check(name, who, "a namespace")
  return setmetatable({ name = name, _client = client, _segment = url.encode(name) }, Namespace)
end

--- What the API knows about the namespace.
---@async
---@return table details  namespace_id, namespace_name, script_count, trusted_workers, created_on, …
---@error api namespace_not_found  when it does not exist
function Namespace:details()
  return (transport.call(self._client, endpoints.get_namespace, nil, nil, self._segment))
end

--- Whether the namespace exists.
---@async
---@return boolean exists
function Namespace:exists()
  local details, err = moonherd_try(self.details, self)
  if details then return true end
  if err.reason == "namespace_not_found" then return false end
  error(err, 0)
end

-- ---- deleting ----------------------------------------------------------------------------------

-- Older answers do not say how many scripts there are: then they are counted.
local function count_scripts(self)
  local count = self:details().script_count
  if count then return count end
  count = 0
  for _ in self:scripts {} do count = count + 1 end
  return count
end

local function check_count(self, count, expected)
  if count == (expected or 0) then return end
  local scripts = count == 1 and "1 script" or count .. " scripts"
  if expected then
    errors.raise {
      kind = "usage", reason = "unexpected_count", hint = "look again before deleting",
      message = ("namespace:delete: '%s' holds %s, not %d"):format(self.name, scripts,
        expected),
    }
  end
  errors.raise {
    kind = "usage", reason = "namespace_not_empty",
    hint = ("delete the scripts first, or pass expect = %d to delete them too"):format(count),
    message = ("namespace:delete: '%s' still holds %s"):format(self.name, scripts),
  }
end

local read_delete = options.reader("namespace:delete", { { "expect", "integer", least = 0 } })

--- Deletes the namespace. Cloudflare would delete its scripts with it, so one that holds scripts is
--- only deleted when their number is given.
---@async
---@param opts? table
---@field opts.expect? integer  how many scripts it holds; default 0
---@error usage namespace_not_empty  when it holds scripts and `expect` is not given
---@error usage unexpected_count  when it holds another number than `expect`
---@error api namespace_not_found  when it does not exist
function Namespace:delete(opts)
  local expected = read_delete(opts).expect
  check_count(self, count_scripts(self), expected)
  transport.call(self._client, endpoints.delete_namespace, nil, nil, self._segment)
end

-- ---- scripts -----------------------------------------------------------------------------------

--- A handle to a script. Makes no request: the script need not exist.
---@param name string
---@return table script
function Namespace:script(name)
  return Script.new(self._client, self._segment, name, "namespace:script")
end

--- Iterates over the scripts, page by page; the next page is fetched while one is worked on.
---@async
---@param opts? table
---@field opts.tags? table  tag = true (required) or false (not wanted), or a list, all required
---@field opts.page_size? integer  scripts a request, at most 1000; default the API's
---@field opts.max? integer  how many in all
---@return function iterator  gives a handle and its info: name, created_on, modified_on, tags, …
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- for script, info in ns:scripts { tags = { ["plan:free"] = true } } do
---   print(script.name, info.modified_on)
--- end
function Namespace:scripts(opts)
  return listing.scripts(self, opts)
end

return M
