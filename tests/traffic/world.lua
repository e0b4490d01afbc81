-- What one client of a platform has made, as plain data, and random changes of it. A change is a
-- copy of that data as it is to become, and the request that makes it so: whoever sends the request
-- knows what must be there when it was acknowledged, and the two things that may be there when the
-- answer was lost.
--
--   state.namespaces[name] = { trusted =, scripts = { [name] = script } }
--   script = { source =, value =, logpush =, tags = {…}, secrets = { NAME = value }, files = {…} }
--   state.shared = { tag =, secret = }: its own places in a script that all clients change
--
-- Contents are named by a text that `M.content` makes the bytes of.

local M = {}

local World = {}
World.__index = World

local LARGE = 300 * 1024 -- bytes: kept in blocks of the store
local MOST_SHARED_TAGS = 8

M.SHARED = { namespace = "shared", script = "everyone" }

-- ---- chance ------------------------------------------------------------------------------------

--- A source of chance that gives the same for the same seed: a function of n, from 1 to n.
function M.random(seed)
  local x = seed * 2654435761 + 88172645463325252
  return function (n)
    x = x ~ x << 13
    x = x ~ x >> 7
    x = x ~ x << 17
    return (x >> 1) % n + 1
  end
end

--- Makes the client with this number; those with other numbers have other names.
function M.new(number, seed, state)
  return setmetatable({
    number = number,
    prefix = ("c%d-"):format(number),
    random = M.random(seed * 1000 + number),
    state = state or { namespaces = {}, shared = {} },
    made = 0, -- texts, so that each is new
    seed = seed,
  }, World)
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for key, item in pairs(value) do result[key] = copy(item) end
  return result
end

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function one_of(self, list)
  if not list[1] then return nil end
  return list[self.random(#list)]
end

local function new_text(self, kind)
  self.made = self.made + 1
  return ("%s-%d-%d-%d"):format(kind, self.seed, self.number, self.made)
end

--- The bytes that such a text stands for; one in eight is large.
function M.content(text)
  local line = ("export default { fetch() {} } // %s\n"):format(text)
  if tonumber(text:match "%d+$") % 8 ~= 0 then return line end
  return line .. (("// %s %s\n"):format(text, ("x"):rep(50))):rep(LARGE // 60)
end

--- The text that these bytes are made of; "broken" when they are of none.
function M.name_of(bytes)
  local text = bytes:match "// (%S+)\n"
  return text and M.content(text) == bytes and text or "broken"
end

-- ---- choices -----------------------------------------------------------------------------------

-- A namespace of the state and its name, or nil.
local function any_namespace(self, state)
  local name = one_of(self, sorted_names(state.namespaces))
  return name and state.namespaces[name], name
end

-- A script, its path, and the namespace's; or nil.
local function any_script(self, state)
  local namespace, name = any_namespace(self, state)
  local script = namespace and one_of(self, sorted_names(namespace.scripts))
  if not script then return nil end
  local below = ("/%s/scripts"):format(name)
  return namespace.scripts[script], below .. "/" .. script, namespace, script
end

local function random_tags(self)
  local tags = {}
  for _, tag in ipairs { "plan:pro", "zone=eu", "archived" } do
    if self.random(2) == 1 then tags[#tags + 1] = tag end
  end
  return tags
end

local function random_secrets(self)
  local secrets = {}
  for _, name in ipairs { "KEY", "OTHER" } do
    if self.random(2) == 1 then secrets[name] = new_text(self, "secret") end
  end
  return secrets
end

-- ---- changes -----------------------------------------------------------------------------------
-- Each takes the client and the state to change; returns a request, or nil when it does not fit.

local function create_namespace(self, state)
  local name = self.prefix .. one_of(self, { "a", "b" })
  if state.namespaces[name] then return nil end
  state.namespaces[name] = { trusted = false, scripts = {} }
  return { "POST", "", json = { name = name } }
end

local function patch_namespace(self, state)
  local namespace, name = any_namespace(self, state)
  if not namespace then return nil end
  local to = self.prefix .. one_of(self, { "a", "b" })
  if to ~= name and state.namespaces[to] then return nil end
  namespace.trusted = self.random(2) == 1
  state.namespaces[name] = nil
  state.namespaces[to] = namespace
  return { "PATCH", "/" .. name, json = { name = to, trusted_workers = namespace.trusted } }
end

local function delete_namespace(self, state)
  local namespace, name = any_namespace(self, state)
  if not namespace or self.random(4) > 1 then return nil end
  state.namespaces[name] = nil
  return { "DELETE", "/" .. name }
end

local function bindings_of(script)
  local list = { { type = "plain_text", name = "VALUE", text = script.value } }
  for _, name in ipairs(sorted_names(script.secrets)) do
    list[#list + 1] = { type = "secret_text", name = name, text = script.secrets[name] }
  end
  return list
end

-- An upload, with assets of its own every fourth time.
local function put_script(self, state)
  local namespace, name = any_namespace(self, state)
  if not namespace then return nil end
  local script = {
    source = new_text(self, "source"), value = new_text(self, "value"), tags = random_tags(self),
    secrets = random_secrets(self), logpush = self.random(2) == 1, files = {},
  }
  local id = one_of(self, { "s1", "s2", "s3" })
  if self.random(4) == 1 then
    script.files = { ["/a.txt"] = new_text(self, "file"), ["/b/c.txt"] = new_text(self, "file") }
  end
  namespace.scripts[id] = script
  return {
    "PUT", ("/%s/scripts/%s"):format(name, id),
    assets = next(script.files) and script.files or nil,
    metadata = {
      main_module = "a.js", compatibility_date = "2026-10-01", tags = script.tags,
      logpush = script.logpush, bindings = bindings_of(script),
    },
    content = M.content(script.source),
  }
end

local function put_content(self, state)
  local script, path = any_script(self, state)
  if not script then return nil end
  script.source = new_text(self, "source")
  return { "PUT", path .. "/content", metadata = { main_module = "a.js" },
    content = M.content(script.source) }
end

local function delete_script(self, state)
  local script, path, namespace, name = any_script(self, state)
  if not script then return nil end
  namespace.scripts[name] = nil
  return { "DELETE", path }
end

local function delete_archived(self, state)
  local namespace, name = any_namespace(self, state)
  if not namespace then return nil end
  for id, script in pairs(namespace.scripts) do
    if table.concat(script.tags, ","):find "archived" then namespace.scripts[id] = nil end
  end
  return { "DELETE", ("/%s/scripts?tags=archived:yes"):format(name) }
end

local function patch_settings(self, state)
  local script, path = any_script(self, state)
  if not script then return nil end
  script.value, script.logpush = new_text(self, "value"), not script.logpush
  local bindings = bindings_of(script)
  for i = 2, #bindings do bindings[i] = { type = "inherit", name = bindings[i].name } end
  return { "PATCH", path .. "/settings",
    settings = { logpush = script.logpush, bindings = bindings } }
end

local function put_tags(self, state)
  local script, path = any_script(self, state)
  if not script then return nil end
  script.tags = random_tags(self)
  return { "PUT", path .. "/tags", json = script.tags, is_list = true }
end

local function put_secret(self, state)
  local script, path = any_script(self, state)
  if not script then return nil end
  local text = new_text(self, "secret")
  script.secrets.KEY = text
  return { "PUT", path .. "/secrets", json = { type = "secret_text", name = "KEY", text = text } }
end

local function delete_secret(self, state)
  local script, path = any_script(self, state)
  if not script or not script.secrets.OTHER then return nil end
  script.secrets.OTHER = nil
  return { "DELETE", path .. "/secrets/OTHER" }
end

local function patch_secrets(self, state)
  local script, path = any_script(self, state)
  if not script then return nil end
  local text = new_text(self, "secret")
  script.secrets = { KEY = script.secrets.KEY, OTHER = text }
  return { "PATCH", path .. "/secrets-bulk",
    json = { secrets = { OTHER = { type = "secret_text", name = "OTHER", text = text } } } }
end

local function change_shared(self, state)
  local shared = state.shared
  local path = ("/%s/scripts/%s"):format(M.SHARED.namespace, M.SHARED.script)
  local name = "C" .. self.number
  if self.number <= MOST_SHARED_TAGS and self.random(2) == 1 then
    shared.tag = not shared.tag and name or nil
    return { shared.tag and "PUT" or "DELETE", path .. "/tags/" .. name }
  elseif shared.secret then
    shared.secret = nil
    return { "DELETE", path .. "/secrets/" .. name }
  end
  shared.secret = new_text(self, "secret")
  return { "PUT", path .. "/secrets",
    json = { type = "secret_text", name = name, text = shared.secret } }
end

local CHANGES = {
  create_namespace, patch_namespace, delete_namespace, put_script, put_script, put_script,
  put_content, delete_script, delete_archived, patch_settings, patch_settings, put_tags,
  put_secret, put_secret, delete_secret, patch_secrets, change_shared, change_shared,
}

--- A change that fits: the request, and the state as it becomes.
function World:change()
  while true do
    local state = copy(self.state)
    local request = one_of(self, CHANGES)(self, state)
    if request then return request, state end
  end
end

--- A script that is there, its namespace's name and its own; or nil.
function World:any_script()
  local script, path = any_script(self, self.state)
  if not script then return nil end
  return script, path:match "^/(.-)/scripts/(.*)$"
end

--- A state as one text: equal for equal ones.
function M.describe(value)
  if type(value) ~= "table" then return tostring(value) end
  local pieces = {}
  for _, key in ipairs(sorted_names(value)) do
    pieces[#pieces + 1] = ("%s=%s"):format(key, M.describe(value[key]))
  end
  return "{" .. table.concat(pieces, " ") .. "}"
end

return M
