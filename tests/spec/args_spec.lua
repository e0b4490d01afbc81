local moonherd = require "moonherd"
local PROGRAM = (os.getenv "B" or "build") .. "/moonherd"
local args = moonherd.args

local SPEC = {
  name = "deploy.lua", about = "Deploys tenants.",
  { "namespace", help = "where to" },
  { "tenant", many = true, optional = true },
  { "--jobs", "-j", type = "integer", default = 16, help = "how many at once" },
  { "--wait", type = "duration", default = "2m" },
  { "--mode", one_of = { "fast", "careful" } },
  { "--tag", many = true, value = "tag" },
  { "--dry-run", "-n", type = "boolean" },
}

local DEFAULTS = { namespace = "live", tenant = {}, jobs = 16, wait = 120.0, tag = {},
  dry_run = false }

local function with(changes)
  local values = {}
  for _, from in ipairs { DEFAULTS, changes } do
    for name, value in pairs(from) do values[name] = value end
  end
  return values
end

-- Runs a script that prints its arguments; stdin is its description.
local function run(spec, ...)
  local program = [[
    local moonherd = require "moonherd"
    local opts = moonherd.args(load("return " .. arg[1])(), { table.unpack(arg, 2) })
    print(moonherd.json.encode(opts))]]
  return moonherd.sh({ PROGRAM, "--target", "local", "-e", program, spec, ... },
    { check = false })
end

describe("args", function ()
  local LINES = {
    { { "live" }, {} },
    { { "live", "acme", "globex" }, { tenant = { "acme", "globex" } } },
    { { "-j", "4", "live" }, { jobs = 4 } },
    { { "--jobs=4", "live" }, { jobs = 4 } },
    { { "live", "--wait", "90s", "-n" }, { wait = 90.0, dry_run = true } },
    { { "live", "--wait", "0.5" }, { wait = 0.5 } },
    { { "live", "--mode", "fast" }, { mode = "fast" } },
    { { "live", "--tag", "a", "--tag", "b" }, { tag = { "a", "b" } } },
    { { "live", "--wait", "1h30m" }, { wait = 5400.0 } },
    { { "live", "-n", "--no-dry-run" }, { dry_run = false } },
    { { "live", "--jobs", "-5" }, { jobs = -5 } },
    { { "live", "-j", "-5" }, { jobs = -5 } },
    { { "--", "live", "--help" }, { tenant = { "--help" } } },
  }
  it("reads a command line", function ()
    for _, case in ipairs(LINES) do assert.same(with(case[2]), args(SPEC, case[1])) end
  end)

  local BAD = {
    { { "{ name = 's', { 'who' } }" }, "s: missing argument 'who'" },
    { { "{ name = 's' }", "x" }, "s: too many arguments" },
    { { "{ name = 's', { '--jobs', type = 'integer' } }", "--jobs", "x" },
      "s: --jobs: 'x' is not an integer" },
    { { "{ name = 's', { '--jobs' } }", "--jbos", "x" },
      "s: unknown option '--jbos' (did you mean '--jobs'?)" },
    { { "{ name = 's', { '--jobs' } }", "--jobs" }, "s: option '--jobs' requires an argument" },
    { { "{ name = 's', { '--jobs' } }", "--jobs", "1", "--jobs", "2" },
      "s: option '--jobs' must be used at most 1 time" },
    { { "{ name = 's', { '--mode', one_of = { 'fast', 'slow' } } }", "--mode", "fats" },
      "s: --mode: got 'fats' (did you mean 'fast'?)" },
    { { "{ name = 's', { '--key', required = true } }" }, "s: option '--key' is required" },
    { { "{ name = 's', { '--wait', type = 'duration' } }", "--wait", "soon" },
      "s: --wait: 'soon' is not a duration such as \"90s\" or \"1h30m\"" },
  }
  table.move({
    { { "{ name = 's', { '--n', type = 'number' } }", "--n", "1e400" },
      "s: --n: '1e400' is not a number" },
    { { "{ name = 's', { '--key', type = 'secret' } }", "--key=" },
      "s: --key: what was given is not a secret" },
    { { "{ name = 's', commands = { deploy = {}, remove = {} } }" }, "s: a command is required" },
    { { "{ name = 's', commands = { deploy = {}, remove = {} } }", "depoly" },
      "s: unknown command 'depoly' (did you mean 'deploy'?)" },
    { { "{ name = 's', commands = { deploy = { { 'who' } } } }", "deploy" },
      "s: missing argument 'who'" },
    { { "{ name = 's', commands = { deploy = { { '--key', required = true } } } }", "deploy" },
      "s: option '--key' is required" },
  }, 1, 6, #BAD + 1, BAD)
  it("says in one line what it cannot read, and ends with code 2", function ()
    for _, case in ipairs(BAD) do
      local result = run(table.unpack(case[1]))
      assert.equal(case[2] .. "\n", result.stderr)
      assert.equal("", result.stdout)
      assert.equal(2, result.code)
    end
  end)

  it("makes help of the descriptions", function ()
    local result = run([[{ name = "s", about = "Does things.", { "who", help = "for whom" },
      { "--jobs", "-j", type = "integer", default = 16, help = "how many" },
      { "--mode", one_of = { "fast", "slow" }, help = "how" } }]], "--help")
    assert.equal(0, result.code)
    assert.equal("", result.stderr)
    for _, part in ipairs { "Usage: s ", "Does things.", "who +for whom", "%-j <integer>",
      "how many %(default: 16%)", "how %(fast, slow%)" } do
      assert.matches(part, result.stdout)
    end
  end)

  it("reads commands, each with entries of its own", function ()
    local spec = {
      name = "s", { "--verbose", type = "boolean" },
      commands = {
        deploy = { about = "Deploys.", { "tenant" }, { "--jobs", type = "integer", default = 2 } },
        remove = { { "tenant", many = true }, { "--force", type = "boolean" } },
      },
    }
    assert.same({ command = "deploy", verbose = false, tenant = "acme", jobs = 2 },
      args(spec, { "deploy", "acme" }))
    assert.same({ command = "remove", verbose = true, tenant = { "a", "b" }, force = true },
      args(spec, { "--verbose", "remove", "a", "b", "--force" }))
  end)

  it("shows the commands, and of one its own help", function ()
    local spec = "{ name = 's', commands = { deploy = { about = 'Deploys.', { '--jobs' } } } }"
    assert.matches("Commands:\n +deploy +Deploys%.", run(spec, "--help").stdout)
    assert.matches("^Usage: s deploy .*%-%-jobs", run(spec, "deploy", "--help").stdout)
  end)

  it("keeps secrets out of help, and of what is printed", function ()
    local spec = "{ name = 's', { '--key', type = 'secret', default = 'hunter2-hunter2' } }"
    local help = run(spec, "--help").stdout
    assert.matches("default: ***", help, 1, true)
    assert.falsy(help:find("hunter2", 1, true))
    local values = args({ name = "s", { "--key", type = "secret" } }, { "--key", "sk-live-1234" })
    assert.equal("***", tostring(values.key))
    assert.equal("sk-live-1234", values.key:reveal())
  end)

  it("shows by --no what is on by default", function ()
    local spec = "{ name = 's', { '--color', type = 'boolean', default = true } }"
    assert.matches("%-%-no%-color", run(spec, "--help").stdout)
    assert.falsy(run(spec, "--help").stdout:find " %-%-color")
    assert.equal('{"color":true}\n', run(spec).stdout)
    assert.equal('{"color":false}\n', run(spec, "--no-color").stdout)
  end)

  it("fits help into the terminal", function ()
    local spec = ("{ name = 's', about = '%s' }"):format(("word "):rep(60))
    for line in run(spec, "--help").stdout:gmatch "[^\n]+" do assert.is_true(#line <= 80) end
  end)

  it("is called by the name of the script, with what follows it", function ()
    local script <close> = moonherd.fs.temp_file { suffix = ".lua", bytes = [[
      print(require "moonherd".args { { "--n", type = "number" } }.n)]] }
    local function call(...)
      return moonherd.sh({ PROGRAM, "--target", "local", script.path, ... }, { check = false })
    end
    assert.equal("1.5\n", call("--n", "1.5").stdout)
    local result = call "x"
    assert.equal(moonherd.fs.basename(script.path) .. ": too many arguments\n", result.stderr)
  end)

  local WRONG = {
    { 5, "bad description" }, { { "x" }, "bad entry" }, { { {} }, "begins with its name" },
    { { { "a b" } }, "'a b' is no name" }, { { { "x", tpye = "integer" } }, "did you mean 'type'" },
    { { { "x", type = "int" } }, "got 'int'" }, { { { "x", type = "boolean" } }, "only an option" },
    { { abuot = "x" }, "did you mean 'about'" },
    { { { "--n", type = "integer", default = "x" } }, "bad default (integer expected, got 'x')" },
    { { { "--m", one_of = { "fast" }, default = "fats" } }, "did you mean 'fast'" },
    { { commands = { deploy = 5 } }, "bad command 'deploy' (table expected, got number)" },
    { { commands = { deploy = { abuot = "" } } }, "did you mean 'about'" },
    { { commands = { { "deploy" } } }, "'1' is no name of a command" },
  }
  it("names what is wrong with a description", function ()
    for _, case in ipairs(WRONG) do
      local ok, err = pcall(args, case[1], {})
      assert.is_false(ok)
      assert.equal("usage", err.kind)
      assert.matches(case[2], err.message, 1, true)
    end
  end)
end)
