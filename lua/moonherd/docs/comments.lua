-- Reads doc comments: the one reader of the format that help, types, reference pages and the lint
-- are made from. Plain Lua that requires nothing, so that it runs outside of the host too.
--
-- A block of lines that begin with --- (in C: ///) stands above what it tells about: words, then
--   @async                       it may wait
--   @param NAME[?] TYPE  text    @field PARAM.NAME[?] TYPE  text    an option of a table;
--                                PARAM[].NAME of each table of a list
--   @return TYPE [NAME]  text    @field NAME.FIELD TYPE  text  of a table that is returned
--   @error KIND REASON[, …]  when, or
--   @error as NAME  text         it raises what that one does
--   @error of PARAM  when        it raises what a function that it is given raises
--   @error none                  it raises nothing but for arguments of a wrong type
--   @example                     code to the end of the block; what is behind --> it prints
--   @name NAME                   the public name, where no function below says it
--   @class NAME                  the table below is a class; @field NAME TYPE  text are its fields
--   @call TYPE  text             what an object of the class gives when it is called
--   @alias NAME TYPE             another name for a type
-- An indented line goes on with the tag above it.
local M = {}

-- ---- types -------------------------------------------------------------------------------------

local CLOSERS = { ["("] = "%b()", ["<"] = "%b<>", ["{"] = "%b{}", ["["] = "%b[]" }

-- The type at the start of a text and what is left: brackets may hold spaces, and so may the type
-- that a function returns, and the next one of several.
local function split_type(text)
  local at = 1
  while at <= #text do
    local character = text:sub(at, at)
    local closer = CLOSERS[character]
    if closer and text:match("^" .. closer, at) then
      at = select(2, text:find("^" .. closer, at)) + 1
    elseif text:find("^%): ", at - 1) or text:find("^, ", at) then
      at = at + 2
    elseif character:find "%s" then
      break
    else
      at = at + 1
    end
  end
  return text:sub(1, at - 1), (text:sub(at):gsub("^%s+", ""))
end

-- ---- tags --------------------------------------------------------------------------------------

local READ = {}

function READ.async(block)
  block.is_async = true
end

local function add_named(list, rest)
  local name, mark, after = rest:match "^([%w_.%[%]]+)(%??)%s+(.*)$"
  local kind, text = split_type(after or "")
  local entry = {
    name = name or rest:match "^[%w_.]*", optional = mark == "?", type = kind, text = text,
  }
  list[#list + 1] = entry
  return entry
end

function READ.param(block, rest)
  return add_named(block.params, rest)
end

function READ.field(block, rest)
  return add_named(block.fields, rest)
end

-- The name is one word, with two spaces or nothing behind it; else it is the text already.
READ["return"] = function (block, rest)
  local kind, after = split_type(rest)
  local name, text = after:match "^([%w_.]+)%s%s+(.*)$"
  if not name then name = after:match "^([%w_.]+)$" end
  local entry = { type = kind, name = name, text = text or name and "" or after }
  table.insert(block.returns, entry)
  return entry
end

-- Reasons are single words with commas between them; two spaces go before the text.
local function reasons_of(rest)
  local reasons = {}
  repeat
    local reason, after = rest:match "^%s*([%w_]+)(.*)$"
    reasons[#reasons + 1] = reason
    rest = after and after:match "^,(.*)$"
    if not rest then return reasons, (after or ""):match "^%s*(.*)$" end
  until false
end

function READ.error(block, rest)
  local kind, after = rest:match "^(%a*)%s*(.*)$"
  local entry = { kind = kind }
  if kind == "as" or kind == "of" then
    entry.name, entry.text = after:match "^([%w_.:]*)%s*(.*)$"
  else
    entry.reasons, entry.text = reasons_of(after)
    entry.reason = entry.reasons[1] and table.concat(entry.reasons, ", ")
  end
  table.insert(block.errors, entry)
  return entry
end

function READ.example(block)
  table.insert(block.examples, {})
end

function READ.name(block, rest)
  block.name = rest
end

function READ.class(block, rest)
  block.class = rest:match "^[%w_.]+"
end

function READ.call(block, rest)
  local kind, words = split_type(rest)
  block.call = { name = "()", type = kind, text = words }
  return block.call
end

function READ.alias(block, rest)
  local name, kind = rest:match "^([%w_]+)%s+(.*)$"
  block.alias, block.type = name or rest, kind or ""
end

local function read_line(block, line, current)
  local tag, rest = line:match "^@(%w+)%s*(.*)$"
  if tag then
    local read = READ[tag]
    if not read then table.insert(block.unknown, tag) end
    return read and (read(block, rest) or tag) or nil
  end
  if current == "example" then
    table.insert(block.examples[#block.examples], line)
  elseif type(current) == "table" then
    current.text = (current.text .. " " .. line:match "^%s*(.-)%s*$"):match "^%s*(.*)$"
  else
    table.insert(block.words, line)
  end
  return current
end

local function read_block(lines, line)
  local block = {
    line = line, words = {}, params = {}, fields = {}, returns = {}, errors = {}, examples = {},
    unknown = {},
  }
  local current
  for _, text in ipairs(lines) do current = read_line(block, text, current) end
  while block.words[1] and not block.words[#block.words]:find "%S" do table.remove(block.words) end
  return block
end

-- ---- what stands below -------------------------------------------------------------------------

local function function_of(lines, number)
  local line = lines[number]
  local owner, separator, name = line:match "^function ([%w_]+)([.:])([%w_]+)"
  if not owner then
    owner, name = line:match "^([%w_]+)%.([%w_]+)%s*=%s*function"
    separator = "."
  end
  if not owner then return nil end
  -- The list of parameters may go on over several lines.
  local rest = table.concat(lines, "\n", number, math.min(number + 8, #lines))
  local parameters = {}
  for parameter in (rest:match "%b()" or "()"):gmatch "[%w_.]+" do
    parameters[#parameters + 1] = parameter
  end
  return {
    owner = owner, separator = separator, name = name, line = number, parameters = parameters,
  }
end

local function split(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

--- Reads the doc comments of a source.
---@param text string
---@param mark? string  a pattern for what the lines of a block begin with; default "%-%-%-"
---@return table source  `functions`, every one that belongs to a table: owner, separator, name,
---  line, parameters, and `block`, when it has one; `named`, the blocks with a @name, a @class or
---  an
---  @alias, in order, each with `owner`, the table below it; `returned`, the name of the table
---  that the
---  file returns
function M.read(text, mark)
  mark = "^%s*" .. (mark or "%-%-%-") .. " ?"
  local lines = split(text)
  local source = { functions = {}, named = {}, returned = text:match "\nreturn ([%w_]+)%s*$" }
  local block = {}
  for number, line in ipairs(lines) do
    if line:find(mark) then
      block[#block + 1] = line:gsub(mark, "", 1)
    else
      local read = block[1] and read_block(block, number)
      local found = function_of(lines, number)
      if found then
        found.block = read or nil
        table.insert(source.functions, found)
      end
      if read and (read.name or read.class or read.alias) then
        read.owner = line:match "^local ([%w_]+)"
        table.insert(source.named, read)
      end
      block = {}
    end
  end
  return source
end

return M
