-- Durable Object migrations: the tag they move a script to, and the classes it then has.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"

local M = {}

local NAMES = shape.list(shape.text)
local RENAMES = shape.list(shape.object({ from = shape.text, to = shape.text }, { "from", "to" }))
local TRANSFERS = shape.list(
  shape.object(
    { from = shape.text, from_script = shape.text, to = shape.text },
    { "from", "from_script", "to" }
  )
)
local STEP = {
  new_classes = NAMES,
  new_sqlite_classes = NAMES,
  deleted_classes = NAMES,
  renamed_classes = RENAMES,
  transferred_classes = TRANSFERS,
}

--- The shape of `metadata.migrations`: one step, or a list of them under `steps`.
M.SHAPE = shape.object {
  old_tag = shape.string,
  new_tag = shape.string,
  steps = shape.list(shape.object(STEP)),
  new_classes = NAMES,
  new_sqlite_classes = NAMES,
  deleted_classes = NAMES,
  renamed_classes = RENAMES,
  transferred_classes = TRANSFERS,
}

local function list_of(value)
  return shape.is_absent(value) and {} or value
end

local function create(classes, name)
  if classes[name] then
    errors.refuse(10074, { subject = name, pointer = "/migrations" })
  end
  classes[name] = true
end

local function take_step(classes, step)
  for _, name in ipairs(list_of(step.deleted_classes)) do
    classes[name] = nil
  end
  for _, rename in ipairs(list_of(step.renamed_classes)) do
    classes[rename.from] = nil
    create(classes, rename.to)
  end
  for _, name in ipairs(list_of(step.new_classes)) do
    create(classes, name)
  end
  for _, name in ipairs(list_of(step.new_sqlite_classes)) do
    create(classes, name)
  end
  for _, transfer in ipairs(list_of(step.transferred_classes)) do
    create(classes, transfer.to)
  end
end

local function check_tag(expected, current)
  expected = shape.is_absent(expected) and "" or expected
  if expected ~= (current or "") then
    errors.refuse(10079, { subject = current or "", pointer = "/migrations/old_tag" })
  end
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

local function sorted(set)
  local list = json.array {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

--- Applies `migrations` to a script that has migration tag `current` (or nil) and `classes`;
--- returns the new ones.
function M.apply(migrations, current, classes)
  if shape.is_absent(migrations) then
    return current, classes
  end
  check_tag(migrations.old_tag, current)
  local set = set_of(classes)
  take_step(set, migrations)
  for _, step in ipairs(list_of(migrations.steps)) do
    take_step(set, step)
  end
  local tag = migrations.new_tag
  return shape.is_absent(tag) and current or tag, sorted(set)
end

--- Applies the migrations of a request, if it has any, to a script's state.
function M.migrate(script, migrations)
  if not shape.is_absent(migrations) then
    script.migration_tag, script.classes =
      M.apply(migrations, script.migration_tag, script.classes)
  end
end

return M
