-- Every call of the client that changes something, cancelled wherever it waits: what the error says
-- of the outcome is true, nothing is left behind, and the same call succeeds right afterwards.
local moonherd = require "moonherd"
local task = require "moonherd._task"

local CODE = "export default { fetch() { return new Response('hi') } }"
local DATE = "2026-10-01"

-- How far the loop goes on before the cancel, at every place where a call waits: before anything
-- has left, while it is on its way, while the platform works, while the answer comes.
local TURNS = { 0, 10, 100, 1000 }

describe("a call that is cancelled wherever it waits", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local client, ns, script

  setup(function ()
    local name = os.tmpname()
    os.remove(name)
    local state = (os.getenv "B" or "build") .. "/tests" .. name
    client = moonherd.connect { target = "local", state = state }
  end)

  local function code(more)
    local spec = { modules = { ["a.mjs"] = CODE }, compatibility_date = DATE }
    for key, value in pairs(more or {}) do spec[key] = value end
    return spec
  end

  local function clear()
    for _, details in ipairs(client:namespaces()) do
      client:namespace(details.namespace_name):delete { expect = details.script_count }
    end
  end

  local function prepare()
    clear()
    ns = client:ensure_namespace "ns"
    script = ns:script "a"
    script:upload(code { tags = { "x" }, bindings = { MODE = "old" } })
    script:put_secret("KEY", "value of the key")
  end

  -- ---- what is live ----------------------------------------------------------------------------

  local READS = { "bindings", "content", "settings", "tags" }

  -- All that can be seen, without the times at which it was changed.
  local function state()
    local seen = {}
    for _, details in ipairs(client:namespaces()) do
      local here = client:namespace(details.namespace_name)
      local scripts = {}
      for each, info in here:scripts { include = READS } do
        scripts[each.name] = {
          info.bindings, info.content.modules, info.tags, info.settings.compatibility_date,
        }
      end
      seen[here.name] = { details.trusted_workers, scripts }
    end
    return moonherd.inspect(seen)
  end

  -- ---- cancelling ------------------------------------------------------------------------------

  -- What the tasks wait for, without for how long, and how many requests have gone: it changes
  -- wherever a call waits anew.
  local function place()
    return task.dump():gsub("%d+%.?%d* m?s", "") .. client:stats().requests
  end

  -- Cancels a call at its k-th wait, some turns later. Returns whether there was such a wait, and
  -- the error, when it was not over before.
  local function cancelled(call, k, turns)
    local run = moonherd.spawn(function () return pcall(call) end)
    local function is_over() return run:state() == "done" end
    local last, waits = place(), 0
    while waits < k and not is_over() do
      moonherd.sleep(0)
      local now = place()
      if now ~= last then last, waits = now, waits + 1 end
    end
    local was_there = not is_over()
    for _ = 1, turns do
      if is_over() then break end
      moonherd.sleep(0)
    end
    run:cancel()
    local ok, err = run:wait()
    return was_there, not ok and err or nil
  end

  local function check_error(err, label)
    assert.are.equal("cancelled", err.kind, label .. ": " .. tostring(err))
    assert.is_truthy(err.outcome == "not_applied" or err.outcome == "unknown", label)
  end

  -- ---- the calls -------------------------------------------------------------------------------

  local FILES = { ["/a.txt"] = "a", ["/b.txt"] = "b" }

  local CALLS = {
    { "client:create_namespace", function () client:create_namespace "new" end },
    { "client:ensure_namespace", function () client:ensure_namespace "new" end },
    { "namespace:set_trusted", function () ns:set_trusted(true) end },
    { "namespace:patch", function () ns:patch { trusted_workers = true } end },
    { "namespace:delete", function () ns:delete { expect = 1 } end },
    { "namespace:delete_scripts", function () ns:delete_scripts { all = true } end },
    { "namespace:delete_scripts by name",
      function () ns:delete_scripts { all = true, concurrency = 2 } end },
    { "script:upload", function () script:upload(code { bindings = { MODE = "new" } }) end },
    { "script:upload with assets", function ()
      script:upload(code { assets = { files = FILES } })
    end },
    { "script:upload with a default", function ()
      script:upload(code { bindings = { NEW = moonherd.inherit { default = "x" } } })
    end },
    { "script:put_content", function ()
      script:put_content { modules = { ["a.mjs"] = CODE .. "\n" } }
    end },
    { "script:put_secret", function () script:put_secret("MORE", "value of more") end },
    { "script:put_secrets", function () script:put_secrets { MORE = "value of more" } end },
    { "script:delete_secret", function () script:delete_secret "KEY" end },
    { "script:patch_settings", function ()
      script:patch_settings { bindings = { MORE = "new" }, observability = { enabled = true } }
    end },
    { "script:put_tags", function () script:put_tags { "y" } end },
    { "script:add_tag", function () script:add_tag "y" end },
    { "script:delete_tag", function () script:delete_tag "x" end },
    { "script:delete", function () script:delete() end },
  }

  -- What the second call is told when the first one was carried out all the same.
  local DONE_ALREADY = {
    ["client:create_namespace"] = "namespace_exists", ["namespace:delete"] = "namespace_not_found",
    ["script:delete"] = "script_not_found", ["script:delete_secret"] = "binding_not_found",
  }

  local function call_again(name, call, err, label)
    local ok, again = pcall(call)
    local was_done = not ok and err.outcome == "unknown" and again.reason == DONE_ALREADY[name]
    assert.is_true(ok or was_done, label .. ": " .. tostring(again))
  end

  for _, row in ipairs(CALLS) do
    local name, call = row[1], row[2]

    it(name, function ()
      prepare()
      local before = state()
      call()
      local after = state()
      for _, turns in ipairs(TURNS) do
        local k = 0
        repeat
          k = k + 1
          prepare()
          local label = ("%s, wait %d, %d turns"):format(name, k, turns)
          local was_there, err = cancelled(call, k, turns)
          if err then
            check_error(err, label)
            if err.outcome == "not_applied" then assert.are.equal(before, state(), label) end
            call_again(name, call, err, label)
            assert.are.equal(after, state(), label)
          end
        until not was_there
      end
    end)
  end
end)
