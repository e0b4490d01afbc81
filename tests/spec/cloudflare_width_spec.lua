-- How much is in flight at once: what narrows it, what widens it, who waits.
local moonherd = require "moonherd"
local widths = require "moonherd.cloudflare.width"

describe("a width", function ()
  local width, most, open

  before_each(function () width, most, open = widths.new(8, "room"), 0, 0 end)

  -- Runs so many at once and says how many of them were open at most.
  local function most_of(n)
    most = 0
    local list = {}
    for i = 1, n do list[i] = i end
    moonherd.map(list, { concurrency = n }, function ()
      width:run(function ()
        open = open + 1
        most = math.max(most, open)
        moonherd.sleep(0)
        open = open - 1
      end)
    end)
    return most
  end

  it("lets so many through at once, and all in the end", function ()
    assert.are.equal(8, most_of(20))
    assert.are.equal(0, width.busy)
  end)

  it("is half as much after a failure, and those that fail together count once", function ()
    width:narrow()
    width:narrow()
    assert.are.equal(4, most_of(20))
  end)

  it("never gets below one", function ()
    for _ = 1, 9 do
      width.narrowed_at = -math.huge
      width:narrow()
    end
    assert.are.equal(1, most_of(5))
  end)

  it("grows by one when as many as it is have gone well, up to what it was", function ()
    width:narrow()
    for _ = 1, 4 do width:widen() end
    assert.are.equal(5, width.now)
    for _ = 1, 100 do width:widen() end
    assert.are.equal(8, most_of(20))
  end)

  it("gives room back when what runs fails or is cancelled", function ()
    assert.is_false(pcall(width.run, width, error, "no"))
    local task = moonherd.spawn(function () width:run(moonherd.sleep, 3600) end)
    moonherd.sleep(0)
    task:cancel()
    pcall(task.wait, task)
    assert.are.equal(0, width.busy)
  end)

  it("is not lost when the one who is woken goes away", function ()
    width = widths.new(1, "room")
    local first = moonherd.spawn(function () width:run(moonherd.sleep, 0.001) end)
    moonherd.sleep(0)
    local second = moonherd.spawn(function () width:run(moonherd.sleep, 3600) end)
    local third = moonherd.spawn(function () return width:run(function () return "third" end) end)
    moonherd.sleep(0)
    second:cancel()
    first:wait()
    assert.are.equal("third", third:wait())
    pcall(second.wait, second)
  end)
end)
