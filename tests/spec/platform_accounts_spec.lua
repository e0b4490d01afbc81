-- The accounts that a client without one is told of.

local support = require "tests.spec.support.platform"

local ok = support.ok

local function ids(list)
  local found = {}
  for i, item in ipairs(list) do found[i] = item.id end
  return found
end

describe("the platform's accounts", function ()
  it("are those with namespaces, and before there are any the one of local scripts", function ()
    local server = support.start()
    local accounts = "/client/v4/accounts?page=1"
    assert.same({ ("0"):rep(32) }, ids(ok(server:request("GET", accounts))))
    server:make_namespace "prod"
    assert.same({ support.ACCOUNT }, ids(ok(server:request("GET", accounts))))
    local other = ("f"):rep(32)
    server:request("POST", "/client/v4/accounts/" .. other .. "/workers/dispatch/namespaces",
      { json = { name = "prod" } })
    local response = server:request("GET", accounts)
    assert.same({ support.ACCOUNT, other }, ids(ok(response)))
    assert.same({ page = 1, per_page = 2, count = 2, total_count = 2, total_pages = 1 },
      response.json.result_info)
    server:close()
  end)

  it("are the only one, when there may be only one", function ()
    local server = support.start { account = support.ACCOUNT:upper() }
    assert.same({ support.ACCOUNT }, ids(ok(server:request("GET", "/client/v4/accounts"))))
    local memberships = ok(server:request("GET", "/client/v4/memberships?page=1"))
    assert.equal(support.ACCOUNT, memberships[1].account.id)
    assert.equal("string", type(memberships[1].account.name))
    server:close()
  end)
end)
