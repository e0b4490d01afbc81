-- moonherd.job: a bulk run over items with keys, taken down in a ledger, so that it may be killed
-- at any moment and be run again: what was done is not done twice, what was in flight is looked at
-- first, what has changed since is done again.
local errors = require "moonherd.error"
local handles = require "moonherd.cloudflare.handles"
local json = require "moonherd.json"
local ledgers = require "moonherd.fleet.ledgers"
local listed = require "moonherd.fleet.listed"
local methods = require "moonherd._methods"
local options = require "moonherd._options"
local owners = require "moonherd.fleet.owner"
local runs = require "moonherd.fleet.run"
local snapshots = require "moonherd.fleet.snapshots"
local uploads = require "moonherd.fleet.uploads"

local M = {}

local DEFAULT_CONCURRENCY = 16

--- A bulk run over keyed items, recorded in a ledger, so that it can be killed and resumed.
---@class job
---@field name string  as moonherd.job was given it; the ledger is called so
local Job = {}
Job.__index = Job
Job.__name = "moonherd.job"

function Job:__tostring()
  return "job " .. self.name
end

local read = options.reader("moonherd.job", {
  { "name", "string", required = true },
  { "ledger", "string", check = ledgers.path_problem },
  { "concurrency", "integer", least = 1, default = DEFAULT_CONCURRENCY },
  { "on_error", "string", one_of = { "continue", "stop" }, default = "continue" },
  { "snapshot", "boolean" },
})

--- Makes a job. Its ledger is opened, so that whatever is wrong with it is said at once. A ledger
--- records what is about to be done before each item, and how it ended: state, attempts, requests,
--- times, who did it, and of a failure the message, never a secret. Two processes that run the same
--- job share its items; no item is ever done by both at once, and what a process held when it died
--- is free. With --dry-run, and for uploads by a client with `dry_run`, a copy of the ledger is
--- used, which is forgotten. The arguments of the script are kept for `moonherd jobs resume`;
--- secrets belong into the environment.
---@async
---@param opts table
---@field opts.name string  letters, digits, '.', '_' and '-'
---@field opts.ledger? string  the file, relative to the script's folder; default jobs/NAME.db in
---  the state directory. A file NAME.db.key lies beside it: copy both
---@field opts.concurrency? integer  how many items at once; default 16
---@field opts.on_error? string  "stop" begins no more items after a failure; default "continue"
---@field opts.snapshot? boolean  keep what every script was before, for job:rollback; default
---  false
---@return job job
---@error usage ledger_of_another_job  when the ledger has another job's name
---@error io disk_full  when there is no room for the ledger; also read_only, corrupt, locked, and
---  newer, when it was made by a newer moonherd
---@example
--- local job = moonherd.job { name = "release-41" }
--- for _, tenant in ipairs { "acme", "globex" } do
---   job:add(tenant, function () print("deploying " .. tenant) end)
--- end
--- print(job:run().done)
function M.new(opts)
  opts = read(opts)
  if not opts.ledger then ledgers.check_name(opts.name, "moonherd.job") end
  ledgers.open(opts.name, opts.ledger):close()
  return setmetatable({
    name = opts.name, _opts = opts, _sources = {}, _keys = {}, _count = 0, _hashes = {},
  }, Job)
end

-- ---- items --------------------------------------------------------------------------------------

local function check_key(key, who)
  local is_good = type(key) == "string" and key ~= "" and utf8.len(key) and not key:find "\0"
  if is_good then return key end
  return errors.usage("%s: bad key (text in UTF-8 that is not empty is expected, got %s)", who,
    type(key) == "string" and ("%q"):format(key) or type(key))
end

local function check_function(f, who)
  if type(f) ~= "function" then
    errors.usage("%s: bad argument (function expected, got %s)", who, type(f))
  end
end

-- One client of a dry run is enough: nothing may be taken down as done.
local function keep_client(job, client)
  if not job._client or handles.is_dry(client) then job._client = client end
end

local function add(job, item, who)
  check_key(item.key, who)
  if job._keys[item.key] then
    errors.raise {
      kind = "usage", reason = "key_twice", hint = "every item needs a key of its own",
      message = ("%s: there is an item with the key '%s' already"):format(who, item.key),
    }
  end
  job._keys[item.key] = true
  local last = job._sources[#job._sources]
  if not last or not last.list then
    last = { list = {} }
    job._sources[#job._sources + 1] = last
  end
  last.list[#last.list + 1] = item
  if job._count then job._count = job._count + 1 end
end

-- A digest as scripts give it: any value that JSON has, or nil for "done once is done".
local function prepare_digest(item, digest)
  if digest == nil then return nil end
  return function (ledger) item.digest = ledgers.digest(ledger, json.encode(digest)) end
end

local ITEM = { { "digest", "any" }, { "verify", "function" }, { "script", "table" } }
local read_item = options.reader("job:add", ITEM)

--- Adds an item: a function that does it. `f` should be such that doing it twice is no harm: what
--- was in flight when a run was killed is run again, unless `verify` says that it was done.
---@param key string  its name in the ledger
---@param f function  called without arguments; raises when it fails. When it returns a table with
---  `requests`, they are counted
---@param opts? table
---@field opts.digest? any  what the item is made of: text, numbers, tables. Another one than in the
---  ledger is run again; without one, what was done once is skipped
---@field opts.verify? function  whether what was in flight is done: true, and the requests it
---  took; without it that is run again
---@field opts.script? table  the script that `f` changes, for snapshots; without it there are
---  none
---@error usage key_twice  when there is an item with the key already
---@example
--- local job = moonherd.job { name = "tags-41" }
--- job:add("acme", function () print "tagged" end, { digest = { "plan:pro" } })
--- print(job:run().done, job:run().skipped)
function Job:add(key, f, opts)
  check_function(f, "job:add")
  opts = read_item(opts)
  local item = { key = key, run = f, verify = opts.verify, script = opts.script }
  if opts.script then keep_client(self, handles.client(opts.script)) end
  item.prepare = prepare_digest(item, opts.digest)
  add(self, item, "job:add")
end

--- Adds the upload of a script. Its digest covers all that is sent: code, metadata, bindings and
--- assets; unchanged uploads are skipped. One that was in flight when a run was killed is read back
--- first; with values of secrets or with files, which the API does not show, it is sent again.
---@param ns table  the namespace
---@param name string  the script's name, and the item's key
---@param spec table  the options of script:upload; files are read when it is the item's turn
---@error usage key_twice  when there is an item with the key already
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- local job = moonherd.job { name = "release-40" }
--- job:upload(ns, "acme", {
---   modules = { ["a.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
--- })
--- print(job:run().done)
function Job:upload(ns, name, spec)
  if type(spec) ~= "table" then
    errors.usage("job:upload: the options of script:upload are expected, got %s", type(spec))
  end
  local client = type(ns) == "table" and ns.script and handles.client(ns)
  if not client then errors.usage("job:upload: a namespace is expected, got %s", type(ns)) end
  keep_client(self, client)
  add(self, uploads.item(ns:script(name), spec, self._hashes), "job:upload")
end

-- ---- items that come one by one -----------------------------------------------------------------

local function key_of(key_fn, ...)
  local key = key_fn(...)
  return check_key(key, "job:each")
end

-- The next item of an iterator; its values are held as long as the item.
local function stream(make, iterator)
  local control
  local function take(first, ...)
    control = first
    if first == nil then return nil end
    return make(first, ...)
  end
  return function () return take(iterator(nil, control)) end
end

local function iterator_of(items, who)
  if type(items) == "table" then
    local at = 0
    return function ()
      at = at + 1
      return items[at]
    end
  end
  check_function(items, who)
  return items
end

local function add_stream(job, next_item)
  job._sources[#job._sources + 1] = { next = next_item }
  job._count = nil
end

local read_each = options.reader("job:each", {
  { "digest", "function" }, { "verify", "function" }, { "script", "function" },
})

--- Adds the items of a list or of an iterator, each taken when it is its turn and never held all at
--- once. An iterator is good for one run.
---@param items table|function  a list, or an iterator such as ns:scripts{} returns
---@param key_fn function  called with the values of the iterator; returns the key
---@param f function  called with the same values; as for job:add
---@param opts? table  functions, called with the same values
---@field opts.digest? function  returns what job:add takes as `digest`; default none
---@field opts.verify? function  as for job:add; default none
---@field opts.script? function  returns the script that `f` changes; default none
---@error usage usage  when `key_fn` or `f` is no function
---@example
--- local job = moonherd.job { name = "audit-41" }
--- job:each({ "acme", "globex" }, function (name) return name end, function (name) print(name) end)
--- job:run()
function Job:each(items, key_fn, f, opts)
  check_function(key_fn, "job:each")
  check_function(f, "job:each")
  opts = read_each(opts)
  add_stream(self, stream(function (...)
    local values = table.pack(...)
    local function with(g)
      return g and function () return g(table.unpack(values, 1, values.n)) end
    end
    local item = { key = key_of(key_fn, ...), run = with(f), verify = with(opts.verify) }
    item.script = opts.script and opts.script(...)
    item.prepare = prepare_digest(item, opts.digest and opts.digest(...))
    return item
  end, iterator_of(items, "job:each")))
end

-- ---- running ------------------------------------------------------------------------------------

--- Calls a function whenever an item has ended.
---@param f function  is given {key=, state="done"|"skipped"|"failed", error=, done=, skipped=,
---  failed=, total=, requests=}: counts of this run; `total` only when all items are known
---@error usage usage  when `f` is no function
---@example
--- local job = moonherd.job { name = "release-39" }
--- job:on_progress(function (p) print(p.key, p.done) end)
function Job:on_progress(f)
  check_function(f, "job:on_progress")
  self._on_progress = f
end

-- The items of all sources, one after another.
local function items_of(sources)
  local at, index = 1, 0
  return function ()
    while sources[at] do
      local source, item = sources[at]
      index = index + 1
      if source.list then item = source.list[index] else item = source.next() end
      if item then return item end
      at, index = at + 1, 0
    end
  end
end

--- Runs the items that are not done. In a dry run (--dry-run, a client with dry_run = true) nothing
--- is taken down: items run on a copy of the ledger. One that fails does not stop the others,
--- unless on_error is "stop". May be called again: then what failed is tried again.
---@async
---@return table report
---@field report.done integer  how many items were done
---@field report.skipped integer  how many had been done before, or were by another process
---@field report.failed table[]  the others, in the order of the items
---@field report.failed[].key string  which one
---@field report.failed[].error error  why
---@field report.requests integer  how many HTTP requests it took
---@error io disk_full  and the other errors of moonherd.job: before the first item, or when the
---  ledger cannot be written any more
---@error usage other_place  when the ledger was made for another target or account, of which it
---  holds what is done; of one item, when it was done in another namespace
---@example
--- local job = moonherd.job { name = "release-38" }
--- job:add("acme", function () end)
--- for _, failure in ipairs(job:run().failed) do print(failure.key, failure.error) end
function Job:run()
  local opts = self._opts
  local ledger <close> = ledgers.open(opts.name, opts.ledger, self._client)
  local run <close> = runs.begin(ledger, {
    name = opts.name, concurrency = opts.concurrency, on_error = opts.on_error,
    on_progress = self._on_progress, client = self._client,
  })
  local next_item = items_of(self._sources)
  if opts.snapshot then next_item = snapshots.items(next_item, ledger) end
  return run:work(next_item, self._count)
end

-- ---- afterwards ---------------------------------------------------------------------------------

--- An item of a job as its ledger has it: what job:results gives.
---@class item
---@field key string  its name
---@field state string  "running", "done" or "failed"
---@field attempts integer  how often it was begun
---@field requests integer  how many HTTP requests that took
---@field began number  when it was begun last, in seconds since 1970
---@field ended? number  when that ended, in seconds since 1970; nil while it runs
---@field who string  the user, machine and process that did it
---@field error? table  of one that failed: message, kind, reason and more; else nil

--- Iterates over the ledger, in the order of keys.
---@async
---@return fun(): item? next  for a generic `for`; nil at the end
---@error as moonherd.job
---@example
--- local job = moonherd.job { name = "release-38" }
--- for item in job:results() do print(item.key, item.state) end
function Job:results()
  return listed.iterator(function ()
    return ledgers.open(self.name, self._opts.ledger, self._client)
  end)
end

local read_rollback = options.reader("job:rollback", {
  { "concurrency", "integer", least = 1, default = DEFAULT_CONCURRENCY }, { "client", "table" },
  { "force", "boolean" },
})

--- Puts every script back to what it was before this job changed it: code, bindings, settings and
--- tags; one that was not there is deleted. Needs the snapshots of a job, or of a bulk verb, with
--- snapshot = true. A script that somebody else has changed or deleted since is left alone and
--- fails with `changed_since`; what was in flight when a run was killed is put back without this
--- check. No call of the API reads secrets and files: what the job may have changed of them stays
--- as it is, and is told. A migration of Durable Objects has no way back: the script fails with
--- `migrated`. What is put back is gone from the ledger, so a run would do it again. May be killed,
--- and called again.
---@async
---@param opts? table
---@field opts.concurrency? integer  how many scripts at once; default 16
---@field opts.client? table  default: that of the job's uploads, else moonherd.connect()
---@field opts.force? boolean  true: also what somebody else has changed or deleted since
---@return table report  {done=, failed={{key=, error=}, …}, requests=, not_restored={{key=,
---  secrets={names}, assets=, bindings={names} or nil}, …}}; `bindings` are those of
---  service-worker syntax whose value is a file
---@error usage running_elsewhere  while a process runs the job; no_snapshots: when it has done
---  something and kept nothing
---@example
--- local job = moonherd.job { name = "release-38", snapshot = true }
--- local report, err = moonherd.try(job.rollback, job)
--- if err then print(err.reason) end --> no_snapshots
--- for _, left in ipairs(report and report.not_restored or {}) do print(left.key) end
function Job:rollback(opts)
  opts = read_rollback(opts)
  opts.client = opts.client or self._client
  local ledger <close> = ledgers.open(self.name, self._opts.ledger, opts.client)
  local owner = owners.find_working(ledger)
  if owner then owners.raise_busy("job:rollback", ledger, owner) end
  return snapshots.roll_back(ledger, opts)
end

methods.guard(Job, "job")

return M
