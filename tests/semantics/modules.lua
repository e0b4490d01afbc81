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
