-- Coroutines: every function, every state, and yields through everything that can be yielded through.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
coroutine.resume(coroutine.create(function(...) return ... end), 1, 2) --> true, 1, 2
coroutine.resume(coroutine.create(function() error("x", 0) end)) --> false, "x"
coroutine.resume(coroutine.create(function() error({}) end)) --> false, table
coroutine.resume(coroutine.create(function() error() end)) --> false, "<no error object>"
local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return coroutine.resume(co, 1), select(2, coroutine.resume(co, 10)) --> true, 20
local co = coroutine.create(function() end) coroutine.resume(co) return coroutine.resume(co) --> false, "cannot resume dead coroutine"
local co co = coroutine.create(function() return coroutine.resume(co) end) return coroutine.resume(co) --> true, false, "cannot resume non-suspended coroutine"
coroutine.resume(coroutine.running()) --> false, "cannot resume non-suspended coroutine"
coroutine.resume() --> error: bad argument #1 to 'resume' (thread expected, got no value)
coroutine.resume(5) --> error: bad argument #1 to 'resume' (thread expected, got number)
coroutine.create() --> error: bad argument #1 to 'create' (function expected, got no value)
coroutine.create(5) --> error: bad argument #1 to 'create' (function expected, got number)
coroutine.wrap() --> error: bad argument #1 to 'wrap' (function expected, got no value)
coroutine.create(print) ~= nil --> true
coroutine.resume(coroutine.create(string.rep), "ab", 2) --> true, "abab"
coroutine.status(coroutine.create(print)) --> "suspended"
coroutine.status(coroutine.running()) --> "running"
coroutine.status() --> error: bad argument #1 to 'status' (thread expected, got no value)
local co = coroutine.create(coroutine.yield) coroutine.resume(co) return coroutine.status(co) --> "suspended"
local co = coroutine.create(function() end) coroutine.resume(co) return coroutine.status(co) --> "dead"
local co = coroutine.create(error) coroutine.resume(co) return coroutine.status(co) --> "dead"
local outer outer = coroutine.create(function() local inner = coroutine.create(function() return coroutine.status(outer) end) return select(2, coroutine.resume(inner)) end) return coroutine.resume(outer) --> true, "normal"
coroutine.isyieldable() --> false
coroutine.wrap(function() return coroutine.isyieldable() end)() --> true
coroutine.isyieldable(coroutine.create(print)) --> true
coroutine.isyieldable(coroutine.running()) --> false
coroutine.isyieldable(5) --> error: bad argument #1 to 'isyieldable' (thread expected, got number)
select(2, coroutine.running()) --> true
coroutine.wrap(function() return select(2, coroutine.running()) end)() --> false
type(coroutine.running()) --> "thread"
local co co = coroutine.create(function() return coroutine.running() == co end) return coroutine.resume(co) --> true, true
coroutine.yield(1) --> bare error: attempt to yield from outside a coroutine
pcall(coroutine.yield) --> false, "attempt to yield from outside a coroutine"
coroutine.wrap(function() return pcall(coroutine.yield, 1) end)() --> 1
local f = coroutine.wrap(function() return pcall(coroutine.yield, 1) end) f() return f(2, 3) --> true, 2, 3
local f = coroutine.wrap(function(...) local n = select("#", ...) while true do n = select("#", coroutine.yield(n)) end end) return f(), f(nil), f(1, nil, nil), f() --> 0, 1, 3, 0
local f = coroutine.wrap(function() end) f() return f() --> error: cannot resume dead coroutine
coroutine.wrap(function() error("text") end)() --> error: line:1: text
coroutine.wrap(function() error("text", 0) end)() --> error: text
coroutine.wrap(function() error("text", 2) end)() --> error: text
coroutine.wrap(function() error({}) end)() --> error: table
coroutine.wrap(function() local x = nil + 1 end)() --> error: line:1: attempt to perform arithmetic on a nil value
coroutine.wrap(function() coroutine.wrap(function() error("deep") end)() end)() --> error: line:1: line:1: deep
coroutine.wrap(error)("plain") --> error: plain
coroutine.wrap(error)() --> error: <no error object>
select("#", coroutine.wrap(function() return table.unpack({}, 1, 200) end)()) --> 200
select("#", coroutine.resume(coroutine.create(function() return table.unpack({}, 1, 10000) end))) --> 10001
]==]

-- Closing.
lines [==[
coroutine.close(coroutine.create(print)) --> true
local co = coroutine.create(coroutine.yield) coroutine.resume(co) return coroutine.close(co), coroutine.status(co) --> true, "dead"
local co = coroutine.create(error) coroutine.resume(co, "x") return coroutine.close(co) --> false, "x"
local co = coroutine.create(error) coroutine.resume(co, "x") coroutine.close(co) return coroutine.close(co) --> true
local co = coroutine.create(function() end) coroutine.resume(co) return coroutine.close(co) --> true
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() error("closing", 0) end }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) --> false, "closing"
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() error("closing", 0) end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co) return coroutine.close(co) --> true
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() error() end }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) --> false, "<no error object>"
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() error({}) end }) error("first") end) return coroutine.resume(co) --> false, "line:1: first"
coroutine.close(coroutine.running()) --> error: cannot close main thread
coroutine.close() --> error: cannot close main thread
coroutine.close(5) --> error: bad argument #1 to 'close' (thread expected, got number)
local co co = coroutine.create(function() return pcall(coroutine.close, co) end) return coroutine.resume(co) --> true
local co co = coroutine.create(function() coroutine.wrap(function() return coroutine.close(co) end)() end) return coroutine.resume(co) --> false, "line:1: line:1: cannot close a normal coroutine"
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function(_, e) LOG = tostring(e) end }) coroutine.close() end) return coroutine.resume(co), LOG --> true, "nil"
local co = coroutine.create(function() coroutine.close() return "not reached" end) return coroutine.resume(co) --> true
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() error("self", 0) end }) coroutine.close() end) return coroutine.resume(co) --> false, "self"
local co = coroutine.create(function() pcall(function() coroutine.close() end) return "not reached" end) return coroutine.resume(co) --> true
local f = coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function(_, e) LOG = e end }) error("why", 0) end) return pcall(f) --> false, "why"
LOG --> "why"
local f = coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function(_, e) error("instead of " .. e, 0) end }) error("why", 0) end) return pcall(f) --> false, "instead of why"
local log = {} local co = coroutine.create(function() local a <close> = setmetatable({}, { __close = function() log[#log + 1] = "a" end }) local b <close> = setmetatable({}, { __close = function() log[#log + 1] = "b" end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co) return table.concat(log) --> "ba"
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() coroutine.yield() end }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) --> false, "attempt to yield across a C-call boundary"
local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() return coroutine.running() end }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) --> true
]==]

-- Where a yield can pass, and where it cannot.
local places = {
  ["table.sort"] = function() table.sort({ 3, 2, 1 }, function() return coroutine.yield("y") end) end,
  ["string.gsub"] = function() return (("abc"):gsub(".", function() return coroutine.yield("y") end)) end,
  ["tostring"] = function() return tostring(setmetatable({}, { __tostring = function() return coroutine.yield("y") end })) end,
  ["load"] = function() return load(function() return coroutine.yield("y") end) end,
  ["table.concat"] = function() return table.concat(setmetatable({}, { __len = function() return 1 end, __index = function() return coroutine.yield("y") end })) end,
  ["table.insert"] = function() return table.insert(setmetatable({}, { __newindex = function() return coroutine.yield("y") end }), 1) end,
  ["table.unpack"] = function() return table.unpack(setmetatable({}, { __index = function() return coroutine.yield("y") end }), 1, 2) end,
  ["ipairs"] = function() for i, v in ipairs(setmetatable({}, { __index = function() return coroutine.yield("y") end })) do return v end end,
  ["string.format"] = function() return ("%s"):format(setmetatable({}, { __tostring = function() return coroutine.yield("y") end })) end,
  ["gmatch"] = function() for w in ("abc"):gmatch(".") do coroutine.yield(w) end return "end" end,
  ["next"] = function() for k in next, { 1 } do coroutine.yield(k) end return "end" end,
  ["pairs"] = function() for k in pairs(setmetatable({}, { __pairs = function() return coroutine.yield("y") end })) do end return "end" end,
  ["pcall"] = function() return pcall(function() return coroutine.yield("y") end) end,
  ["xpcall"] = function() return xpcall(function() return coroutine.yield("y") end, print) end,
  ["xpcall handler"] = function() return xpcall(error, function() return coroutine.yield("y") end) end,
  ["error in pcall"] = function() return pcall(function() coroutine.yield("y") error("after", 0) end) end,
  ["error in xpcall"] = function() return xpcall(function() coroutine.yield("y") error("after", 0) end, function(m) return "handled " .. m end) end,
  ["nested pcall"] = function() return pcall(pcall, pcall, function() return coroutine.yield("y") end) end,
  ["iterator"] = function() for v in function(_, i) if not i then return coroutine.yield("y") end end do return v end return "none" end,
  ["close of a loop"] = function() for _ in function() return 1 end, nil, nil, setmetatable({}, { __close = function() coroutine.yield("y") end }) do break end return "left" end,
  ["close after error"] = function() return pcall(function() local x <close> = setmetatable({}, { __close = function(_, e) coroutine.yield("closing " .. e) end }) error("e", 0) end) end,
  ["select"] = function() return select(coroutine.yield("y"), 1, 2) end,
  ["load's chunk"] = function() return load("return coroutine.yield('y')")() end,
  ["xpcall with arguments"] = function() return xpcall(function(...) return coroutine.yield(select("#", ...)) end, print, 1, nil, 3) end,
  ["wrap in wrap"] = function() return coroutine.wrap(function() return coroutine.yield("inner") end)() .. coroutine.yield("outer") end,
}
local names = {}
for name in pairs(places) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  local co = coroutine.create(places[name])
  check("yield in " .. name, nil, coroutine.resume(co))
  check("status in " .. name, nil, coroutine.status(co))
  check("second resume of " .. name, nil, coroutine.resume(co, 2))
  check("third resume of " .. name, nil, coroutine.resume(co, 3))
  check("close of " .. name, nil, coroutine.close(co))
end

-- Each function of the library inside each kind of caller.
local callers = {
  main = function(f) return f() end,
  wrap = function(f) return coroutine.wrap(f)() end,
  pcall = function(f) return select(2, pcall(f)) end,
  ["pcall in wrap"] = function(f) return coroutine.wrap(function() return select(2, pcall(f)) end)() end,
  ["wrap in wrap"] = function(f) return coroutine.wrap(function() return coroutine.wrap(f)() end)() end,
  ["sort"] = function(f) local r table.sort({ 1, 2 }, function() r = r or table.pack(f()) return false end) return table.unpack(r, 1, r.n) end,
  ["gsub in wrap"] = function(f) return coroutine.wrap(function() local r ("x"):gsub("x", function() r = table.pack(f()) end) return table.unpack(r, 1, r.n) end)() end,
  ["metamethod"] = function(f) return setmetatable({}, { __index = function() return (f()) end }).x end,
  ["close"] = function(f) local r do local x <close> = setmetatable({}, { __close = function() r = table.pack(f()) end }) end return table.unpack(r, 1, r.n) end,
  ["xpcall handler"] = function(f) local r xpcall(error, function() r = table.pack(f()) end) return table.unpack(r, 1, r.n) end,
}
local acts = {
  isyieldable = coroutine.isyieldable,
  main = function() return select(2, coroutine.running()) end,
  status = function() return coroutine.status(coroutine.running()) end,
  ["resume itself"] = function() return coroutine.resume(coroutine.running()) end,
  ["close itself"] = function() return select(2, pcall(coroutine.close, coroutine.create(print))) end,
  ["fresh resume"] = function() return coroutine.resume(coroutine.create(function() return coroutine.yield(1) end)) end,
  ["error in wrap"] = function() return select(2, pcall(coroutine.wrap(function() error("e", 0) end))) end,
}
local caller_names, act_names = {}, {}
for name in pairs(callers) do caller_names[#caller_names + 1] = name end
for name in pairs(acts) do act_names[#act_names + 1] = name end
table.sort(caller_names)
table.sort(act_names)
for _, caller in ipairs(caller_names) do
  for _, act in ipairs(act_names) do
    run(("%s from %s"):format(act, caller), nil, callers[caller], acts[act])
  end
end

-- Generators, producers and permutations.
local function permutations(list, n)
  if n <= 1 then coroutine.yield(table.concat(list)) return end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    permutations(list, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end
for text in coroutine.wrap(function() permutations({ "a", "b", "c", "d" }, 4) end) do check("permutation " .. text, nil, text) end
for depth = 1, 12 do
  local function nested(level)
    if level == 0 then return coroutine.yield("bottom") end
    return coroutine.wrap(function() local v = nested(level - 1) return v and v .. level end)()
  end
  run("wrap nested " .. depth, nil, function() return nested(depth) end)
  local function resumed(level)
    if level == 0 then return "bottom" end
    return select(2, coroutine.resume(coroutine.create(resumed), level - 1)) .. level
  end
  run("resume nested " .. depth, nil, resumed, depth)
end
-- Tracebacks of coroutines in every state.
local co = coroutine.create(function() local function inner() coroutine.yield() error("late") end inner() end)
check("traceback of a fresh coroutine", nil, debug.traceback(co))
coroutine.resume(co)
check("traceback of a suspended coroutine", nil, debug.traceback(co), debug.traceback(co, "message"), debug.traceback(co, nil, 1))
check("its error", nil, coroutine.resume(co))
check("traceback of a failed coroutine", nil, debug.traceback(co))
suite.finish(318)
