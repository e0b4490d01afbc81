-- A folder of its own for a spec, filled from a table of paths and contents.
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"

local M = {}

local Folder = {}
Folder.__index = Folder

--- Makes one. A content that is `{link=}` becomes a link. `remove` it when the test is over.
function M.new(files)
  local path = "/tmp/moonherd-spec-" .. hash.hex(hash.random(8))
  local self = setmetatable({ path = path }, Folder)
  fs.mkdir(path)
  for name, content in pairs(files or {}) do self:write(name, content) end
  return self
end

--- The path of a file in it.
function Folder:at(name)
  return fs.join(self.path, name)
end

--- Writes a file, or makes a link.
function Folder:write(name, content)
  fs.mkdir(fs.dirname(self:at(name)), nil, true)
  if type(content) == "string" then return fs.write(self:at(name), content) end
  assert(os.execute(("ln -s '%s' '%s'"):format(content.link, self:at(name))))
end

function Folder:remove()
  assert(os.execute(("rm -rf '%s'"):format(self.path)))
end

return M
