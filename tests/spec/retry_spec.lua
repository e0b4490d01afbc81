-- moonherd.retry.
local error_objects = require "moonherd.error"
local moonherd = require "moonherd"

local FAST = { backoff = 0, attempts = 3 }

describe("moonherd.retry", function ()
  it("gives what the first success gives", function ()
    assert.are.same({ 3, "x" }, { moonherd.retry(FAST, function (attempt)
      if attempt < 3 then error "not yet" end
      return attempt, "x"
    end) })
  end)

  it("raises the last failure with all of them", function ()
    local count = 0
    local _, err = moonherd.try(moonherd.retry, FAST, function (n)
      count = n
      error("no " .. n, 0)
    end)
    assert.are.same({ 3, 3, "no 1", "no 3" },
      { count, err.attempts, err.history[1].message, err.message })
  end)

  it("does not repeat what is of no use", function ()
    for _, fields in ipairs { { kind = "usage" }, { kind = "api", retryable = false } } do
      local count = 0
      moonherd.try(moonherd.retry, FAST, function ()
        count = count + 1
        fields.message = "no"
        error_objects.raise(fields)
      end)
      assert.are.equal(1, count)
    end
  end)

  it("asks `when`, and a function for the pause", function ()
    local asked = {}
    moonherd.try(moonherd.retry, {
      backoff = function (n) asked[#asked + 1] = n return "1ms" end,
      when = function (err, n) return err.message == "again" and n < 3 end,
    }, function () error("again", 0) end)
    assert.are.same({ 1, 2 }, asked)
  end)

  it("ends with a limit around it", function ()
    local ok, err = pcall(moonherd.timeout, 0.01, moonherd.retry, { backoff = 60 },
      function () error "no" end)
    assert.are.same({ false, "timeout" }, { ok, err.kind })
    assert.is_truthy(err.message:find "moonherd.retry")
  end)

  it("names wrong options", function ()
    local _, err = moonherd.try(moonherd.retry, { attempt = 3 }, print)
    assert.are.equal("moonherd.retry: unknown option 'attempt' (did you mean 'attempts'?)",
      err.message)
  end)
end)
