-- The bulk verbs: one change for many scripts of a namespace. fleet/init.lua makes them methods of
-- a namespace.
local bindings = require "moonherd.cloudflare.bindings"
local bulk = require "moonherd.fleet.bulk"
local deletes = require "moonherd.fleet.deletes"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local handles = require "moonherd.cloudflare.handles"
local json = require "moonherd.json"
local name_rules = require "moonherd.cloudflare.names"
local secrets = require "moonherd.cloudflare.secrets"
local secret_value = require "moonherd.cloudflare.secret_value"
local selection = require "moonherd.cloudflare.selection"
local settings_of = require "moonherd.cloudflare.settings"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"
local uploads = require "moonherd.fleet.uploads"

--- What a namespace does with all of its scripts, as jobs do it.
---@class namespace
local Namespace = {}

-- ---- uploads -----------------------------------------------------------------------------------

local read_upload = bulk.reader "namespace:upload_all"

-- The pairs of a table in the order of names, or an iterator as it is.
local function pairs_of(items)
  if type(items) == "function" then return items end
  if type(items) ~= "table" then
    errors.usage("namespace:upload_all: an iterator or a table by name is expected, got %s",
      type(items))
  end
  local names, at = {}, 0
  for name in pairs(items) do names[#names + 1] = name end
  table.sort(names)
  return function ()
    at = at + 1
    return names[at], items[names[at]]
  end
end

-- A function that gives the handle and the options of the next upload.
local function uploads_of(namespace, items)
  local next_pair, control = pairs_of(items), nil
  return function ()
    local name, spec = next_pair(nil, control)
    control = name
    if name == nil then return nil end
    name_rules.check_worker(name, "namespace:upload_all", "a script")
    if type(spec) ~= "table" then
      errors.usage("namespace:upload_all: '%s' has no options of script:upload (table expected, "
        .. "got %s)", tostring(name), type(spec))
    end
    return namespace:script(name), spec
  end
end

-- A number can only be checked before the first upload when all of them are known.
local function counted(namespace, next_pair, opts)
  if not (opts.max or opts.expect) then return next_pair, nil end
  local list, at = {}, 0
  for script, spec in next_pair do list[#list + 1] = { script, spec } end
  selection.check_given(namespace, #list, opts, "namespace:upload_all")
  return function ()
    at = at + 1
    if list[at] then return list[at][1], list[at][2] end
  end, #list
end

--- Uploads many scripts. Nothing is sent for one that the ledger knows with the same code,
--- metadata, bindings and assets. What was in flight when a run was killed is read back first.
---@async
---@param items table|function  name -> options of script:upload, or an iterator that gives both
---@param opts? table
---@field opts.ledger? string  a file, as for moonherd.job; default none: everything is uploaded
---@field opts.concurrency? integer  how many at once; default 16
---@field opts.on_error? string  "stop" begins no more after a failure; default "continue"
---@field opts.on_progress? function  as for job:on_progress; default none
---@field opts.snapshot? boolean  keep what every script was before in the ledger: then moonherd.job
---  of the same ledger, named "upload_all in NAMESPACE", and `moonherd jobs rollback` put it back;
---  default
---  false
---@field opts.dry_run? boolean  send nothing: compare with what is live; default false
---@field opts.max? integer  how many at most; with it, or `expect`, all are read before the first;
---  default no limit
---@field opts.expect? integer  exactly how many; default any number
---@return table report
---@field report.done integer  how many were uploaded; of a dry run, how many would be
---@field report.skipped integer  how many were as they should be, or are done in the ledger: what
---  that holds as done is not looked at again
---@field report.failed table[]  the others
---@field report.failed[].key string  which script
---@field report.failed[].error error  why
---@field report.requests integer  how many HTTP requests it took
---@field report.dry_run? boolean  true when nothing was sent
---@field report.names? string[]  of a dry run: those that would change
---@error usage too_many_scripts  when they are more than `max`
---@error usage unexpected_count  when they are another number than `expect`
---@error io not_found, permission  and other reasons, when the ledger cannot be opened
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- local spec = {
---   modules = { ["a.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
--- }
--- print(ns:upload_all({ acme = spec, globex = spec }).done)
function Namespace:upload_all(items, opts)
  opts = read_upload(opts)
  local next_pair, total = counted(self, uploads_of(self, items), opts)
  if opts.dry_run then return bulk.plan_uploads(next_pair, opts.concurrency) end
  local cache = {}
  return bulk.with_run("upload_all in " .. self.name, self, opts, function (work)
    return work(function ()
      local script, spec = next_pair()
      return script and uploads.item(script, spec, cache)
    end, total)
  end)
end

-- ---- tags --------------------------------------------------------------------------------------

local read_tag = bulk.reader "namespace:tag"

local function check_changes(changes)
  local who = "namespace:tag"
  if type(changes) ~= "table" then
    errors.usage("%s: {add=, remove=} is expected, got %s", who, type(changes))
  end
  for name in pairs(changes) do
    if name ~= "add" and name ~= "remove" then
      errors.usage("%s: unknown option '%s' (options are add, remove)", who, tostring(name))
    end
  end
  local add, remove = changes.add or {}, changes.remove or {}
  for name, list in pairs { add = add, remove = remove } do
    if type(list) ~= "table" then
      errors.usage("%s: bad option '%s' (list of strings expected, got %s)", who, name, type(list))
    end
    for _, tag in ipairs(list) do tags.segment(tag, who) end
  end
  if #add + #remove == 0 then errors.usage("%s: give tags to add or to remove", who) end
  return add, remove
end

-- What is to be removed and added, given the tags there are.
local function tag_changes(live, add, remove)
  local has, out, into = {}, {}, {}
  for _, tag in ipairs(live or {}) do has[tag] = true end
  for _, tag in ipairs(remove) do
    if has[tag] then out[#out + 1] = tag end
  end
  for _, tag in ipairs(add) do
    if not has[tag] then into[#into + 1] = tag end
  end
  return out, into
end

-- Adds or removes a tag; returns the requests it took.
local function change_tag(script, endpoint, tag)
  local _, _, requests = transport.call(handles.client(script), endpoint, nil, nil,
    script._namespace, script._segment, tags.segment(tag, "namespace:tag"))
  return requests
end

local function change_tags(script, out, into)
  local requests = 0
  local function change(endpoint, list)
    for _, tag in ipairs(list) do
      requests = requests + transport.continue(requests, change_tag, script, endpoint, tag)
    end
  end
  change(endpoints.delete_tag, out)
  change(endpoints.put_tag, into)
  return requests
end

--- Adds and removes tags of many scripts. One that is as it should be costs no request. Each tag is
--- a request of its own, so that tags that others set at the same time stay.
---@async
---@param filter? table  as `tags` of namespace:scripts
---@param changes table
---@field changes.add? string[]  tags to add; default none
---@field changes.remove? string[]  tags to remove; default none
---@param opts? table  as for namespace:upload_all, and
---@field opts.all? boolean  true: also without a tag that is required
---@field opts.max? integer  how many scripts at most; default 1000
---@return table report  as namespace:upload_all gives it
---@error usage too_many_scripts  when they are more than `max`
---@error usage unexpected_count  when they are another number than `expect`
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- print(ns:tag({ "plan:free" }, { add = { "wave:1" }, remove = { "wave:0" } }).failed[1])
function Namespace:tag(filter, changes, opts)
  opts = read_tag(opts)
  local add, remove = check_changes(changes)
  return bulk.change(self, filter, opts, {
    name = "tag", secrets = {},
    digest = json.encode { json.array(add), json.array(remove) },
    is_needed = function (entry)
      local out, into = tag_changes(entry.tags, add, remove)
      return #out + #into > 0
    end,
    change = function (entry)
      return change_tags(entry.script, tag_changes(entry.tags, add, remove))
    end,
  })
end

-- ---- secrets -----------------------------------------------------------------------------------

local read_rotate = bulk.reader "namespace:rotate_secret"

--- Sets one secret of many scripts. The value goes into the requests and nowhere else; the ledger
--- has a keyed digest of it, so that a second run with the same value writes nothing.
---@async
---@param filter? table  as `tags` of namespace:scripts
---@param name string  of the secret
---@param value string|table  as for script:put_secret
---@param opts? table  as for namespace:tag
---@return table report  as namespace:upload_all gives it
---@error usage too_many_scripts  when they are more than `max`
---@error usage unexpected_count  when they are another number than `expect`
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- print(ns:rotate_secret({ "plan:free" }, "API_KEY", "sk_live_51H8f").failed[1])
function Namespace:rotate_secret(filter, name, value, opts)
  local who = "namespace:rotate_secret"
  secret_value.hide(value)
  name_rules.check(name, who, "a secret")
  opts = read_rotate(opts)
  local secret = secret_value.read(name, value, who)
  return bulk.change(self, filter, opts, {
    name = "rotate_secret", title = "rotate_secret " .. name, secrets = { name },
    digest = json.encode(secret),
    change = function (entry)
      local _, requests = secrets.put(entry.script, name, value)
      return requests
    end,
  })
end

-- ---- settings ----------------------------------------------------------------------------------

local read_patch = bulk.reader "namespace:patch_all"

--- Changes settings of many scripts, as script:patch_settings does for one.
---@async
---@param filter? table  as `tags` of namespace:scripts
---@param settings table  as for script:patch_settings
---@param opts? table  as for namespace:tag
---@return table report  as namespace:upload_all gives it
---@error usage too_many_scripts  when they are more than `max`
---@error usage unexpected_count  when they are another number than `expect`
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- print(ns:patch_all({ "plan:free" }, { logpush = false }).failed[1])
function Namespace:patch_all(filter, settings, opts)
  bindings.hide(type(settings) == "table" and settings.bindings)
  opts = read_patch(opts)
  if type(settings) ~= "table" or next(settings) == nil then
    errors.usage "namespace:patch_all: settings are expected, as for script:patch_settings"
  end
  return bulk.change(self, filter, opts, {
    name = "patch_all", digest = json.encode(settings), secrets = uploads.secret_names(settings),
    change = function (entry) return entry.script:patch_settings(settings).requests end,
    verify = function (entry) return settings_of.is_live(entry.script, settings) end,
  })
end

-- ---- deleting ----------------------------------------------------------------------------------

--- Deletes the scripts that a filter selects, or all. They are listed and counted first, and
--- nothing is deleted when there are more than is allowed.
---
--- The API deletes by the filter, not by the list: a script that begins to match between the two
--- may be deleted in the place of one that was listed, though never more than the list had. The
--- result tells: `unknown_ids` has what was deleted and not listed, `unconfirmed` what was listed
--- and is in no answer (still there, or deleted by somebody else), `more` whether some still
--- matched at the end.
---@async
---@param opts table
---@field opts.tags? table  as for namespace:scripts; with all = true when it requires no tag;
---  default none
---@field opts.all? boolean  true: also without a tag that is required
---@field opts.dry_run? boolean  true: list and count, delete nothing
---@field opts.max? integer  how many at most; default 1000, unless `expect` or `dry_run` is given
---@field opts.expect? integer  exactly how many; with a ledger, what a run that was cut short has
---  deleted may be counted or not; default any number up to `max`
---@field opts.concurrency? integer  delete them by their names, how many at once: a request a
---  script, and a script that begins to match is not touched. Default: by the filter, 100 a request
---  or whatever the API does, one request after another
---@field opts.ledger? string  a file, as for moonherd.job: records what was to be deleted and what
---  was, so that a run that was killed goes on; default none
---@field opts.on_progress? function  called after each request with {done=, total=}; default none
---@return table result
---@field result.count? integer  how many were deleted, or would be; nil when the API does not tell
---@field result.names string[]  of those that were listed
---@field result.dry_run boolean  whether nothing was deleted
---@field result.unknown_ids string[]  names of what was deleted and not listed
---@field result.unconfirmed string[]  names of what was listed and is in no answer
---@field result.more boolean  whether some still matched at the end
---@field result.requests integer  how many HTTP requests it took
---@error usage too_many_scripts  above `max`
---@error usage unexpected_count  another number than `expect`
---@error usage running_elsewhere  when another process deletes by the same ledger
---@error io not_found, permission  and other reasons, when the ledger cannot be opened
---@error api no_progress  when the API says that there is more and deletes nothing
---@error api namespace_not_found  when it does not exist. Of every error after the first request to
---  delete, `err.progress` is the result so far
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- local plan = ns:delete_scripts { tags = { "customer:7" }, dry_run = true }
--- ns:delete_scripts { tags = { "customer:7" }, expect = plan.count }
function Namespace:delete_scripts(opts)
  return deletes.run(self, opts)
end

return Namespace
