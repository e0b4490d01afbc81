-- What Tab offers in the REPL.
local complete = require "moonherd.repl.complete"
local fs = require "moonherd.fs"
local moonherd = require "moonherd"

local function offered(text, globals)
  local stem, names = complete.names(text, globals or { moonherd = moonherd, string = string })
  return table.concat(names, " "), stem
end

describe("a name at the end of a line", function ()
  for text, names in pairs {
    ["moonherd.ens"] = "",
    ["moonherd.read_"] = "read_json read_wrangler",
    ["moonherd.fs.remove"] = "remove remove_all",
    ["print(moonherd.fs.remove"] = "remove remove_all",
    ["str"] = "string",
    ["string.re"] = "rep reverse",
    ["('x'):re"] = "rep reverse",
    ["whi"] = "while",
    ["x = 'moonherd.read_"] = "",
    ["-- moonherd.read_"] = "",
    ["moonherd.connect():ens"] = "ensure_namespace",
    ["moonherd.connect { target = 'local' }:ens"] = "ensure_namespace",
    ["ns:delete_"] = "delete_scripts",
    ["ns:script 'a':upload"] = "upload upload_assets",
    ["moonherd.connect():namespace 'a':script('b'):upload"] = "upload upload_assets",
    ["moonherd.spawn(function () end):can"] = "cancel",
    ["response.stat"] = "status",
    ["unknown():x"] = "",
    ["a.b:x"] = "",
    [")):x"] = "",
    [":"] = "help load quit tasks time",
    [":lo"] = "load",
    [":nothing x"] = "",
    [":time moonherd.read_"] = "read_json read_wrangler",
    [":help read_"] = "read_json read_wrangler",
    [":help script:upload_"] = "script:upload_assets",
  } do
    it(("%s: %s"):format(text, names), function ()
      assert.equal(names, (offered(text)))
    end)
  end

  it("is that of an object with a metatable, whose metamethods do not run", function ()
    local object = setmetatable({ own = 1 }, {
      __index = { inherited = function () end }, __pairs = error,
    })
    assert.equal("inherited own", (offered("object.", { object = object })))
    assert.equal("inherited", (offered("object:", { object = object })))
  end)

  it("is that of a class whose name has several parts", function ()
    local response = setmetatable({}, { __name = "moonherd.http.response" })
    assert.equal("read", (offered("answer:re", { answer = response })))
  end)
end)

describe("a name in a table that a function takes", function ()
  for text, names in pairs {
    ["ns:script 'a':upload { ma"] = "main_module",
    ["script:upload { file = 'a.mjs', ma"] = "main_module",
    ["script:upload({ file = ('x'):rep(3, ','), ma"] = "main_module",
    ["script:upload {\n  file = 'a.mjs', -- , {\n  ma"] = "main_module",
    ["moonherd.connect { target = 'local', acc"] = "account_id",
    ["moonherd.map({ 1, 2 }, { con"] = "concurrency",
    ["moonherd.map({ con"] = "",
    ["moonherd.connect { retry = { att"] = "attempts",
    ["job:upload(ns, 'a', { ma"] = "main_module",
    ["script:upload { file = ma"] = "",
    ["{ ma"] = "",
  } do
    it(("%s: %s"):format(text:gsub("\n", " "), names), function ()
      assert.equal(names, (offered(text)))
    end)
  end

  it("may be any of its options when none is begun", function ()
    local names = offered "script:upload { "
    assert(names:find "bindings" and names:find "compatibility_date" and names:find "tags")
  end)
end)

describe("any text", function ()
  it("may be completed", function ()
    local code = [==[
local t = { a = "x\"y", ['b'] = [[long]], [=[c]=] = 1e5, -- a comment with "quotes { ( ["
  f(g{1}, "s"), --[[ of
  several lines ]] function (...) return ... end }
for k, v in pairs(ns:script "a":upload { bindings = { x = { y, z } }, }) do print(k.v, (v)) end
goto x ::x:: return #t, ~1, 1 // 2, a.b.c:d() ]] ) }
]==]
    for last = 0, #code do
      for _, text in ipairs { code:sub(1, last), ":time " .. code:sub(last) } do
        local stem, names = complete.names(text, { moonherd = moonherd })
        assert(type(stem) == "string" and #names >= 0)
      end
    end
  end)

  it("of any bytes", function ()
    for seed = 1, 200 do
      local bytes = {}
      for i = 1, 40 do bytes[i] = string.char((seed * 7919 + i * i * 104729) % 256) end
      complete.names(table.concat(bytes), { moonherd = moonherd })
    end
  end)
end)

describe("what is on a disk", function ()
  local folder, path, cpath

  before_each(function ()
    folder = fs.temp_dir()
    path, cpath = package.path, package.cpath
    package.path, package.cpath = folder.path .. "/?.lua;" .. folder.path .. "/?/init.lua", ""
    for _, name in ipairs { "tenants.lua", "tenancy.txt", "tools/one.lua", "tools/two.lua" } do
      local file = folder.path .. "/" .. name
      fs.mkdir(fs.dirname(file), nil, true)
      fs.write(file, "return 1")
    end
  end)

  after_each(function ()
    package.path, package.cpath = path, cpath
    folder:remove()
  end)

  it("is a module that require would find", function ()
    assert.equal("tenants", (offered 'require "tena'))
    assert.equal("tools", (offered "require('too"))
    assert.equal("tools.one tools.two", (offered 'local x = require "tools.'))
    assert.equal("", (offered 'print "tena'))
  end)

  it("is no module of the program", function ()
    assert.equal("moonherd.http", (offered 'require "moonherd.ht'))
  end)

  it("is a file of :load", function ()
    local names, stem = offered(":load " .. folder.path .. "/te")
    assert.equal("tenancy.txt tenants.lua", names)
    assert.equal("te", stem)
    assert.equal("tools/", (offered(":load " .. folder.path .. "/to")))
    assert.equal("one.lua two.lua", (offered(":load " .. folder.path .. "/tools/")))
    assert.equal("", (offered ":load /no/such/folder/x"))
  end)
end)

describe("the beginning of several names", function ()
  it("is what all have", function ()
    assert.equal("read_", complete.common { "read_json", "read_wrangler" })
    assert.equal("", complete.common { "a", "b" })
    assert.equal("", complete.common {})
  end)
end)
