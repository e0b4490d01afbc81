-- moonherd.limit and moonherd.channel.
local moonherd = require "moonherd"

local function turn() moonherd.sleep(0) end

describe("limit", function ()
  it("runs no more than so many at once, in the order of the calls", function ()
    local limit, running, most, order = moonherd.limit(3), 0, 0, {}
    moonherd.scope(function ()
      for i = 1, 20 do
        moonherd.spawn(limit.run, limit, function ()
          running = running + 1
          most = math.max(most, running)
          order[#order + 1] = i
          turn()
          running = running - 1
        end)
      end
    end)
    assert.equal(3, most)
    for i, number in ipairs(order) do assert.equal(i, number) end
  end)

  it("gives arguments and results through, and its place back after an error", function ()
    local limit = moonherd.limit(1)
    local results = table.pack(limit:run(function (...) return ... end, 1, nil, 3))
    assert.same({ 1, nil, 3, n = 3 }, results)
    assert.is_false(pcall(limit.run, limit, error, "no"))
    assert.equal("yes", limit:run(function () return "yes" end))
  end)

  it("loses no place to tasks that are cancelled, waiting or running", function ()
    local limit = moonherd.limit(1)
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = moonherd.spawn(limit.run, limit, moonherd.sleep, "1h")
    end
    turn()
    tasks[2]:cancel "not needed"
    tasks[1]:cancel "not needed"
    tasks[3]:cancel "not needed"
    for _, task in ipairs(tasks) do pcall(task.wait, task) end
    assert.equal("free", moonherd.timeout("5s", limit.run, limit, function () return "free" end))
  end)

  it("is a number of at least one", function ()
    for _, value in ipairs { 0, 1.5, "2" } do
      local ok, err = pcall(moonherd.limit, value)
      assert.is_false(ok)
      assert.matches("moonherd.limit: bad number", err.message)
    end
  end)
end)

describe("channel", function ()
  it("hands values on in order, and holds no more than it may", function ()
    local channel, sent, got = moonherd.channel(2), 0, {}
    local sender = moonherd.spawn(function ()
      for i = 1, 5 do
        channel:send(i)
        sent = i
      end
      channel:close()
    end)
    turn()
    assert.equal(2, sent)
    for value in channel do got[#got + 1] = value end
    sender:wait()
    assert.same({ 1, 2, 3, 4, 5 }, got)
  end)

  it("shares values among those who receive", function ()
    local channel, sum = moonherd.channel(), 0
    moonherd.scope(function ()
      for _ = 1, 4 do
        moonherd.spawn(function () for value in channel do sum = sum + value end end)
      end
      for i = 1, 100 do channel:send(i) end
      channel:close()
    end)
    assert.equal(5050, sum)
  end)

  it("carries false, and no nil", function ()
    local channel = moonherd.channel(1)
    channel:send(false)
    assert.equal(false, channel:recv())
    assert.matches("cannot be nil", select(2, pcall(channel.send, channel)).message)
  end)

  it("tells those who wait that it is closed", function ()
    local channel = moonherd.channel(1)
    channel:send(1)
    local sender = moonherd.spawn(function ()
      local _, err = moonherd.try(channel.send, channel, 2)
      return err.reason
    end)
    local receiver = moonherd.spawn(function ()
      turn()
      return channel:recv(), channel:recv()
    end)
    turn()
    channel:close()
    assert.equal("closed", sender:wait())
    assert.same({ 1 }, { receiver:wait() })
    channel:close()
  end)

  it("holds a number of at least one", function ()
    local ok, err = pcall(moonherd.channel, 0)
    assert.is_false(ok)
    assert.matches("moonherd.channel: bad number", err.message)
  end)
end)
