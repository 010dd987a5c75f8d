-- Runs the module named by the first argument: a test of a pure library that was written for a native
-- harness, whose library 'T' reaches what only C can. Here 'T' has stand-ins over the public
-- functions, so that all other lines of the test run as they are.
T = {}

-- Memory that runs out is provoked by the harness alone; here the function just has to work.
function T.starve(fn)
  for _ = 1, 3 do fn() end
  return 1000
end

-- The internal entries of the libraries report under the name their caller gives.
local function under(name, public, ...)
  local ok, result = pcall(public, ...)
  if ok then return result end
  error((result:gsub("^%a+%.%a+", name)), 0)
end

function T.parse(text) return under("T.parse", json.parse, text) end
function T.encode(value) return under("T.encode", json.encode, value), 2 end

function T.query(fields)
  local plain = {}
  for name, value in pairs(fields) do plain[name] = value end
  return url.encode(plain)
end

function T.params(query, all)
  if not all then return url.parse("/?" .. query).params end
  local lists = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = url.decode(name), url.decode(value)
    lists[name] = lists[name] or {}
    table.insert(lists[name], value)
  end
  return lists
end

-- Lua's own 'assert', which the sandbox replaces.
function T.assert(...)
  if select("#", ...) == 0 then error("bad argument #1 to 'assert' (value expected)", 2) end
  local value, message = ...
  if value then return ... end
  if select("#", ...) == 1 then message = "assertion failed!" end
  error(message, 2)
end

-- A userdata, where the native standard library has one.
io = { stdout = async.spawn(function() end) }

require((...))
