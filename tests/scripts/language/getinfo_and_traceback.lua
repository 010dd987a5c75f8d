-- What is left of 'debug' tells the truth about the script, and hands out no function.
local function line() return debug.getinfo(2, "l").currentline end
local first = line()
local second = line()
assert(second == first + 1 and debug.getinfo(1, "l").currentline == second + 1)

local function named() return debug.getinfo(1, "n").name, debug.getinfo(1, "S") end
local name, source = named()
assert(name == "named" and source.what == "Lua" and source.short_src:find("getinfo_and_traceback.lua$"), source.short_src)
assert(source.linedefined == first + 4 and source.source:sub(1, 1) == "@")
assert(debug.getinfo(1, "S").what == "main")
assert(debug.getinfo(0, "S").what == "C")
assert(debug.getinfo(1000) == nil)
assert(debug.getinfo(print).what == "C" and debug.getinfo(named).nparams == 0)

-- No functions.
assert(debug.getinfo(1).func == nil and debug.getinfo(named).func == nil)
for _, options in ipairs { "f", "Slf", "fn" } do
  local ok, e = pcall(debug.getinfo, 1, options)
  assert(not ok and e:find("'f'", 1, true), e)
end
for _, options in ipairs { ">", "X", ">f" } do assert(not pcall(debug.getinfo, 1, options), options) end
assert(not pcall(debug.getinfo))
assert(not pcall(debug.getinfo, "x"))

-- Of a coroutine.
local co = coroutine.create(function() local function inner() coroutine.yield() end inner() return 1 end)
coroutine.resume(co)
assert(debug.getinfo(co, 1, "n").name == "inner" and debug.getinfo(co, 0, "S").what == "C")
local trace = debug.traceback(co, "message")
assert(trace:find("^message\nstack traceback:\n") and trace:find("inner", 1, true), trace)

-- 'traceback': messages that are no strings pass unchanged; levels count from the caller.
local object = {}
assert(debug.traceback(object) == object)
assert(debug.traceback("m", 1):find("getinfo_and_traceback.lua:" .. debug.getinfo(1, "l").currentline, 1, true))
local function outer() local t = debug.traceback("m", 2) return t end
local here = debug.getinfo(1, "l").currentline + 1
trace = outer()
assert(trace:find("^m\nstack traceback:\n\t[^\n]*:" .. here .. ": in main chunk"), trace)
print("ok")
