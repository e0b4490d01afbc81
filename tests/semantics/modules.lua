local function section(name) print("-- " .. name) end

section "require"
do
  package.preload.one = function (...) print("load", ...) return { name = "one" } end
  local value, extra = require "one"
  print(value.name, extra, select("#", require "one"), require "one" == value)
  package.preload.two = function () end
  print(require "two")
  print(require "two")
  package.preload.three = function () return false end
  print(require "three")
  print(package.loaded.three)
  package.preload.four = function () package.loaded.four = "set inside" end
  print(require "four")
  package.preload.five = function () package.loaded.five = "set inside" return "returned" end
  print(require "five", package.loaded.five)
  package.preload.six = function () error "fails to load" end
  print(pcall(require, "six"))
  print(package.loaded.six)
  package.preload.six = function () return 6 end
  print(require "six")
  package.loaded.six = nil
  print(require "six")
  package.preload["7"] = function (name) return name .. math.type(tonumber(name)) end
  print(require(7))
  print(pcall(require))
  print(pcall(require, nil))
  print(pcall(require, {}))
  print(pcall(require, true))
  print(pcall(function () require "no.such.module" end) == false)
end

section "require of a file"
do
  local name = os.tmpname()
  local function write(text)
    local file = assert(io.open(name, "w"))
    file:write(text)
    file:close()
  end
  local folder, base = name:match "^(.*)/([^/]*)$"
  local path = package.path
  package.path = folder .. "/?"
  write "local name, path = ... return { name = name, path = path, n = select('#', ...) }"
  local module, extra = require(base)
  print(module.name == base, module.path == name, module.n, extra == name)
  print(package.searchpath(base, package.path) == name)
  print(package.searchpath("none", "/x/?.a;/y/?.b"))
  local function show(ok, message)
    print(ok, (message:gsub("[^ ']*/lua_%w+", "FILE"):gsub("lua_%w+", "NAME")))
  end
  package.loaded[base] = nil
  write "local = 1"
  show(pcall(require, base))
  write "error 'while it loads'"
  show(pcall(require, base))
  write "return ..."
  print(require(base) == base)
  os.remove(name)
  local ok, message = pcall(require, "no.such.module")
  print(ok, message:match "^[^\n]*", message:match "\n\t(no field package%.preload[^\n]*)")
  ok, message = pcall(function () require "no.such.module" end)
  print(ok, message:match "^[^\n]*")
  print(package.config)
  package.path = path
  local searchers = package.searchers
  package.searchers = nil
  print(pcall(require, "x.y"))
  package.searchers = {}
  print(pcall(require, "x.y"))
  package.searchers = { function (n) return "\n\twhy " .. n end, function () return nil end }
  print(pcall(require, "x.y"))
  package.searchers = { function () return function (...) return ... end, "from here" end }
  print(require "x.z")
  package.searchers = searchers
end

section "require is a function of C"
do
  package.preload.looks = function ()
    print(debug.getinfo(2, "S").what, debug.getinfo(2, "n").name, debug.getinfo(3, "S").what)
    print(debug.traceback "here")
    print(pcall(error, "at the loader", 2))
    error("at require", 2)
  end
  print(pcall(require, "looks"))
  print(pcall(function () require {} end))
  local renamed = require
  print(pcall(function () renamed() end))
  print(pcall(string.dump, require))
end

section "what is said of modules that are not found"
do
  local path, cpath, preload = package.path, package.cpath, package.preload
  package.path, package.cpath = "?.here;?/?", "?.so;?/init"
  print(pcall(require, "none"))
  print(pcall(require, "none.deep"))
  print(pcall(function () require "none" end))
  table.insert(package.searchers, function () return 12 end)
  table.insert(package.searchers, function () return "a reason", function () end end)
  table.insert(package.searchers, function () return {} end)
  print(pcall(require, "none"))
  table.insert(package.searchers, function () error "the searcher fails" end)
  print(pcall(require, "none"))
  table.insert(package.searchers, 2, function () error("the searcher fails", 2) end)
  print(pcall(require, "none"))
  table.remove(package.searchers, 2)
  for _ = 1, 4 do table.remove(package.searchers) end
  for _, bad in ipairs { 5, {}, false } do
    package.path = bad
    print(pcall(require, "none"))
  end
  package.path, package.cpath = path, false
  print(pcall(require, "none"))
  package.cpath = ""
  package.preload = nil
  preload.hidden = function () return "found all the same" end
  print(require "hidden")
  package.preload = preload
  local loaded = package.loaded
  package.loaded = {}
  print(require "string" == string)
  package.loaded = loaded
end

section "load, loadfile, dofile"
do
  print(load "return 1, ..." (2))
  print(load("syntax error here", "=name"))
  print(load(function () return nil end) ~= nil)
  local parts = { "return ", "1", " + 1" }
  print(load(function () return table.remove(parts, 1) end)())
  print(pcall(load, function () error "reader" end))
  print(pcall(load, function () error("reader", 0) end))
  print(pcall(load, function () return {} end))
  print(load(string.dump(function () return "binary" end))())
  print(load(string.dump(function () end), "x", "t"))
  print(load("return x", "c", "t", { x = "env" })())
  print(loadfile "/no/such/file")
  print(pcall(dofile, "/no/such/file"))
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write "#!shebang\nreturn 'from file', ..."
  file:close()
  print(dofile(name))
  print(loadfile(name)(1, 2))
  print(coroutine.wrap(function () return dofile(name) end)())
  os.remove(name)
end
