-- One of each object that scripts are given, by the name of its class, and one of each table with
-- fixed fields, by the name of the function that returns it. Made for real, on loopback and in a
-- folder that goes: what the documentation says is compared with these.
local async = require "moonherd.async"
local fs = require "moonherd.fs"
local moonherd = require "moonherd"
local serve = require "moonherd.serve"

local M = {}

local WORKER = {
  modules = { ["worker.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
}

local function of_tasks(use)
  local _, err = async.try(fs.read, "/no/such/file")
  use("error", err)
  local task = moonherd.spawn(moonherd.sleep, 0)
  use("task", task)
  task:wait()
  use("limit", moonherd.limit(2))
  local channel <close> = moonherd.channel(1)
  use("channel", channel)
  local progress <close> = moonherd.progress("checks", { total = 1 })
  use("progress", progress)
  use("secret", moonherd.secret "hunter2")
  use("hasher", moonherd.hash.new())
  use("reader", moonherd.multipart.reader "multipart/form-data; boundary=b")
end

local function of_files(use, dir)
  local temporary <close> = fs.temp_dir { dir = dir }
  use("temporary", temporary)
  local watch <close> = fs.watch(dir)
  use("watch", watch)
  fs.write(fs.join(dir, "file"), "")
  use("entry", fs.walk(dir)())
end

local function of_databases(use, dir)
  local database <close> = moonherd.sqlite.open(fs.join(dir, "handles.db"))
  use("database", database)
  database:transaction(function (tx) use("transaction", tx) end)
  use("blob", moonherd.sqlite.blob "\0")
end

local function of_http(use)
  local server <close> = serve.listen { port = 0 }
  use("server", server)
  moonherd.spawn(function ()
    for request in server.accept, server do
      use("request", request)
      request:respond(200, {}, "hello")
    end
  end)
  local url = ("http://127.0.0.1:%d/"):format(server.port)
  local response <close> = moonherd.http.get(url, { stream = true })
  use("response", response)
end

local function of_jobs(use, dir)
  local job = moonherd.job { name = "handles", ledger = fs.join(dir, "job.db") }
  job:add("good", function () end)
  job:add("bad", function () error "no" end)
  use("job", job)
  use("job:run", job:run())
  for item in job:results() do use("item", item) end
end

local function of_clients(use, client)
  use("client", client)
  use("client:stats", client:stats())
  use("client:doctor", client:doctor())
  local namespace = client:ensure_namespace "handles"
  use("namespace", namespace)
  use("script", namespace:script "a")
  use("namespace:upload_all", namespace:upload_all { a = WORKER })
  use("script:content", namespace:script("a"):content())
  use("worker", namespace:script("a"):upload(WORKER))
  use("script:details", namespace:script("a"):details())
  use("namespace:details", namespace:details())
  for _, info in namespace:scripts {} do use("info", info) end
  use("namespace:delete_scripts", namespace:delete_scripts { all = true })
end

local function of_calls(use)
  use("moonherd.sh", moonherd.sh { "true" })
  use("moonherd.fs.stat", fs.stat "/")
  use("moonherd.each", moonherd.each({ 1, 2 }, function (n) if n == 2 then error "no" end end))
end

--- Makes them, and calls use(name, object) with each while it is open.
---@async
---@param client table  of a platform that may be written to
---@param use function
function M.each(client, use)
  local dir <close> = fs.temp_dir()
  of_tasks(use)
  of_files(use, dir.path)
  of_databases(use, dir.path)
  of_http(use)
  of_jobs(use, dir.path)
  of_clients(use, client)
  of_calls(use)
end

return M
