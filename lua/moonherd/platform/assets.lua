-- Static assets of a version. No upload session can be opened yet, so no completion token is valid
-- and no Worker has assets.

local errors = require "moonherd.platform.errors"
local shape = require "moonherd.platform.shape"

local M = {}

--- Works out the assets of a new version from its metadata: nil when it has none.
function M.resolve(metadata)
  local assets = metadata.assets
  if not shape.is_absent(assets) and not shape.is_absent(assets.jwt) then
    errors.invalid("The assets completion token is not valid", "/assets/jwt")
  end
  return nil
end

--- Refuses an `assets` binding of a version that has no assets.
function M.check_bindings(bindings, assets)
  for i, binding in ipairs(bindings) do
    if binding.type == "assets" and not assets then
      local pointer = ("/bindings/%d"):format(i - 1)
      errors.invalid("Cannot use an assets binding without assets", pointer)
    end
  end
end

return M
