-- Writes generated files below a folder, and makes the folders they are in.
local fs = require "moonherd.fs"

-- `files`: text by path.
return function (dir, files)
  for path, text in pairs(files) do
    local whole = fs.join(dir, path)
    fs.mkdir(fs.dirname(whole), nil, true)
    fs.write(whole, text)
  end
end
