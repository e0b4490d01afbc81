-- moonherd new NAME: a project to start from: a deployment script, a Worker, a test, and what an
-- editor and CI need. It works at once, on the embedded platform.
local fs = require "moonherd.fs"
local parser = require "moonherd.cli.parser"
local types = require "moonherd.docs.types"
local write = require "moonherd.docs._write"

local M = {}

-- ---- the files ---------------------------------------------------------------------------------

local FILES = {}

FILES["deploy.lua"] = [=[
-- Deploys the Worker for every tenant that is named:
--   moonherd run --target local deploy.lua acme globex
--   moonherd run --target local deploy.lua acme --dry-run   # only says what it would do
local moonherd = require "moonherd"

local opts = moonherd.args({
  about = "Deploys the Worker for every tenant that is named.",
  { "tenant", many = true },
}, arg)

local client = moonherd.connect()
local ns = client:ensure_namespace "@NAME@"
local report = moonherd.each(opts.tenant, { concurrency = 8 }, function (tenant)
  ns:script(tenant):upload {
    file = "worker/index.mjs", compatibility_date = "2026-10-01",
    bindings = { TENANT = tenant }, tags = { "customer:" .. tenant },
  }
end)

for _, entry in ipairs(report.failed) do
  print(("failed %s: %s"):format(entry.item, tostring(entry.error)))
end
local done = client.dry_run and "would be deployed" or "deployed"
print(("%d %s, %d failed"):format(report.done, done, #report.failed))
return #report.failed == 0
]=]

FILES["worker/index.mjs"] = [=[
export default {
  async fetch(request, env) {
    return new Response(`hello from ${env.TENANT}\n`);
  },
};
]=]

FILES["spec/deploy_spec.lua"] = [=[
-- Tests of deploy.lua, without an account and without waiting: moonherd test
local moonherd = require "moonherd"
local test = require "moonherd.test"

test.virtual_clock() -- retries pause; here that takes no time

describe("deploy.lua", function ()
  it("deploys every tenant", function ()
    local result = test.run("../deploy.lua", "acme", "globex")
    assert.equal("2 deployed, 0 failed\n", result.output)
    assert.equal(0, result.code)
    local acme = moonherd.connect():namespace "@NAME@":script "acme"
    assert.same({ "customer:acme" }, acme:tags())
  end)

  it("deploys nothing in a dry run", function ()
    local result = test.run("../deploy.lua", "initech", "--dry-run")
    assert.equal("1 would be deployed, 0 failed\n", result.output)
    local initech = moonherd.connect():namespace "@NAME@":script "initech"
    assert.is_false(initech:exists())
  end)

  it("gets through a minute in which the API is down", function ()
    test.faults { { fault = "bad_gateway", method = "PUT", count = 3 } }
    assert.equal(0, test.run("../deploy.lua", "acme").code)
  end)
end)
]=]

FILES[".luarc.json"] = [=[
{
  "$schema": "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json",
  "runtime.version": "Lua 5.4",
  "workspace.library": ["types"],
  "workspace.checkThirdParty": false,
  "diagnostics.globals": ["describe", "it", "before_each", "after_each"]
}
]=]

FILES[".gitignore"] = [=[
.moonherd/
.env
]=]

FILES[".github/workflows/deploy.yml"] = [=[
# Tests every change; deploys what is on main. The runner needs moonherd on its PATH.
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: moonherd test --output junit=results.xml
  deploy:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: moonherd doctor --target cloudflare
      - run: moonherd run --target cloudflare deploy.lua acme globex
    env:
      CLOUDFLARE_API_TOKEN: ${{ secrets.CLOUDFLARE_API_TOKEN }}
      CLOUDFLARE_ACCOUNT_ID: ${{ vars.CLOUDFLARE_ACCOUNT_ID }}
]=]

FILES["README.md"] = [=[
# @NAME@

Deploys a Worker for every tenant, to the dispatch namespace `@NAME@`.

```sh
moonherd run --target local deploy.lua acme globex   # the embedded platform, in .moonherd/
moonherd run --target local --dry-run deploy.lua acme
moonherd test
```

With `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_ACCOUNT_ID` set, `moonherd doctor` tells whether all is
ready, and `moonherd run --target cloudflare deploy.lua acme globex` deploys.

- `deploy.lua` is the script, `worker/` what it deploys, `spec/` the tests.
- `types/` is for editors with lua-language-server; `moonherd types types` writes it anew.
- `.github/workflows/deploy.yml` tests every change and deploys the main branch.
]=]

-- ---- the command -------------------------------------------------------------------------------

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("NAME", "The folder to make; its last part names the dispatch namespace.")
end

local LONGEST <const> = 255 -- bytes of a file's name

local function is_good(name)
  return name:find "^[%l%d_][%l%d_-]*$" ~= nil
end

local function name_of(path)
  local name = fs.basename(path)
  if #name > LONGEST then
    return parser.refuse("new: a name of %d bytes is too long (at most %d)", #name, LONGEST)
  end
  if is_good(name) then return name end
  local fitting = name:lower():gsub("[%s.]+", "-")
  local offer = is_good(fitting) and (" (such as '%s')"):format(fitting) or ""
  return parser.refuse("new: '%s' cannot name a namespace: take lower-case letters, digits, - "
    .. "and _%s", name, offer)
end

local function check_free(path)
  parser.check_folder("new", path)
  if fs.exists(path) and #fs.list(path) > 0 then
    parser.refuse("new: %s is there and not empty", path)
  end
end

-- The outermost folder that has to be made for a path; nil: it is there.
local function first_missing(path)
  local missing
  while not fs.exists(path) do
    missing, path = path, fs.dirname(path)
  end
  return missing
end

-- All of it or nothing. What is there are folders, the last of them empty, or yet to be made.
local function make(path, files)
  local made = first_missing(path)
  local ok, err = pcall(write, path, files)
  if ok then return end
  if made then
    if fs.exists(made) then fs.remove_all(made) end
  else
    for _, name in ipairs(fs.list(path)) do fs.remove_all(fs.join(path, name)) end
  end
  error(err, 0)
end

--- Makes the project.
---@async
---@param options table
---@return integer code
function M.run(options)
  local path = options.NAME:gsub("(.)/+$", "%1")
  local name, files = name_of(path), {}
  check_free(path)
  for file, text in pairs(FILES) do files[file] = text:gsub("@NAME@", name) end
  for file, text in pairs(types.files()) do files[fs.join("types", file)] = text end
  make(path, files)
  print(("made %s; try:"):format(path))
  print(("  cd %s"):format(path))
  print "  moonherd run --target local deploy.lua acme globex"
  print "  moonherd test"
  return 0
end

return M
