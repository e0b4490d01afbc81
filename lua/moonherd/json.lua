-- JSON, as strict as RFC 8259 and without loss: integers stay integers, floats read back equal, an
-- empty list stays a list, members are written in sorted order. lua-cjson does the work, between
-- two passes of bindings/json.c.
local raw = require "moonherd._json"

local M = {}

--- The value of JSON's null, of which a table can hold any number. Another name is moonherd.null.
---@name moonherd.json.null
---@example
--- print(json.encode { plan = json.null }) --> {"plan":null}
M.null = raw.null

local function checked(value, err)
  if err ~= nil then error(err, 0) end
  return value
end

--- Reads a JSON text. Whole numbers become integers when they fit (3.0 too), others floats. Lists
--- carry a mark (see `json.array`), so that an empty one is written as a list again. Of members
--- with the same name the last counts.
---@param text string  UTF-8
---@param opts? table
---@field opts.nulls? boolean  false: members of objects that are null are left out (items of lists
---  are not); default true: each is `json.null`
---@return any value  `json.null` for null, never nil
---@error usage bad_json  when the text is not JSON, is deeper than 128 levels, or holds a number
---  too large for a float; the error has `line` and `column`, from 1; columns count characters
---@example
--- local tenant = json.decode '{"id": "t1", "tags": [], "plan": null}'
--- print(tenant.id, #tenant.tags, tenant.plan == json.null)
function M.decode(text, opts)
  return checked(raw.decode(text, opts))
end

--- Writes a value as JSON: no white space, members sorted by the bytes of their names, so that
--- equal values give equal texts. An empty table is `{}` unless `json.array` has marked it.
---@param value any  strings must be UTF-8; tables hold either names or 1 to n without holes
---@return string text
---@error usage bad_value  for what JSON cannot hold: invalid UTF-8, NaN, infinities, functions,
---  values of moonherd.secret (write what their `:reveal()` gives), lists with holes or names,
---  more than 128 levels; the error has `path`: `bindings[3].text`
---@example
--- print(json.encode { name = "t1", tags = json.array {}, plan = json.null })
function M.encode(value)
  return checked(raw.encode(value))
end

--- Writes a value as `json.encode` does, laid out for people: a line for each member, two spaces
--- for each level.
---@param value any  as for json.encode
---@return string text  no line break at its end
---@error usage bad_value  as for json.encode
---@example
--- print(json.pretty { name = "t1", tags = { "a", "b" } })
function M.pretty(value)
  return checked(raw.pretty(value))
end

--- Marks a table as a list, so that it is written as `[]` even while it is empty. Lists that come
--- from `json.decode` are marked already.
---@param list? table  default: a new one; must have no metatable of its own
---@return table list  the same table
---@error usage usage  when the table has a metatable of its own
---@example
--- print(json.encode { tags = json.array {} })
function M.array(list)
  return raw.array(list)
end

--- Tells whether a value would be written as a list: it is marked as one, or has something at [1].
---@param value any
---@return boolean is_array
---@error none
---@example
--- print(json.is_array(json.decode "[]"), json.is_array {}, json.is_array { "a" })
function M.is_array(value)
  return raw.is_array(value)
end

return M
