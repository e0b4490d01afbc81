-- The scripts of a namespace, filtered by their tags: page by page, and deleted in bulk. Part of
-- store/platform.lua; the functions are methods of its Store.
--
-- A filter holds the lists `required` and `excluded` of tags.

local M = {}

local FIND_NAMESPACE = "SELECT id FROM namespace WHERE account = ? AND name = ?"
local THE_NAMESPACE = "(" .. FIND_NAMESPACE .. ")"

local HAS_TAG = [[ AND EXISTS (SELECT 1 FROM script_tag x
  WHERE x.namespace_id = s.namespace_id AND x.tag = ? AND x.name = s.name)]]
local HAS_NOT_TAG = HAS_TAG:gsub("EXISTS", "NOT EXISTS", 1)

local BY_NAME = " FROM script s WHERE s.namespace_id = "
  .. THE_NAMESPACE
  .. " AND s.name > ?%s%s ORDER BY s.name LIMIT ?"
local BY_TAG = " FROM script_tag t JOIN script s ON s.id = t.script_id WHERE t.namespace_id = "
  .. THE_NAMESPACE
  .. " AND t.tag = ? AND t.name > ?%s%s ORDER BY t.name LIMIT ?"

local function append(list, values, first)
  return table.move(values, first or 1, #values, #list + 1, list)
end

-- A list that needs tags is read along the index of the first, any other along the names: either
-- way a page starts where the last one ended, whatever its number, and ends as soon as it is full.
-- What does not pass the filter is passed over one by one (0.7 us each): a page takes longer where
-- few scripts pass and no tag says which.
local function list_statement(columns, account, namespace, filter, after, limit)
  local required, excluded = filter.required, filter.excluded
  local from = required[1] and BY_TAG or BY_NAME
  local conditions = HAS_TAG:rep(math.max(#required - 1, 0))
  local sql = from:format(conditions, HAS_NOT_TAG:rep(#excluded))
  local statement = { "SELECT " .. columns .. sql, account, namespace }
  append(statement, { required[1] }) -- the tag whose index is read
  append(statement, { after })
  append(statement, required, 2)
  append(statement, excluded)
  append(statement, { limit })
  return statement
end

local ENOUGH = 10000 -- scripts that make a tag a frequent one

local COUNT_TAG = "SELECT count(*) AS n FROM (SELECT 1 FROM script_tag WHERE namespace_id = "
  .. THE_NAMESPACE
  .. " AND tag = ? AND name > ? LIMIT "
  .. ENOUGH
  .. ")"

-- The filter with the rarest of its required tags first, as far as frequent ones can be told apart.
local function rarest_first(self, account, namespace, filter, after)
  if #filter.required < 2 then
    return filter
  end
  local statements, counts = {}, {}
  for i, tag in ipairs(filter.required) do
    statements[i] = { COUNT_TAG, account, namespace, tag, after }
  end
  for i, rows in ipairs { self.db:read(statements) } do
    counts[filter.required[i]] = rows[1].n
  end
  local required = append({}, filter.required)
  table.sort(required, function (a, b)
    return counts[a] < counts[b]
  end)
  return { required = required, excluded = filter.excluded }
end

local DOCUMENT = "s.name, s.document, s.tags, s.created_on, s.modified_on"

--- One page of a namespace's scripts in the order of their names, starting behind `after`; nil
--- without a namespace.
function M:list_documents(account, namespace, filter, after, limit)
  filter = rarest_first(self, account, namespace, filter, after)
  local namespaces, rows = self.db:read {
    { FIND_NAMESPACE, account, namespace },
    list_statement(DOCUMENT, account, namespace, filter, after, limit),
  }
  return namespaces[1] and rows
end

-- The scripts of the first page, deleted.
local function delete_statement(account, namespace, filter, limit)
  local statement = list_statement("s.id", account, namespace, filter, "", limit)
  statement[1] = "DELETE FROM script WHERE id IN (" .. statement[1] .. ")"
  return statement
end

--- Deletes the first `limit` scripts with all they hold, in one transaction. Returns their
--- immutable ids in the order of their names, and whether there are more; nil without a namespace.
function M:delete_scripts(account, namespace, filter, limit)
  filter = rarest_first(self, account, namespace, filter, "")
  local results = self.db:write {
    { FIND_NAMESPACE, account, namespace, expect = 1 },
    list_statement("s.tag", account, namespace, filter, "", limit + 1),
    delete_statement(account, namespace, filter, limit),
  }
  if not results then
    return nil
  end
  local ids = {}
  for i, row in ipairs(results[2].rows) do
    ids[i] = i <= limit and row.tag or nil
  end
  return ids, #results[2].rows > limit
end

return M
