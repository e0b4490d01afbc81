-- What the official clients once sent, sent again: each recording of tests/e2e/recorded goes to a
-- new platform and must be answered as it was when the real client was content with it. They are
-- made by `make test-e2e RECORD=1`.

local fs = require "moonherd.fs"
local platform = require "tests.spec.support.platform"
local recording = require "tests.spec.support.recording"

local FOLDER = "tests/e2e/recorded"

-- What a platform was told when the recording was made.
local OPTIONS = { ["wrangler-4.86.0-secrets-on.json"] = { implicit_secret_inheritance = true } }

local names = {}
for _, name in ipairs(fs.list(FOLDER)) do
  if name:find "%.json$" then names[#names + 1] = name end
end
table.sort(names)

describe("recorded clients", function ()
  it("are there", function ()
    assert.is_true(#names > 0)
  end)

  for _, name in ipairs(names) do
    it("are answered as before: " .. name:gsub("%.json$", ""), function ()
      local server = platform.start(OPTIONS[name])
      local different = recording.replay(FOLDER .. "/" .. name,
        { base = "http://localhost", token = platform.TOKEN, unix_socket = server.socket })
      server:close()
      assert.is_nil(different)
    end)
  end
end)
