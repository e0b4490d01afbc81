-- Wrong arguments, at every public function and method: the answer is an error of a documented kind
-- that names the function, in words for people. What is thrown: support/wrong_arguments.lua.
local fs = require "moonherd.fs"
local index = require "moonherd.docs.index"
local moonherd = require "moonherd"

local program = fs.absolute((os.getenv "B" or "build") .. "/moonherd")
local script = fs.absolute "tests/spec/support/wrong_arguments.lua"

local function complaints_about(what)
  local tmp <close> = fs.temp_dir()
  local result = moonherd.sh({ program, "run", "--target", "local", script, what }, {
    cwd = tmp.path, check = false,
    env = { LUA_PATH = fs.absolute "?.lua" .. ";;" },
  })
  assert.equal("", result.stdout)
  assert.equal(0, result.code, result.stderr)
end

describe("wrong arguments", function ()
  it("are refused by moonherd", function () complaints_about "moonherd" end)
  for _, entry in ipairs(index.all()) do
    if entry.members and #entry.members > 0 then
      it("are refused by " .. entry.name, function () complaints_about(entry.name) end)
    end
  end
end)
