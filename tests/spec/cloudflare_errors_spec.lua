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
  -- Scripts compare the reasons: they stay what they are.
  local REASONS = {
    [971] = "rate_limited", [7000] = "no_route", [7003] = "no_route", [9106] = "auth",
    [10000] = "auth", [10001] = "content_type", [10002] = "server_error", [10006] = "invalid_code",
    [10007] = "script_not_found", [10013] = "server_error", [10015] = "not_entitled",
    [10016] = "invalid_name", [10021] = "validation", [10026] = "invalid_body",
    [10027] = "too_large", [10035] = "conflict", [10041] = "target_not_found",
    [10052] = "binding_unnamed", [10053] = "binding_name_taken", [10054] = "binding_too_large",
    [10055] = "too_many_bindings", [10056] = "binding_not_found", [10057] = "binding_not_found",
    [10061] = "class_not_exported", [10068] = "no_handlers", [10069] = "unsupported_handlers",
    [10074] = "class_exists", [10079] = "migration_conflict", [10085] = "target_not_found",
    [10090] = "script_not_found", [10092] = "script_not_found", [10121] = "not_entitled",
    [10144] = "target_not_found", [10157] = "target_not_found", [10159] = "target_not_found",
    [10181] = "target_not_found", [10182] = "target_not_found", [10405] = "method_not_allowed",
    [11000] = "target_not_found", [100119] = "namespace_not_found", [100120] = "namespace_exists",
    [100143] = "target_not_found", [100402] = "invalid_exports", [100405] = "invalid_exports",
    [100406] = "invalid_exports",
  }

  it("has a reason and a hint, whichever of the documented ones it is", function ()
    for code, reason in pairs(REASONS) do
      local err = failure(endpoints.put_script, 400, code)
      assert.are.equal(reason, err.reason, code)
      assert.is_true(#err.hint > 10, code)
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
