local time = require "moonherd".time

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("usage", err.kind)
  return err
end

describe("time", function ()
  local TIMES = {
    { 0, "1970-01-01T00:00:00Z" }, { 951782400, "2000-02-29T00:00:00Z" },
    { 4107542399, "2100-02-28T23:59:59Z" }, { 4107542400, "2100-03-01T00:00:00Z" },
    { -1, "1969-12-31T23:59:59Z" }, { -62167219200, "0000-01-01T00:00:00Z" },
    { 253402300799, "9999-12-31T23:59:59Z" }, { 1767225600, "2026-01-01T00:00:00Z" },
  }
  it("writes and reads times as ISO 8601 has them", function ()
    for _, case in ipairs(TIMES) do
      assert.equal(case[2], time.format(case[1]))
      assert.equal(case[1], time.parse(case[2]))
      assert.equal("integer", math.type(time.parse(case[2])))
    end
    for day = -719528, 2932896, 997 do
      assert.equal(day * 86400, time.parse(time.format(day * 86400)))
    end
    assert.equal(os.date("!%Y-%m-%dT%H:%M", time.wall() // 1), time.format():sub(1, 16))
  end)

  local FRACTIONS = {
    { 0.25, 3, "1970-01-01T00:00:00.250Z" }, { 0.29, 2, "1970-01-01T00:00:00.29Z" },
    { 1.999999, 3, "1970-01-01T00:00:01.999Z" }, { -0.5, 1, "1969-12-31T23:59:59.5Z" },
    { 5.9, 0, "1970-01-01T00:00:05Z" }, { 1767225600.123456, 6, "2026-01-01T00:00:00.123456Z" },
  }
  it("writes fractions", function ()
    for _, case in ipairs(FRACTIONS) do
      assert.equal(case[3], time.format(case[1], { digits = case[2] }))
    end
  end)

  it("writes times with an offset, and reads them back", function ()
    local OFFSETS = {
      { "+02:00", "2026-01-01T02:00:00+02:00" }, { "-0530", "2025-12-31T18:30:00-05:30" },
      { "+14", "2026-01-01T14:00:00+14:00" }, { "Z", "2026-01-01T00:00:00Z" },
      { "+00:00", "2026-01-01T00:00:00Z" },
    }
    for _, case in ipairs(OFFSETS) do
      assert.equal(case[2], time.format(1767225600, { offset = case[1] }))
      assert.equal(1767225600, time.parse(case[2]))
    end
    for _, offset in ipairs { "", "2", "+25:00", "Berlin" } do
      assert.matches("bad option 'offset'", failure(time.format, 0, { offset = offset }).message)
    end
    failure(time.format, 253402300799, { offset = "+01:00" })
  end)

  local TEXTS = {
    { "2026-01-01", 1767225600 }, { "2026-01-01T02:00+02:00", 1767225600 },
    { "2025-12-31 18:30:00-0530", 1767225600 }, { "2026-01-01t00:00:00.5z", 1767225600.5 },
    { "2026-01-01T00:00:00,25+00", 1767225600.25 }, { "2026-12-31T23:59:60Z", 1798761600 },
  }
  it("reads the ways people write times", function ()
    for _, case in ipairs(TEXTS) do assert.equal(case[2], time.parse(case[1])) end
  end)

  it("refuses what is no time, and times without an offset", function ()
    for _, text in ipairs { "", "now", "2026-02-29", "2026-13-01", "2026-01-00", "26-01-01",
      "2026-01-01T24:00Z", "2026-01-01T12:00", "2026-01-01T12:60Z", "2026-01-01T12:00:00.Z",
      "2026-01-01T12:00:0012Z",
      "2026-01-01T12:00+25:00", "2026-01-01Z", "2026-01-01T12:00Zx" } do
      assert.equal("bad_time", failure(time.parse, text).reason, text)
    end
    failure(time.parse, 5)
    for _, seconds in ipairs { 0 / 0, 1 / 0, 1e15, "x" } do failure(time.format, seconds) end
  end)

  local DURATIONS = {
    { 0, "0ms" }, { 0.25, "250ms" }, { 0.9999, "1s" }, { 1.23, "1.2s" }, { 9.99, "10s" },
    { 59.6, "1m" }, { 61, "1m 1s" }, { 3600, "1h" }, { 3725, "1h 2m" }, { "1d", "1d" },
    { 90061, "1d 1h" }, { 1 / 0, "for ever" },
  }
  it("writes durations", function ()
    for _, case in ipairs(DURATIONS) do assert.equal(case[2], time.text(case[1])) end
  end)

  local READ = {
    { 5, 5 }, { "250ms", 0.25 }, { "90", 90 }, { "0", 0 }, { "1.5h", 5400 }, { "1h30m", 5400 },
    { "1h15m30.5s", 4530.5 }, { "5min 20s", 320 }, { "1w 2d", 777600 }, { "2min 200ms", 120.2 },
    { "100\u{B5}s", 1e-4 }, { "100\u{3BC}s", 1e-4 }, { "100us", 1e-4 }, { "3ns", 3e-9 },
    { "1h  5s", 3605 },
  }
  it("reads durations as people, Go and systemd write them", function ()
    for _, case in ipairs(READ) do
      assert.is_true(math.abs(case[2] - time.seconds(case[1])) < 1e-12, case[1])
    end
  end)

  it("reads the durations it writes", function ()
    for _, seconds in ipairs { 0.25, 61, 3720, 90000, 8640000 } do
      assert.equal(seconds, time.seconds(time.text(seconds)))
    end
  end)

  it("refuses what is no duration", function ()
    for _, value in ipairs { "soon", "", " ", "s", "h1", "1.h", ".5s", "1 h", "1h ", " 1h", "-1h",
      "1m1h", "1m1m", "1m1min", "1h30", "1H", "1M", "1month", "1e3s", "0x10", "1,5h", "1h\0",
      ("9"):rep(400) .. "h", -1, 0 / 0, true, {} } do
      assert.matches("time.seconds: bad duration", failure(time.seconds, value).message, 1, true)
    end
  end)
end)
