-- The basic functions that have no script of their own: load, print, type, warn, collectgarbage, and what is global.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
load("return 1")() --> 1
load("return ...")(1, 2) --> 1, 2
load("x =") --> nil, "[string \x22x =\x22]:1: unexpected symbol near <eof>"
load("x =", "=name") --> nil, "name:1: unexpected symbol near <eof>"
load("x =", "@file") --> nil, "file:1: unexpected symbol near <eof>"
load("x =", "name") --> nil, "[string \x22name\x22]:1: unexpected symbol near <eof>"
load("x =", "") --> nil, "[string \x22\x22]:1: unexpected symbol near <eof>"
load("x =", "a\nb") --> nil, "[string \x22a...\x22]:1: unexpected symbol near <eof>"
load("x =", nil) --> nil, "[string \x22x =\x22]:1: unexpected symbol near <eof>"
load("x =", 5) --> nil, "[string \x225\x22]:1: unexpected symbol near <eof>"
load("x =", {}) --> error: bad argument #2 to 'load' (string expected, got table)
load("return x", "=n", "t", { x = 5 })() --> 5
load("x = 1 return _ENV", "=n", "t", { })().x --> 1
load("return x", "=n", "t", nil)() --> bare error: n:1: attempt to index a nil value (upvalue '_ENV')
load("return x", "=n", nil, { x = 6 })() --> 6
load("return 1", "=n", "x") --> nil, "attempt to load a text chunk (mode is 'x')"
load("return 1", "=n", "") --> nil, "attempt to load a text chunk (mode is '')"
load("return 1", "=n", "bt")() --> 1
load("return 1", "=n", {}) --> error: bad argument #3 to 'load' (string expected, got table)
load("") ~= nil --> true
load("")() --> 
load(function() return nil end)() --> 
load(function() return "" end)() --> 
local n = 0 return load(function() n = n + 1 return ({ "return ", "1 ", "+ ", "2" })[n] end)() --> 3
local n = 0 return load(function() n = n + 1 if n < 3 then return "x = " end end) --> nil, "(load):1: unexpected symbol near '='"
local n = 0 return load(function() n = n + 1 return n == 1 and 5 or nil end) --> nil, "(load):1: unexpected symbol near '5'"
load(function() return {} end) --> nil, "line:1: reader function must return a string"
load(function() return true end) --> nil, "line:1: reader function must return a string"
load(function() error("in reader", 0) end) --> nil, "in reader"
load(function() error({}) end) --> nil, table
load(function() error() end) --> nil, "<no error object>"
load({}) --> error: bad argument #1 to 'load' (function expected, got table)
load(nil) --> error: bad argument #1 to 'load' (function expected, got nil)
load("\27Lua", "=n", "t") --> nil, "attempt to load a binary chunk (mode is 't')"
load("#comment\nreturn 1") --> nil, "[string \x22#comment...\x22]:1: unexpected symbol near '#'"
load("\xEF\xBB\xBFreturn 1") --> nil, "[string \x22\xEF\xBB\xBFreturn 1\x22]:1: unexpected symbol near '<\x5C239>'"
load("return 1\0") --> nil, "[string \x22return 1\x22]:1: <eof> expected"
load("return '\0'")() --> "\x00"
load("return _ENV == ...")(_G) --> true
load("local _ENV = { y = 3 } return y")() --> 3
load("local function f(_ENV) return z end return f({ z = 4 })")() --> 4
load("x1 = 1", "=n", "t", {}) ~= nil, x1 --> true, nil
type(nil), type(1), type("x"), type({}), type(print), type(true), type(coroutine.create(print)) --> "nil", "number", "string", "table", "function", "boolean", "thread"
type() --> error: bad argument #1 to 'type' (value expected)
_VERSION --> "Lua 5.5"
_G._G == _G --> true
print() --> 
print == _G.print --> true
unpack, loadstring, setfenv, getfenv, table.getn, string.gfind, math.mod --> nil, nil, nil, nil, nil, nil, nil
bit32, module --> nil, nil
package.loaded.string == string, package.loaded._G == _G --> true, true
package.config --> "/\x0A;\x0A?\x0A!\x0A-\x0A"
type(package.path), type(package.preload), type(package.loaded) --> "string", "table", "table"
package.preload.made = function(...) return { ... } end return require("made")[1], require("made")[2], select(2, require("made")) --> "made", ":preload:"
package.preload.nothing = function() end return require("nothing") --> true, ":preload:"
package.preload.setting = function(n) package.loaded[n] = "set" end return require("setting") --> "set", ":preload:"
package.preload.failing = function() error("no module", 0) end return require("failing") --> bare error: no module
package.preload.falsy = function() return false end return require("falsy") --> false, ":preload:"
require("string") == string --> true
package.loaded.mine = 5 return require("mine") --> 5
collectgarbage() --> 0
collectgarbage("collect") --> 0
collectgarbage("count") > 0 --> true
math.type(collectgarbage("count")) --> "float"
collectgarbage("isrunning") --> true
collectgarbage("restart") --> 0
collectgarbage("stop") return collectgarbage("isrunning"), collectgarbage("restart"), collectgarbage("isrunning") --> false, 0, true
collectgarbage("incremental") --> "incremental"
collectgarbage("generational") --> "incremental"
collectgarbage("generational") return collectgarbage("generational") --> "generational"
collectgarbage("incremental") return collectgarbage("incremental") --> "incremental"
collectgarbage("step") == collectgarbage("step") or true --> true
type(collectgarbage("step", 100)) --> "boolean"
collectgarbage("collect") return collectgarbage("step", 1 << 30) --> false
collectgarbage("param", "pause") --> 250
collectgarbage("param", "stepmul") --> 200
collectgarbage("param", "minormul") --> 20
collectgarbage("param", "majorminor") --> 50
collectgarbage("param", "minormajor") --> 68
collectgarbage("param", "pause", 300) return collectgarbage("param", "pause", 250) --> 300
collectgarbage("param", "stepmul", 400) return collectgarbage("param", "stepmul", 200) --> 400
collectgarbage("param") --> error: bad argument #2 to 'collectgarbage' (string expected, got no value)
collectgarbage("param", "nothing") --> error: bad argument #2 to 'collectgarbage' (invalid option 'nothing')
collectgarbage("setpause") --> error: bad argument #1 to 'collectgarbage' (invalid option 'setpause')
collectgarbage(5) --> error: bad argument #1 to 'collectgarbage' (invalid option '5')
collectgarbage({}) --> error: bad argument #1 to 'collectgarbage' (string expected, got table)
collectgarbage("step", "x") --> error: bad argument #2 to 'collectgarbage' (number expected, got string)
warn() --> error: bad argument #1 to 'warn' (string expected, got no value)
warn({}) --> error: bad argument #1 to 'warn' (string expected, got table)
warn("a", {}) --> error: bad argument #2 to 'warn' (string expected, got table)
warn("@off") --> 
warn("unseen") --> 
warn("@on") --> 
warn("seen") --> 
warn("in ", "three ", "parts") --> 
warn("@unknown") --> 
warn("@on", "is no control message") --> 
warn("") --> 
warn(5, 1.5) --> 
print(1, 2.0, "three", nil, true) --> 
print(setmetatable({}, { __tostring = function() return "printed" end })) --> 
print(setmetatable({}, { __tostring = function() return 1 end })) --> 
print(setmetatable({}, { __tostring = function() return {} end })) --> error: '__tostring' must return a string
print(setmetatable({}, { __tostring = function() error("while printing", 0) end })) --> bare error: while printing
print("a\0b") --> 
print(("x"):rep(10)) --> 
print(1e15, 2^53, -0.0, 1/0, 0.1, 100, 1e100) --> 
print("\xff\xfe") --> 
local tostring = function() return "replaced" end print(1) --> 
io.write("one", 2, 3.5, "\n") == io.stdout --> true
io.write() == io.stdout --> true
local r = io.stdout:write({}) --> error: bad argument #1 to 'write' (string expected, got table)
local r = io.write({}) --> error: bad argument #1 to 'write' (string expected, got table)
io.stdout:write("through the object\n") == io.stdout --> true
io.stderr:write("to standard error\n") == io.stderr --> true
io.type(io.stdout), io.type(5), io.type({}) --> "file", nil, nil
io.output() == io.stdout --> true
io.input() == io.stdin --> true
]==]
for _, name in ipairs({ "assert", "collectgarbage", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen", "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "warn", "xpcall" }) do
  check("there is " .. name, "true", _G[name] ~= nil)
  check(name .. " without arguments", nil, pcall(_G[name]))
end
-- Each library has these functions, and these alone. (Which argument 'math.fmod' complains of first is up to the
-- C compiler.)
for _, library in ipairs({ "coroutine", "math", "table", "utf8" }) do
  local names = {}
  for name in pairs(_G[library]) do names[#names + 1] = name end
  table.sort(names)
  check("members of " .. library, nil, table.concat(names, " "))
end
for _, library in ipairs({ "coroutine", "math", "string", "table", "utf8" }) do
  local names = {}
  for name, value in pairs(_G[library]) do if type(value) == "function" and name ~= "dump" then names[#names + 1] = name end end
  table.sort(names)
  for _, name in ipairs(names) do
    if not (library == "coroutine" and name == "close") and name ~= "randomseed" and name ~= "random" and name ~= "fmod" then
      run(library .. "." .. name .. " without arguments", nil, _G[library][name])
      run(library .. "." .. name .. " of a table", nil, function() return type(_G[library][name]({})) end)
      run(library .. "." .. name .. " of nil", nil, function() return type(_G[library][name](nil)) end)
    end
  end
end
suite.finish(340)
