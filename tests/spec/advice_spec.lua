-- What a report adds to an error that nobody has caught.
local advice = require "moonherd._advice"
local failures = require "moonherd.cloudflare.errors"

local function hint_of(message, kind)
  local err = { kind = kind or "script", message = message }
  advice.advise(err)
  return err.hint
end

describe("the hint for a name that is not there", function ()
  for called, hint in pairs {
    ["method 'uplaod'"] = "did you mean job:upload or script:upload?",
    ["method 'creat_namespace'"] = "did you mean client:create_namespace?",
    ["field 'conect'"] = "did you mean moonherd.connect?",
    ["global 'tosrting'"] = "did you mean tostring?",
  } do
    it("is that of " .. called, function ()
      assert.equal(hint, hint_of("a.lua:1: attempt to call a nil value (" .. called .. ")"))
    end)
  end

  it("is none where nothing is near", function ()
    assert.is_nil(hint_of "a.lua:1: attempt to call a nil value (global 'xyzzyxyzzy')")
    assert.is_nil(hint_of "a.lua:1: attempt to call a nil value (local 'f')")
    assert.is_nil(hint_of "a.lua:1: attempt to index a nil value (global 'prnt')")
  end)

  it("takes no other's place", function ()
    local err = {
      kind = "script", message = "attempt to call a nil value (global 'prnt')", hint = "own",
    }
    advice.advise(err)
    assert.equal("own", err.hint)
    assert.is_nil(hint_of("attempt to call a nil value (global 'prnt')", "api"))
  end)
end)

describe("the line of a request", function ()
  it("says what was sent, how often, and its name at Cloudflare", function ()
    assert.equal("PUT /x, 5 attempts, ray id 8f, it may have been done", advice.request {
      method = "PUT", path = "/x", attempts = 5, ray_id = "8f", outcome = "unknown",
    })
    assert.equal("GET /x, 1 attempt", advice.request { method = "GET", path = "/x", attempts = 1 })
    assert.is_nil(advice.request { message = "no request" })
  end)
end)

-- The codes that the API is known to answer with.
local CODES = { 971, 7003, 9106, 10000, 10001, 10002, 10006, 10007, 10013, 10015, 10016, 10021,
  10026, 10027, 10035, 10041, 10052, 10053, 10054, 10055, 10056, 10057, 10061, 10068, 10069, 10074,
  10079, 10085, 10090, 10092, 10121, 10144, 10157, 10159, 10181, 10182, 10405, 11000, 100119,
  100120, 100143, 100402, 100405, 100406 }

describe("every code of the API", function ()
  for _, code in ipairs(CODES) do
    it(("%d has a reason and a hint"):format(code), function ()
      local err = failures.of_answer({ class = "read", scope = "script" }, {
        status = 400, errors = { { code = code, message = "no" } }, messages = {},
      })
      assert.not_equal("refused", err.reason)
      assert(#err.hint > 10)
      assert(err.reason ~= "validation" or code == 10021, "it says no more than its status")
    end)
  end
end)
