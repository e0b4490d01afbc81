-- Which events new code handles. The code is looked at, never run.

local BLOCK = require("moonherd.platform.parts").BLOCK
local errors = require "moonherd.platform.errors"
local scan = require "moonherd.platform.scan"

local M = {}

-- The source of a module; of a long one its first and last block, where bundlers put the exports.
local function source_of(call, module)
  if module.content then
    return module.content
  end
  local last = (module.size - 1) // BLOCK
  local head = call.store:block(module.blob, 0)
  return last == 0 and head or head .. "\n" .. call.store:block(module.blob, last)
end

--- Finds the handlers of new code and adds them to it; an empty entry is refused.
function M.find(call, code)
  local source = source_of(call, code.modules[1])
  if scan.is_empty(source) then
    errors.refuse(10068)
  elseif code.kind == "module" then
    code.handlers, code.named_handlers = scan.module(source)
  else
    code.handlers, code.named_handlers = scan.service_worker(source), {}
  end
end

return M
