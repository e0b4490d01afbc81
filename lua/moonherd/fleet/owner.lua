-- Who runs a job, and whether somebody else who did still does. A process is known by its number
-- and the moment it was born, in one container on one boot of one machine: numbers are used again.
-- Of a process that cannot be looked at its heartbeat in the ledger tells.
local async = require "moonherd.async"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local log = require "moonherd._log"
local moonherd_try = async.try
local time = require "moonherd.time"

local M = {}

--- Seconds between two beats of an owner, without one until it counts as dead, and between two
--- looks whether there was one.
M.BEAT, M.LEASE, M.LOOK = 10, 60, 1

local function line_of(path)
  return fs.read(path):match "^[^\n]*"
end

-- The state and the time of birth of a process: fields 3 and 22, behind a name in parentheses.
local function parse_stat(text)
  local fields = {}
  for field in text:match "^.*%)%s+(.*)$":gmatch "%S+" do fields[#fields + 1] = field end
  return fields[1], fields[20]
end

local function user_name()
  return os.getenv "USER" or os.getenv "LOGNAME"
    or "uid " .. fs.read "/proc/self/status":match "Uid:%s*(%d+)"
end

-- Containers of one machine share its boot, and maybe its name, but not the numbers of processes:
-- the birth of the first one tells them apart.
local function world()
  local boot = line_of "/proc/sys/kernel/random/boot_id"
  local stat = moonherd_try(fs.read, "/proc/1/stat") -- may be hidden
  local _, born = parse_stat(stat or "1 (hidden) ?")
  return ("%s %s"):format(boot, born or "?")
end

--- This process.
---@async
---@return table owner  {host=, boot=, pid=, born=, user=}
function M.me()
  local stat = fs.read "/proc/self/stat"
  local _, born = parse_stat(stat)
  return {
    host = line_of "/proc/sys/kernel/hostname", boot = world(),
    pid = math.tointeger(stat:match "^%d+"), born = born, user = user_name(),
  }
end

--- An owner as people know it: "ada@build-7 (pid 4711)".
---@param owner table
---@return string text
function M.name(owner)
  return ("%s@%s (pid %d)"):format(owner.user, owner.host, owner.pid)
end

-- Whether the process of this machine still runs. One that was killed and is not reaped yet does
-- not.
local function is_running(owner)
  local stat, err = moonherd_try(fs.read, ("/proc/%d/stat"):format(owner.pid))
  if not stat then
    -- A process that ends while its file is read gives ESRCH, which is no "not found".
    if errors.is(err) and err.kind == "io" and err.reason ~= "permission" then return false end
    error(err, 0)
  end
  local state, born = parse_stat(stat)
  return state ~= "Z" and state ~= "X" and born == owner.born
end

-- ---- watching -----------------------------------------------------------------------------------

local Watch = {}
Watch.__index = Watch

--- What one run, or somebody who looks on, knows of the other owners.
---@param me table  as M.me gave it
---@param own_id? integer  of this run
---@return table watch
function M.watch(me, own_id)
  return setmetatable({ me = me, own_id = own_id, seen = {} }, Watch)
end

-- By the beats alone: they are compared with what was seen before, never with a clock of elsewhere.
local function has_lease(self, owner)
  local seen = self.seen[owner.id]
  if not seen or seen.beat ~= owner.beat then
    self.seen[owner.id] = { beat = owner.beat, at = time.now() }
    return true
  end
  return time.now() - seen.at < M.LEASE
end

-- Whether a look at the process tells. Another run of this very process is one of another state of
-- Lua, or one that was left without a word: that only its beats can tell.
local function can_be_seen(self, owner)
  local me = self.me
  local is_near = owner.host == me.host and owner.boot == me.boot
  return is_near and not (owner.pid == me.pid and owner.born == me.born)
end

--- Whether an owner may still be working, as far as one look can tell.
---@async
---@param owner table  its row
---@return boolean is_alive
function Watch:is_alive(owner)
  if owner.ended then return false end
  if owner.id == self.own_id then return true end
  if can_be_seen(self, owner) then return is_running(owner) end
  return has_lease(self, owner)
end

local function announce(owner)
  local format = "%s cannot be looked at from here; a sign of life is waited for, %g s at most"
  log.write("info", format:format(M.name(owner), M.LEASE))
end

--- Whether an owner is working. One that cannot be looked at is watched for as long as it takes.
---@async
---@param ledger table
---@param owner table  its row
---@return boolean is_working
function Watch:is_working(ledger, owner)
  local beat = owner.beat
  if self:is_alive(owner) and not can_be_seen(self, owner) then announce(owner) end
  while self:is_alive(owner) do
    if can_be_seen(self, owner) or owner.beat ~= beat then return true end
    async.sleep(M.LOOK)
    owner = ledger:find_owner(owner.id)
  end
  return false
end

--- An owner of a ledger that is at work; nil when nobody is.
---@async
---@param ledger table
---@return table? owner  its row
function M.find_working(ledger)
  local watch = M.watch(M.me())
  for _, owner in ipairs(ledger:list_owners()) do
    if watch:is_working(ledger, owner) then return owner end
  end
end

--- Raises that a ledger is in use.
---@param who string  the public name of the function
---@param ledger table
---@param owner table  who uses it
---@error usage running_elsewhere
function M.raise_busy(who, ledger, owner)
  errors.raise {
    kind = "usage", reason = "running_elsewhere", hint = "wait for it, or end it",
    message = ("%s: ledger '%s' is in use by %s"):format(who, ledger.path, M.name(owner)),
  }
end

return M
