-- Fills a namespace with copies of one script in a moment, as it would be after as many uploads:
-- for tests and measurements that need thousands.

local COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "

local SCRIPTS = COUNT .. [[
  INSERT INTO script (namespace_id, name, tag, created_on, modified_on, tags, settings,
    migration_tag, classes, document)
  SELECT namespace_id, printf('copy-%06d', i), lower(hex(randomblob(16))), created_on, modified_on,
    json_array('all', iif(i % 2, 'odd', 'even'), 'group-' || (i / 1000)), settings, migration_tag,
    classes, document
  FROM n, script WHERE name = ?
  ORDER BY i]]

local DOCUMENTS = [[
  UPDATE script SET document = json_set(document, '$.id', name, '$.tag', tag, '$.tags', json(tags))
  WHERE name GLOB 'copy-*']]

local TAGS = [[
  INSERT INTO script_tag (namespace_id, tag, name, script_id)
  SELECT s.namespace_id, t.value, s.name, s.id FROM script s, json_each(s.tags) t
  WHERE s.name GLOB 'copy-*']]

local THE_VERSION = "(SELECT version_id FROM script WHERE name = ?)"
local THE_CODE = "(SELECT code_id FROM version WHERE id = " .. THE_VERSION .. ")"

-- Each copy has code of its own, whose id is that of the script behind all ids there are.
local CODES = [[
  INSERT INTO code (id, kind, entry, etag, handlers, named_handlers)
  SELECT 1000000 + s.id, c.kind, c.entry, c.etag, c.handlers, c.named_handlers
  FROM script s, code c WHERE s.name GLOB 'copy-*' AND c.id = ]] .. THE_CODE

local MODULES = [[
  INSERT INTO module (code_id, position, name, type, size, digest, is_map, is_bound, content,
    blob_id)
  SELECT 1000000 + s.id, m.position, m.name, m.type, m.size, m.digest, m.is_map, m.is_bound,
    m.content, m.blob_id
  FROM script s, module m WHERE s.name GLOB 'copy-*' AND m.code_id = ]] .. THE_CODE

local VERSIONS = [[
  INSERT INTO version (script_id, number, uuid, code_id, created_on, created_by, source, metadata,
    settings, bindings)
  SELECT s.id, v.number, v.uuid, 1000000 + s.id, v.created_on, v.created_by, v.source, v.metadata,
    v.settings, v.bindings
  FROM script s, version v WHERE s.name GLOB 'copy-*'
    AND v.id = ]] .. THE_VERSION

local LIVE_VERSIONS = [[
  UPDATE script SET version_id = (SELECT id FROM version WHERE script_id = script.id)
  WHERE name GLOB 'copy-*']]

--- Copies the script `name`, the only one of a new database, `count` times. The copies are named
--- copy-000001 and so on; all carry the tag `all`, every second `odd` or `even`, and each thousand
--- of them has a tag `group-0`, `group-1`, … of its own.
return function (store, name, count)
  store.db:write {
    { SCRIPTS, count, name },
    { DOCUMENTS },
    { TAGS },
    { CODES, name },
    { MODULES, name },
    { VERSIONS, name },
    { LIVE_VERSIONS },
  }
end
