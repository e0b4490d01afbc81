-- A handle to a dispatch namespace: its name and what can be done with it.
local Script = require "moonherd.cloudflare.script"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local json = require "moonherd.json"
local listing = require "moonherd.cloudflare.listing"
local methods = require "moonherd._methods"
local moonherd_try = require "moonherd.async".try
local names = require "moonherd.cloudflare.names"
local options = require "moonherd._options"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

--- A handle to a dispatch namespace: nothing is sent before a method is called.
---@class namespace
---@field name string  follows namespace:rename
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
  names.check_worker(name, who, "a namespace")
  return setmetatable({ name = name, _client = client, _segment = url.encode(name) }, Namespace)
end

--- What the API knows about the namespace.
---@async
---@return table details
---@field details.namespace_name string  its name
---@field details.namespace_id string  the API's own name, which stays when it is renamed
---@field details.script_count integer  how many scripts it holds
---@field details.trusted_workers boolean  as namespace:set_trusted sets it
---@field details.created_on string  when it was made, a text of ISO 8601
---@field details.created_by string  by whom
---@field details.modified_on string  when it was changed last
---@field details.modified_by string  by whom
---@error api namespace_not_found  when it does not exist
---@example
--- print(ns:details().namespace_name) --> examples
function Namespace:details()
  return (transport.call(self._client, endpoints.get_namespace, nil, nil, self._segment))
end

--- Whether the namespace exists.
---@async
---@return boolean exists
---@error as client:request
---@example
--- print(ns:exists(), client:namespace("nowhere"):exists()) --> true false
function Namespace:exists()
  local details, err = moonherd_try(self.details, self)
  if details then return true end
  if err.reason == "namespace_not_found" then return false end
  error(err, 0)
end

--- Adds a method to every namespace: for layers above this one, which it does not know.
---@param name string
---@param method function
function M.extend(name, method)
  Namespace[name] = methods.method(Namespace, "namespace", name, method)
end

-- ---- changing ----------------------------------------------------------------------------------

-- Sends fields of the namespace. The handle goes by the new name once the API has it.
local function change(self, endpoint, fields)
  local details = transport.call(self._client, endpoint, nil, json.encode(fields), self._segment)
  if fields.name then self.name, self._segment = fields.name, url.encode(fields.name) end
  return details
end

--- Renames the namespace; its scripts stay in it. This handle, and the script handles made from it,
--- follow; others to the old name find nothing.
---@async
---@param name string  the new name
---@return table details  as namespace:details gives them
---@error api namespace_exists  when the name is taken
---@error api namespace_not_found  when it does not exist
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "staging-1"
--- ns:rename "staging-2"
--- print(ns.name)
function Namespace:rename(name)
  names.check_worker(name, "namespace:rename", "a namespace")
  return change(self, endpoints.patch_namespace, { name = name })
end

--- Says whether the Workers of the namespace are trusted: whether they see `request.cf` and share
--- the cache of the zone. Workers uploaded before see no change until they are uploaded again.
---@async
---@param on boolean
---@return table details  as namespace:details gives them
---@error api namespace_not_found  when it does not exist
---@example
--- print(ns:set_trusted(true).trusted_workers) --> true
function Namespace:set_trusted(on)
  if type(on) ~= "boolean" then
    errors.usage("namespace:set_trusted: true or false is expected, got %s", type(on))
  end
  return change(self, endpoints.patch_namespace, { trusted_workers = on })
end

local FIELDS = { { "name", "string" }, { "trusted_workers", "boolean" } }
local ADVICE = {
  namespace_name = "it is called 'name' in requests", trusted = "it is called 'trusted_workers'",
}

local read_patch = options.reader("namespace:patch", FIELDS, ADVICE)

--- Changes what is given and keeps the rest.
---@async
---@param fields table
---@field fields.name? string  renames it, as namespace:rename does; default it stays
---@field fields.trusted_workers? boolean  as namespace:set_trusted does; default it stays
---@return table details  as namespace:details gives them
---@error api namespace_exists  when the name is taken
---@error api namespace_not_found  when it does not exist
---@example
--- print(ns:patch({ trusted_workers = false }).trusted_workers) --> false
function Namespace:patch(fields)
  fields = read_patch(fields)
  if next(fields) == nil then
    errors.usage("namespace:patch: give 'name', 'trusted_workers' or both")
  end
  if fields.name then names.check_worker(fields.name, "namespace:patch", "a namespace") end
  return change(self, endpoints.patch_namespace, fields)
end

local read_update = options.reader("namespace:update", FIELDS, ADVICE)

--- Replaces the name and the trust together. What such a request leaves out, the API resets: both
--- are needed here, and namespace:patch changes one alone.
---@async
---@param fields table
---@field fields.name string  the name it has, or a new one
---@field fields.trusted_workers boolean
---@return table details  as namespace:details gives them
---@error api namespace_exists  when the name is taken
---@error api namespace_not_found  when it does not exist
---@example
--- ns:update { name = "examples", trusted_workers = false }
function Namespace:update(fields)
  fields = read_update(fields)
  for _, descriptor in ipairs(FIELDS) do
    if fields[descriptor[1]] == nil then
      errors.usage("namespace:update: option '%s' is missing (both are replaced; "
        .. "namespace:patch changes one alone)", descriptor[1])
    end
  end
  names.check_worker(fields.name, "namespace:update", "a namespace")
  return change(self, endpoints.put_namespace, fields)
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
---@example
--- client:ensure_namespace("empty"):delete()
--- ns:delete { expect = ns:details().script_count }
function Namespace:delete(opts)
  local expected = read_delete(opts).expect
  check_count(self, transport.prepare(count_scripts, self), expected)
  transport.call(self._client, endpoints.delete_namespace, nil, nil, self._segment)
end

-- ---- scripts -----------------------------------------------------------------------------------

--- A handle to a script. Makes no request: the script need not exist. It follows this handle when
--- that is renamed.
---@param name string
---@return script script
---@error usage usage  when the name is empty or no text
---@example
--- print(ns:script("acme").name) --> acme
function Namespace:script(name)
  return Script.new(self._client, self, names.check_worker(name, "namespace:script", "a script"))
end

--- What namespace:scripts tells of a script beside its handle.
---@class info
---@field name string  of the script
---@field created_on string  when it was uploaded first, a text of ISO 8601
---@field modified_on string  when it was changed last
---@field tags? string[]  at most 10
---@field script? worker  what the API says of it
---@field id string  its name once more
---@field dispatch_namespace string  the name of its namespace
---@field missing? boolean  true when it was deleted between the list and the reading
---@field bindings? table[]  with `include`: as script:bindings gives them
---@field content? table  with `include`: as script:content gives it
---@field secrets? table[]  with `include`: as script:secrets gives them
---@field settings? table  with `include`: as script:settings gives them

--- Iterates over the scripts, page by page; the next page is fetched while one is worked on. What
--- is included is read for several scripts at once, and given in the order of the list; when this
--- fails, the error is raised where the script's turn is. So a slow one holds back those behind it:
--- moonherd.each over the scripts, which reads inside its function, does not wait for it. Of a
--- script that is deleted between the list and the reading, `info.missing` is true, and what could
--- not be read is absent. A loop may be left at any time: what is being read then is read to its
--- end, no more is begun. Several tasks may share one: they take turns.
---@async
---@param opts? table
---@field opts.tags? table  tag = true (required) or false (not wanted), or a list, all required;
---  default all scripts
---@field opts.page_size? integer  scripts a request, at most 1000; default the API's
---@field opts.max? integer  how many in all; default no limit
---@field opts.include? string[]  what info has besides: bindings, content, secrets, settings, tags;
---  each as the method of the script gives it, and a request a script (tags: only when the list
---  lacks them); default none
---@field opts.concurrency? integer  how many scripts are read at once; default 8
---@return fun(): script?, info? next  for a generic `for`; nil at the end
---@error api namespace_not_found  when it does not exist
---@error as client:request
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- for script, info in ns:scripts { tags = { ["plan:free"] = true } } do
---   print(script.name, info.modified_on)
--- end
--- for script, info in ns:scripts { include = { "settings" } } do
---   if not info.missing then print(script.name, info.settings.compatibility_date) end
--- end
function Namespace:scripts(opts)
  return listing.scripts(self, opts)
end

methods.guard(Namespace, "namespace")

return M
