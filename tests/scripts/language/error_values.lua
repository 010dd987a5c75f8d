-- Error values and levels are as in any Lua.
local this = "error_values.lua:"
local function raise(value, level) error(value, level) end
local function at(e) return tonumber(tostring(e):match(this .. "(%d+): ")) end

local raise_line = debug.getinfo(raise, "S").linedefined
local ok, e = pcall(raise, "x")
assert(at(e) == raise_line and e:find(": x$"), e)
ok, e = pcall(raise, "x", 1)
assert(at(e) == raise_line)
ok, e = pcall(raise, "x", 0)
assert(e == "x")
local function caller() raise("x", 2) end
ok, e = pcall(caller)
assert(at(e) == debug.getinfo(caller, "S").linedefined, e)
local function callers_caller()
  local function caller() raise("x", 3) return 1 end
  local r = caller()
  return r
end
ok, e = pcall(callers_caller)
assert(at(e) == debug.getinfo(callers_caller, "S").linedefined + 2, e)
ok, e = pcall(raise, "x", 100)
assert(e == "x", e)

for _, value in ipairs { 42, true, {}, print, coroutine.create(print), 1.5 } do
  ok, e = pcall(error, value)
  assert(not ok and e == value)
  ok, e = pcall(error, value, 2)
  assert(not ok and e == value)
end
ok, e = pcall(error, false)
assert(not ok and e == false)

-- Lua 5.5: no error value is nil.
ok, e = pcall(error)
assert(not ok and e ~= nil)
ok, e = pcall(error, nil)
assert(not ok and e ~= nil)

-- Lua's own errors name what was wrong.
local t = {}
for text, f in pairs {
  ["attempt to index a nil value (field 'x')"] = function() return t.x.y end,
  ["attempt to call a nil value (global 'nothing')"] = function() nothing() end,
  ["attempt to call a nil value (method 'm')"] = function() t:m() end,
  ["attempt to perform arithmetic on a table value (upvalue 't')"] = function() return t + 1 end,
  ["attempt to concatenate a nil value (field 'x')"] = function() return "a" .. t.x end,
  ["attempt to compare number with nil"] = function() return 1 < nil end,
  ["attempt to divide by zero"] = function() return 1 // 0 end,
  ["number has no integer representation"] = function() return 1.5 | 1 end,
  ["bad argument #1 to 'insert' (table expected, got nil)"] = function() table.insert(nil, 1) end,
} do
  ok, e = pcall(f)
  assert(not ok and e:find(text, 1, true), e)
end

-- An error object of the sandbox: text, concatenation, fields.
ok, e = pcall(http.get, "http://10.0.0.1/path?secret=1")
assert(not ok and type(e) == "table" and e.kind == "denied" and type(e.message) == "string")
assert(tostring(e) == e.message and ("<" .. e .. ">") == "<" .. e.message .. ">")
assert(not tostring(e):find("\n") and not tostring(e):find("secret"))
print("ok")
