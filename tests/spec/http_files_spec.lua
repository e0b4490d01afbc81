-- Bodies go from a file and into one in pieces: a script holds no more than a piece of them.
local moonherd = require "moonherd"
local fs = moonherd.fs
local http = moonherd.http

local PIECE <const> = 64 * 1024

describe("http with files", function ()
  it("sends one piece by piece, and stores the answer piece by piece", function ()
    local tmp <close> = fs.temp_dir()
    local from, to = fs.join(tmp.path, "from"), fs.join(tmp.path, "to")
    fs.write(from, ("moonherd\n"):rep(200000))
    local largest = 0
    moonherd.scope(function ()
      local server
      local task = moonherd.spawn(moonherd.serve, {
        port = 0,
        on_listen = function (listening) server = listening end,
        handler = function (request)
          local pieces = {}
          for bytes in request:chunks() do pieces[#pieces + 1] = bytes end
          request:begin(200)
          for _, bytes in ipairs(pieces) do request:write(bytes) end
          request:finish()
        end,
      })
      while not server do moonherd.sleep(0) end
      local source <close> = assert(io.open(from, "rb"))
      local target <close> = assert(io.open(to, "wb"))
      local response <close> = http.put("http://127.0.0.1:" .. server.port, {
        body = function () return source:read(PIECE) end, stream = true,
      })
      for bytes in function () return response:read() end do
        largest = math.max(largest, #bytes)
        assert(target:write(bytes))
      end
      server:close()
      task:wait()
    end)
    assert.is_true(fs.read(from) == fs.read(to))
    assert.is_true(largest < fs.stat(from).size)
  end)
end)
