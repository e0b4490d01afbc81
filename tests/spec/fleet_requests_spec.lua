-- The requests that jobs and bulk verbs report, and take down in their ledgers, are those that the
-- platform gets: attempts that fail, looks at what is live and items that fail among them.
local bulk = require "tests.spec.support.bulk"
local folders = require "tests.spec.support.folder"
local ledgers = require "tests.spec.support.ledgers"
local moonherd = require "moonherd"

describe("the requests of a run", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local client, ns, folder, path

  setup(function ()
    client = bulk.connect { retry = { attempts = 3, backoff = "1ms" } }
    ns = client:ensure_namespace "requests"
  end)
  before_each(function ()
    ns:upload_all { a = bulk.spec { tags = { "in" } }, b = bulk.spec { tags = { "in" } } }
    folder = folders.new()
    path = folder:at "job.db"
  end)
  after_each(function ()
    bulk.control(client, "DELETE", "faults")
    folder:remove()
  end)

  -- The calls of the API that the platform has got.
  local function got()
    local count = 0
    for _, request in ipairs(bulk.control(client, "GET", "requests?limit=1000")) do
      if request.target:find "/workers/" then count = count + 1 end
    end
    return count
  end

  local function taken_down()
    return ledgers.with(path, function (ledger) return ledger:count().requests end)
  end

  local VERBS = {
    tag = function () return ns:tag({ "in" }, { add = { "x", "y" } }, { ledger = path }) end,
    rotate_secret = function ()
      return ns:rotate_secret({ "in" }, "API_KEY", "v 8871", { ledger = path })
    end,
    patch_all = function ()
      return ns:patch_all({ "in" }, { limits = { cpu_ms = 9 } }, { ledger = path })
    end,
    upload_all = function ()
      local files = { ["/a.txt"] = "a", ["/b.txt"] = "b" }
      return ns:upload_all({
        a = bulk.spec { tags = { "in" } },
        b = bulk.spec { tags = { "in" }, assets = { files = files } },
      }, { ledger = path })
    end,
  }
  local FAULTS = {
    none = {},
    passing = { { fault = "bad_gateway", count = 2, skip = 1 } },
    ["done all the same"] = { { fault = "applied_error", skip = 1, count = 2 } },
    ["for ever"] = { { fault = "bad_gateway", script = "b" } },
    ["later for ever"] = { { fault = "bad_gateway", script = "b", skip = 1 } },
  }

  for name, verb in pairs(VERBS) do
    for what, faults in pairs(FAULTS) do
      it(("of %s are all counted, with faults: %s"):format(name, what), function ()
        bulk.control(client, "PUT", "faults", { faults = moonherd.json.array(faults) })
        bulk.control(client, "DELETE", "requests")
        local report = verb()
        assert.equal(got(), report.requests)
        -- The list is no item's.
        assert.equal(got() - (name == "upload_all" and 0 or 1), taken_down())
      end)
    end
  end
end)
