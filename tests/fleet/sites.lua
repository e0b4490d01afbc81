-- Many sites that share most of their files. Arguments: a folder, how many sites, how many of them
-- to upload before dying (0: not at all), and "salted" for a salt of its own for each.
local common = require "tests.fleet.common"
local fs = require "moonherd.fs"
local moonherd = require "moonherd"

local folder, SITES <const>, die_at = arg[1], math.tointeger(arg[2]), math.tointeger(arg[3])
local is_salted = arg[4] == "salted"
local CONCURRENCY <const> = 16
local SHARED <const>, OWN <const>, SIZE <const> = 115, 5, 4096 -- files of a site, bytes of a file
local TOTAL <const> = SITES * (SHARED + OWN) * SIZE

local function make_shared()
  local dir = fs.join(folder, "shared")
  if fs.exists(dir) then return dir end
  fs.mkdir(dir)
  for i = 1, SHARED do
    fs.write(fs.join(dir, ("part%03d.js"):format(i)), ("%08d"):format(i):rep(SIZE // 8))
  end
  return dir
end

local function own_files(i)
  local files = {}
  for n = 1, OWN do files[("/own%d.html"):format(n)] = ("%06d-%d"):format(i, n):rep(SIZE // 8) end
  return files
end

local function upload_all(client, dir)
  local ns = client:ensure_namespace(is_salted and "salted" or "shared")
  local sent, bytes, done, order = 0, 0, 0, {}
  for i = 1, SITES do order[i] = i end
  moonherd.map(order, { concurrency = CONCURRENCY }, function (i)
    local name = ("site-%05d"):format(i)
    local spec = common.spec(i)
    spec.assets = { dir = dir, files = own_files(i), salt = is_salted and name or nil }
    local report = ns:script(name):upload(spec).assets
    sent, bytes, done = sent + report.sent, bytes + report.bytes, done + 1
    if done == die_at then
      fs.write(fs.join(folder, "bytes"), tostring(bytes))
      common.die()
    end
  end)
  return sent, bytes
end

local client = moonherd.connect()
local dir = make_shared()
if die_at == 0 then
  common.set_faults(client, { faults = {
    { fault = "expired_token", path = "/assets/upload", skip = 7, count = 1 },
    { fault = "no_completion_token", path = "/assets/upload", skip = 11, count = 1 },
  } })
end
local sent, bytes = upload_all(client, dir)

local own_bytes, shared_bytes = SITES * OWN * SIZE, SHARED * SIZE
local is_second = fs.exists(fs.join(folder, "bytes"))
if is_salted then
  common.equal(TOTAL, bytes, "bytes sent: no two tenants share a file")
elseif not is_second then
  common.equal(own_bytes + shared_bytes, bytes, "bytes sent: what is shared is sent once")
  -- One for each site, one for each fault, one for each that asked while the first was sending.
  local sessions = common.count_requests(client, { target = "/assets-upload-session" })
  common.check(sessions >= SITES + 2 and sessions < SITES + 2 + CONCURRENCY,
    "%d sessions for %d sites", sessions, SITES)
else
  -- What had arrived when the run before was killed is not sent again.
  local before = tonumber(fs.read(fs.join(folder, "bytes")))
  local most = own_bytes + shared_bytes + CONCURRENCY * OWN * SIZE
  common.check(before + bytes <= most, "%d and %d bytes were sent, not %d", before, bytes, most)
end
common.say("%d sites: %d files, %d bytes sent (%.2f %%)", SITES, sent, bytes, bytes / TOTAL * 100)
