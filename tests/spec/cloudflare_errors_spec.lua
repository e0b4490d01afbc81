local endpoints = require "moonherd.cloudflare.endpoints"
local failures = require "moonherd.cloudflare.errors"

local function answer(fields)
  fields.errors = fields.errors or {}
  return fields
end

local function failure(endpoint, status, code, message)
  return failures.of_answer(endpoint, answer {
    status = status, errors = { { code = code, message = message or "no" } },
  })
end

describe("an error code", function ()
  local documented = {
    971, 7000, 7003, 9106, 10000, 10001, 10002, 10006, 10007, 10013, 10015, 10016, 10021, 10026,
    10027, 10035, 10041, 10052, 10053, 10054, 10055, 10056, 10057, 10061, 10068, 10069, 10074,
    10079, 10085, 10090, 10092, 10121, 10144, 10157, 10159, 10181, 10182, 10405, 11000, 100119,
    100120, 100143, 100402, 100405, 100406,
  }

  it("has a reason and a hint, whichever of the documented ones it is", function ()
    for _, code in ipairs(documented) do
      local row = failures.by_code[code]
      assert.is_truthy(row, code)
      assert.is_truthy(row[1]:find "^[%l_]+$", code)
      assert.is_truthy(#row[2] > 10, code)
    end
  end)

  it("decides before the status", function ()
    assert.are.equal("namespace_not_found", failure(endpoints.get_script, 404, 100119).reason)
    assert.are.equal("namespace_exists", failure(endpoints.create_namespace, 409, 100120).reason)
    for _, code in ipairs { 10007, 10090, 10092 } do
      assert.are.equal("script_not_found", failure(endpoints.get_script, 200, code).reason)
    end
  end)

  it("that is not known leaves it to the status", function ()
    assert.are.equal("validation", failure(endpoints.put_script, 400, 99999).reason)
    assert.are.equal("script_not_found", failure(endpoints.get_script, 404, nil).reason)
    assert.are.equal("namespace_not_found", failure(endpoints.get_namespace, 404, nil).reason)
    assert.are.equal("server_error", failure(endpoints.get_script, 502, nil).reason)
    assert.are.equal("refused", failure(endpoints.get_script, 418, nil).reason)
  end)

  it("is the telling one of several", function ()
    local err = failures.of_answer(endpoints.get_script, answer {
      status = 404, errors = { { code = 1, message = "a" }, { code = 10007, message = "b" } },
    })
    assert.are.same({ "script_not_found", 10007, "b (and 1 more)" },
      { err.reason, err.code, err.message })
    assert.are.equal(2, #err.errors)
  end)
end)

describe("a text", function ()
  it("tells refusals apart that share a code", function ()
    local full = "You have exceeded the limit of 10 tags per Worker. Remove a tag to add another."
    assert.are.equal("too_many_tags", failure(endpoints.put_script, 403, 10021, full).reason)
    assert.are.equal("tag_too_large",
      failure(endpoints.put_script, 400, 10021, "Tag is too large").reason)
    assert.are.equal("assets_missing", failure(endpoints.put_script, 400, nil,
      "Cannot use an assets binding without assets").reason)
  end)
end)

describe("a failure may be repeated", function ()
  local function retryable(endpoint, status, code)
    return failure(endpoint, status, code).retryable
  end

  it("when the server says it did nothing", function ()
    for _, status in ipairs { 408, 425, 429 } do
      assert.is_true(retryable(endpoints.create_namespace, status))
    end
    assert.is_true(retryable(endpoints.put_script, 409, 10035))
    assert.is_true(retryable(endpoints.put_script, 429, 971))
  end)

  it("when the server failed and a second time does no harm", function ()
    assert.is_true(retryable(endpoints.put_script, 500))
    assert.is_true(retryable(endpoints.delete_script, 503))
    assert.is_false(retryable(endpoints.create_namespace, 500))
  end)

  it("not when the request was wrong", function ()
    assert.is_false(retryable(endpoints.put_script, 400, 10021))
    assert.is_false(retryable(endpoints.create_namespace, 409, 100120))
  end)

  it("as the server says, when it says so", function ()
    local err = failures.of_answer(endpoints.get_script, answer {
      status = 503, should_retry = "false",
    })
    assert.is_false(err.retryable)
  end)

  it("below HTTP, when nothing left or a second time does no harm", function ()
    local function transfer(endpoint, sent)
      return failures.is_transfer_retryable(endpoint, { retryable = true, sent = sent })
    end
    assert.is_true(transfer(endpoints.create_namespace, false))
    assert.is_false(transfer(endpoints.create_namespace, true))
    assert.is_true(transfer(endpoints.put_script, true))
    assert.is_false(failures.is_transfer_retryable(endpoints.get_script, { sent = false }))
  end)
end)
