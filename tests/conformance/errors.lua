-- Error messages: what they name, where they say it was, and how they travel.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
local x x.y = 1 --> error: attempt to index a nil value (local 'x')
local x return x.y --> error: attempt to index a nil value (local 'x')
local x = {} return x.y.z --> error: attempt to index a nil value (field 'y')
local x = {} x.y.z = 1 --> error: attempt to index a nil value (field 'y')
local x = {} return x.y.z.w --> error: attempt to index a nil value (field 'y')
local x = {} return x[1][2] --> error: attempt to index a nil value (field 'integer index')
local x, k = {}, "key" return x[k].z --> error: attempt to index a nil value (field '?')
local x = {} return x["a b"].z --> error: attempt to index a nil value (field 'a b')
return undefined.x --> error: attempt to index a nil value (global 'undefined')
undefined.x = 1 --> error: attempt to index a nil value (global 'undefined')
undefined() --> error: attempt to call a nil value (global 'undefined')
undefined.x() --> error: attempt to index a nil value (global 'undefined')
local x x() --> error: attempt to call a nil value (local 'x')
local x = {} x() --> error: attempt to call a table value (local 'x')
local x = {} x.f() --> error: attempt to call a nil value (field 'f')
local x = {} x:m() --> error: attempt to call a nil value (method 'm')
local x = {} x.y.z() --> error: attempt to index a nil value (field 'y')
local x = {} x[1]() --> error: attempt to call a nil value (field 'integer index')
("x")() --> error: attempt to call a string value (constant 'x')
(1)() --> error: attempt to call a number value
({})() --> error: attempt to call a table value
(nil)() --> error: attempt to call a nil value
(function() end)()() --> error: attempt to call a nil value
local up = nil return (function() return up.x end)() --> error: attempt to index a nil value (upvalue 'up')
local up = nil return (function() up() end)() --> error: attempt to call a nil value (upvalue 'up')
local up = nil return (function() return up + 1 end)() --> error: attempt to perform arithmetic on a nil value (upvalue 'up')
local up = {} return (function() return up.a.b end)() --> error: attempt to index a nil value (field 'a')
local a return a + 1 --> error: attempt to perform arithmetic on a nil value (local 'a')
local a return 1 + a --> error: attempt to perform arithmetic on a nil value (local 'a')
local a, b = 1 return a + b --> error: attempt to perform arithmetic on a nil value (local 'b')
local a = {} return a.x + 1 --> error: attempt to perform arithmetic on a nil value (field 'x')
return global_x * 2 --> error: attempt to perform arithmetic on a nil value (global 'global_x')
local a = {} return -a --> error: attempt to perform arithmetic on a table value (local 'a')
local a = {} return -a.b --> error: attempt to perform arithmetic on a nil value (field 'b')
local a = "x" return a + 1 --> error: attempt to add a 'string' with a 'number'
local a = "x" return -a --> error: attempt to unm a 'string' with a 'string'
local a = true return a // 2 --> error: attempt to perform arithmetic on a boolean value (local 'a')
local a = print return a ^ 2 --> error: attempt to perform arithmetic on a function value (local 'a')
local a return a .. "x" --> error: attempt to concatenate a nil value (local 'a')
local a return "x" .. a --> error: attempt to concatenate a nil value (local 'a')
local a = {} return "x" .. a.b .. "y" --> error: attempt to concatenate a nil value (field 'b')
return "x" .. undefined --> error: attempt to concatenate a nil value (global 'undefined')
local a = {} return #a.b --> error: attempt to get length of a nil value (field 'b')
local a return #a --> error: attempt to get length of a nil value (local 'a')
local a = 1.5 return a & 1 --> error: number (local 'a') has no integer representation
local a = { b = 1.5 } return a.b | 1 --> error: number (field 'b') has no integer representation
local a = "x" return a & 1 --> error: attempt to perform bitwise operation on a string value (local 'a')
local a return ~a --> error: attempt to perform bitwise operation on a nil value (local 'a')
local a = {} return a << 1 --> error: attempt to perform bitwise operation on a table value (local 'a')
local a, b = {}, {} return a < b --> error: attempt to compare two table values
local a, b = 1, "x" return a < b --> error: attempt to compare number with string
local a return a >= 1 --> error: attempt to compare number with nil
local a, b = 1, 0 return a // b --> error: attempt to divide by zero
local a, b = 1, 0 return a % b --> error: attempt to perform 'n%0'
for i = 1, 10, 0 do end --> error: 'for' step is zero
for i = {}, 1 do end --> error: bad 'for' initial value (number expected, got table)
for i = 1, {} do end --> error: bad 'for' limit (number expected, got table)
for i = 1, 2, {} do end --> error: bad 'for' step (number expected, got table)
for k in 5 do end --> error: attempt to call a number value (for iterator 'for iterator')
for k in pairs(nil) do end --> error: bad argument #1 to 'for iterator' (table expected, got nil)
for k in ipairs(nil) do end --> bare error: attempt to index a nil value
for k in next, 5 do end --> error: bad argument #1 to 'for iterator' (table expected, got number)
local t = setmetatable({}, { __index = function(t, k) error("no field " .. k) end }) return t.x --> error: no field x
local t = setmetatable({}, { __index = function(t, k) error("no field " .. k, 2) end }) return t.x --> error: no field x
local t = setmetatable({}, { __add = function(a, b) return a.x.y end }) return t + 1 --> error: attempt to index a nil value (field 'x')
string.rep() --> error: bad argument #1 to 'rep' (string expected, got no value)
local s = string s.rep() --> error: bad argument #1 to 'rep' (string expected, got no value)
local rep = string.rep rep() --> error: bad argument #1 to 'rep' (string expected, got no value)
("x"):rep({}) --> error: bad argument #1 to 'rep' (number expected, got table)
("x"):rep(1, {}) --> error: bad argument #2 to 'rep' (string expected, got table)
("x").rep() --> error: bad argument #1 to 'rep' (string expected, got no value)
pcall(string.rep) --> false, "bad argument #1 to 'string.rep' (string expected, got no value)"
pcall(string.rep, "x", {}) --> false, "bad argument #2 to 'string.rep' (number expected, got table)"
local t = { f = string.rep } t.f() --> error: bad argument #1 to 'f' (string expected, got no value)
local t = { f = string.rep } t:f() --> error: calling 'f' on bad self (string expected, got table)
local t = { f = string.rep } t:f(1) --> error: calling 'f' on bad self (string expected, got table)
setmetatable({}, { __index = string }):rep(1) --> error: calling 'rep' on bad self (string expected, got table)
setmetatable(1, {}) --> error: bad argument #1 to 'setmetatable' (table expected, got number)
math.floor({}) --> error: bad argument #1 to 'floor' (number expected, got table)
math.floor("x") --> error: bad argument #1 to 'floor' (number expected, got string)
math.random(1.5) --> error: bad argument #1 to 'random' (number has no integer representation)
string.char(-1) --> error: bad argument #1 to 'char' (value out of range)
table.concat({ {} }) --> error: invalid value (table) at index 1 in table for 'concat'
collectgarbage("nothing") --> error: bad argument #1 to 'collectgarbage' (invalid option 'nothing')
tostring() --> error: bad argument #1 to 'tostring' (value expected)
load() --> error: bad argument #1 to 'load' (function expected, got no value)
load(5) --> nil, "[string \x225\x22]:1: unexpected symbol near '5'"
xpcall() --> error: bad argument #2 to 'xpcall' (function expected, got no value)
xpcall(print) --> error: bad argument #2 to 'xpcall' (function expected, got no value)
pcall() --> error: bad argument #1 to 'pcall' (value expected)
error() --> bare error: <no error object>
error(nil) --> bare error: <no error object>
error("x") --> error: x
error("x", 0) --> bare error: x
error("x", 1) --> error: x
error("x", 2) --> bare error: x
error(42) --> error: 42
error({}) --> error: table
error(true) --> error: true
error("x", "y") --> error: bad argument #2 to 'error' (number expected, got string)
error("x", 1.5) --> error: bad argument #2 to 'error' (number has no integer representation)
error("x", -1) --> bare error: x
error("x", 100) --> bare error: x
assert(false) --> error: assertion failed!
assert(nil) --> error: assertion failed!
assert(false, "text") --> error: text
assert(nil, { 1 }) --> error: table
assert(false, 42) --> error: 42
assert(false, nil) --> bare error: <no error object>
assert() --> error: bad argument #1 to 'assert' (value expected)
assert(1, 2, 3) --> 1, 2, 3
select("#", assert(true, nil, nil)) --> 3
pcall(assert, false) --> false, "assertion failed!"
pcall(assert, false, "m") --> false, "m"
pcall(assert) --> false, "bad argument #1 to 'assert' (value expected)"
pcall(error) --> false, "<no error object>"
pcall(error, nil) --> false, "<no error object>"
pcall(error, "x") --> false, "x"
pcall(error, "x", 2) --> false, "line:1: x"
pcall(pcall) --> false, "bad argument #1 to 'pcall' (value expected)"
pcall(pcall, error, "e") --> true, false, "e"
pcall(5) --> false, "attempt to call a number value"
pcall(nil) --> false, "attempt to call a nil value"
pcall(function(...) return ... end, 1, nil, 3) --> true, 1, nil, 3
select("#", pcall(function() end)) --> 1
xpcall(error, function(m) return "<" .. m .. ">" end, "x") --> false, "<x>"
xpcall(function(...) return ... end, print, 1, 2) --> true, 1, 2
xpcall(error, function() error("in handler") end) --> false, "error in error handling"
xpcall(error, function(m) error(m .. "+", 0) end, "x") --> false, "error in error handling"
xpcall(error, function() return 1, 2, 3 end) --> false, 1
xpcall(error, function() end) --> false, "<no error object>"
xpcall(error, print and tostring, nil) --> false, "nil"
xpcall(function() local x = nil + 1 end, function(m) return (m:gsub("^.-:%d+: ", "")) end) --> false, "attempt to perform arithmetic on a nil value"
xpcall(function() return pcall(error, "inner") end, print) --> true, false, "inner"
xpcall(5, function(m) return "handled: " .. m end) --> false, "handled: attempt to call a number value"
xpcall(function() string.rep() end, function(m) return (debug.traceback(m, 1):match("^[^\n]*")) end) --> false, "line:1: bad argument #1 to 'rep' (string expected, got no value)"
]==]

-- Levels: where an error says it was raised, seen from every depth.
local function raise(level) error("here", level) end
local function first(level) raise(level) return 1 end
local function second(level) first(level) return 1 end
for level = 0, 5 do
  check("level " .. level, nil, pcall(second, level))
  check("level " .. level .. " in a coroutine", nil, coroutine.resume(coroutine.create(second), level))
  check("level " .. level .. " through a tail call", nil, pcall(function() return second(level) end))
  check("level " .. level .. " in a chunk", nil, pcall(load("local f, l = ... f(l) return 1", "=chunk"), raise, level))
end
-- Values that are errors, and pass every way as they are.
local object = setmetatable({}, { __tostring = function() return "an object" end })
for _, case in ipairs({ { "an object", object }, { "a table", {} }, { "a number", 42 }, { "a float", 1.5 }, { "true", true }, { "false", false }, { "a function", print }, { "a coroutine", coroutine.create(print) }, { "a string", "s" } }) do
  local name, value = case[1], case[2]
  local _, caught = pcall(error, value, 0)
  check(name .. " through pcall", "true", rawequal(caught, value))
  _, caught = pcall(function() local c <close> = setmetatable({}, { __close = function(_, e) assert(rawequal(e, value)) end }) error(value, 0) end)
  check(name .. " through a close", "true", rawequal(caught, value))
  _, caught = coroutine.resume(coroutine.create(error), value, 0)
  check(name .. " through resume", "true", rawequal(caught, value))
  _, caught = pcall(coroutine.wrap(function() error(value, 0) end))
  check(name .. " through wrap", nil, rawequal(caught, value), type(caught) == "string" and caught)
  _, caught = xpcall(error, function(e) return e end, value, 0)
  check(name .. " through xpcall", "true", rawequal(caught, value))
end

-- Tracebacks, with the functions' names.
local function inner(f) return (f()) end
local function outer(f) local r = inner(f) return r end
local object_of = { method = function(self, f) local r = outer(f) return r end }
check("traceback", nil, outer(function() return debug.traceback() end))
check("traceback with a message", nil, outer(function() return (debug.traceback("message")) end))
check("traceback of a level", nil, outer(function() return (debug.traceback("m", 2)) end), outer(function() return (debug.traceback("m", 0)) end))
check("traceback through a method", nil, object_of:method(function() return (debug.traceback()) end))
check("traceback of a tail call", nil, inner(function() return outer(debug.traceback) end))
check("traceback in a metamethod", nil, setmetatable({}, { __index = function() return (debug.traceback()) end }).x)
check("traceback in __add", nil, setmetatable({}, { __add = function() return (debug.traceback()) end }) + 1)
check("traceback in pcall", nil, pcall(function() return (debug.traceback()) end))
check("traceback in xpcall's handler", nil, xpcall(function() local x = nil; x() end, debug.traceback))
check("traceback in a sort", nil, pcall(table.sort, { 1, 2 }, function() error(debug.traceback("sorting"), 0) end))
check("traceback in gsub", nil, (("x"):gsub("x", function() return (debug.traceback()) end)))
check("traceback in a coroutine", nil, coroutine.wrap(function() return (debug.traceback()) end)())
check("traceback in a close", nil, pcall(function() local c <close> = setmetatable({}, { __close = function() error(debug.traceback(), 0) end }) end))
check("traceback in a loop's iterator", nil, (function() for v in function() return (debug.traceback()) end do return v end end)())
check("traceback of an object", "table", debug.traceback({}))
check("traceback of nil", nil, debug.traceback(nil))
check("traceback of a number", nil, debug.traceback(5))
check("traceback of a bad level", nil, pcall(debug.traceback, "m", "x"))
local function deep(n) if n == 0 then return (debug.traceback()) end return (deep(n - 1)) end
for _, n in ipairs({ 5, 15, 20, 21, 22, 23, 30, 100 }) do check("traceback " .. n .. " deep", nil, deep(n)) end
-- Overflow of either stack.
local function endless() return 1 + endless() end
check("a Lua stack overflow", '"stack overflow"', (select(2, pcall(endless)):match("stack overflow")))
local function through_pcall() return pcall(through_pcall) end
check("pcall in pcall", "true", (through_pcall()))
local function c_levels() return (("x"):gsub("x", c_levels)) end
check("a C stack overflow", '"C stack overflow"', (select(2, pcall(c_levels)):match("C stack overflow")))
local function handler_fails() return xpcall(error, handler_fails) end
check("a handler that fails for ever", nil, type(select(2, xpcall(error, function(m) error(m) end, "x"))))
check("a coroutine in a coroutine for ever", '"C stack overflow"', (function()
  local function f() local ok, m = coroutine.resume(coroutine.create(f)) return ok and m or m end
  return tostring(f()):match("C stack overflow")
end)())
check("a loop of tostring", '"C stack overflow"', select(2, pcall(function() local t = setmetatable({}, {}) getmetatable(t).__tostring = function(x) return tostring(x) end return tostring(t) end)):match("C stack overflow"))
check("too many results", nil, pcall(function() return table.unpack({}, 1, 999999) end) == false or "they fit")
check("recursion in a close", nil, (function() local n = 0 local function f() n = n + 1 if n > 100 then return end local c <close> = setmetatable({}, { __close = f }) end f() return n end)())
suite.finish(239)
