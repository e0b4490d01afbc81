-- moonherd.progress: what is told, and when. These tests stand in for the log.
local host = require "moonherd._host"
local log = require "moonherd._log"
local moonherd = require "moonherd"

describe("progress", function ()
  local write, interval, lines

  before_each(function ()
    write, interval, lines = log.write, host.options.progress, {}
    log.write = function (level, message, fields)
      lines[#lines + 1] = { level = level, message = message, numbers = fields.progress }
    end
    host.options.progress = 1e-9 -- every step is due
  end)
  after_each(function () log.write, host.options.progress = write, interval end)

  -- The last line without what depends on the clock.
  local function last_line()
    return (lines[#lines].message:gsub(", %d+s left", ""):gsub(", [%d.]+/s", "")
      :gsub("took %d+s", "took"))
  end

  it("tells how much is done, of how much, and what failed", function ()
    local progress = moonherd.progress("release", { total = 8 })
    progress:step()
    assert.are.equal("release: 1 of 8 (12 %)", last_line())
    progress:step "failed"
    progress:step "skipped"
    assert.are.equal("release: 3 of 8 (37 %), 1 failed, 1 skipped", last_line())
    progress:finish()
    assert.are.equal("release: 3 of 8 (37 %), 1 failed, 1 skipped, took", last_line())
  end)

  it("has the numbers for a host that draws its own", function ()
    local progress = moonherd.progress("release", { total = 4 })
    progress:update { done = 1, skipped = 1 }
    local numbers = lines[1].numbers
    assert.are.same({ "release", 4, 1, 1, 0, 0.5, false }, {
      numbers.name, numbers.total, numbers.done, numbers.skipped, numbers.failed,
      numbers.fraction, numbers.ended,
    })
    assert.is_true(numbers.rate > 0 and numbers.eta > 0)
    progress:finish()
    assert.is_true(lines[2].numbers.ended)
    assert.is_nil(lines[2].numbers.eta)
  end)

  it("does without a total", function ()
    local progress <close> = moonherd.progress "lines"
    progress:update { done = 12 }
    assert.are.equal("lines: 12", last_line())
    assert.is_nil(lines[1].numbers.fraction)
  end)

  it("is complete when there was nothing to do", function ()
    moonherd.progress("nothing", { total = 0 }):update()
    assert.are.equal("nothing: 0 of 0 (100 %)", last_line())
  end)

  it("tells what is left of a client's allowance, and how long none is given", function ()
    local budget = { remaining = 90 }
    local client = { budget = function () return budget end }
    local progress = moonherd.progress("release", { total = 8, client = client })
    progress:step()
    assert.are.equal("release: 1 of 8 (12 %), 90 requests left", last_line())
    budget = { remaining = 0, blocked = 241.2 }
    progress:step()
    assert.are.equal("release: 2 of 8 (25 %), waits 4m 2s for the allowance, 4m 2s left, "
      .. "0 requests left", (lines[2].message:gsub(", [%d.]+/s", ""):gsub("4m %ds", "4m 2s")))
  end)

  it("says nothing of what is over before a line is due", function ()
    host.options.progress = 1000
    do
      local progress <close> = moonherd.progress("quick", { total = 1 })
      progress:step()
    end
    assert.are.same({}, lines)
  end)

  it("is told while nothing is counted, too", function ()
    host.options.progress = 0.001
    local progress = moonherd.progress("slow", { total = 2 })
    moonherd.race(function () progress:watch() end, function ()
      while #lines < 2 do moonherd.sleep "1ms" end
    end)
  end)

  it("refuses what it does not know", function ()
    for _, case in ipairs {
      { "a name is expected, got nil", moonherd.progress },
      { "unknown option 'totl' (did you mean 'total'?)", moonherd.progress, "x", { totl = 1 } },
      { "bad state 'gone'", function () moonherd.progress "x":step "gone" end },
    } do
      local ok, err = pcall(table.unpack(case, 2))
      assert.is_false(ok)
      assert.is_truthy(err.message:find(case[1], 1, true), err.message)
    end
  end)
end)
