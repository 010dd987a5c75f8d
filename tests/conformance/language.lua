-- Statements, scopes, declarations, functions; and what the compiler says of mistakes.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
local a, b, c = 1, 2 return a, b, c --> 1, 2, nil
local a, b = 1, 2, 3 return a, b --> 1, 2
local a, b = (function() return 1, 2, 3 end)() return a, b --> 1, 2
local a, b = ((function() return 1, 2, 3 end)()) return a, b --> 1, nil
local a, b, c = 0, (function() return 1, 2, 3 end)() return a, b, c --> 0, 1, 2
local a, b, c = (function() return 1, 2, 3 end)(), 10 return a, b, c --> 1, 10, nil
local a, b = 1, 2 a, b = b, a return a, b --> 2, 1
local i, t = 1, {} i, t[i] = i + 1, 20 return i, t[1], t[2] --> 2, 20, nil
local t = { 1, 2 } local i = 1 i, t[i] = 2, "x" return i, t[1], t[2] --> 2, "x", 2
local a = { n = 1 } local b = a a.n, a = 5, { n = 9 } return a.n, b.n --> 9, 5
local x = 1 do local x = 2 end return x --> 1
local x = 1 local x = x + 1 return x --> 2
local x <const> = 5 return x --> 5
local x <const> = 5 x = 6 --> syntax error: attempt to assign to const variable 'x'
local x <const> = 5 local function f() x = 1 end --> syntax error: attempt to assign to const variable 'x'
local x <unknown> = 5 --> syntax error: unknown attribute 'unknown'
local x <const, close> = 5 --> syntax error: '>' expected near ','
local x <close> = 5 --> error: variable 'x' got a non-closable value
local x <close> = nil return "fine" --> "fine"
local x <close> = false return "fine" --> "fine"
local x <close>, y <close> = nil, nil --> syntax error: multiple to-be-closed variables in local list
local <const> a, b = 1, 2 return a + b --> 3
local <const> a = 1 a = 2 --> syntax error: attempt to assign to const variable 'a'
local function f() return f end return f() == f --> true
local f = function() return f end return f() --> nil
local function f(...) return select("#", ...), ... end return f(1, nil, nil) --> 3, 1, nil, nil
local function f(...) local a, b = ... return a, b end return f(1) --> 1, nil
local function f(a, ...) return a, ... end return f(1, 2, 3) --> 1, 2, 3
local function f(...) return { ... } end return #f(1, 2, 3) --> 3
local function f(...) return (...) end return f(1, 2) --> 1
local function f(...args) return args.n, args[1], args[2], args[3] end return f("a", nil, "c") --> 3, "a", nil, "c"
local function f(a, ...rest) return a, rest.n, rest[1] end return f(1, 2) --> 1, 1, 2
local function f(...args) return args.n end return f() --> 0
local function f(...args) args[1] = "changed" return ... end return f(1, 2) --> "changed", 2
local function f(...args) args.n = 1 return ... end return f(1, 2) --> 1
local function f(...args) args.n = 3 return ... end return f(1, 2) --> 1, 2, nil
local function f(...args) args.n = -1 return ... end return f(1) --> error: vararg table has no proper 'n'
local function f(...args) args.n = "x" return ... end return f(1) --> error: vararg table has no proper 'n'
local function f(...args) args = {} end --> syntax error: attempt to assign to const variable 'args'
local function f(...args) return type(args) end return f() --> "table"
local function f(...args) return table.unpack(args, 1, args.n) end return f(7, 8) --> 7, 8
local function f(...args) return function() return args[1] end end return f(5)() --> 5
local function f(...args) return args.x, args[0], args[10] end return f(1) --> nil, nil, nil
local function f(...args) local k = "n" return args[k], args[1.0] end return f("v") --> 1, "v"
function f(...) return function() return ... end end --> syntax error: cannot use '...' outside a vararg function near '...'
return ... --> 
local t = {} function t.a() return 1 end function t:b() return self == t end return t.a(), t:b() --> 1, true
local t = { x = {} } function t.x.y(z) return z end return t.x.y(3) --> 3
local t = { x = {} } function t.x:m() return self == t.x end return t.x:m() --> true
("x"):rep(2) --> "xx"
#"abc" + 1 --> 4
("%d"):format(5) --> "5"
type "x" --> "string"
type {} --> "table"
type [[x]] --> "string"
(print) == print --> true
local s = "" for i = 1, 3 do s = s .. i end return s --> "123"
local n = 0 while n < 5 do n = n + 1 end return n --> 5
local n = 0 repeat local done = n == 3 n = n + 1 until done return n --> 4
local n = 0 while true do n = n + 1 if n == 3 then break end end return n --> 3
for i = 1, 3 do local x = i if x == 2 then return x end end --> 2
if false then elseif nil then else return "else" end --> "else"
if 0 then return "0 is true" end --> "0 is true"
if "" then return "'' is true" end --> "'' is true"
nil and 1, false and 1, 1 and 2, nil or 1, false or nil, 1 or error() --> nil, false, 2, 1, nil, 1
not 1, not nil, not not nil --> false, true, false
1 and nil or 2 --> 2
nil == false, 1 == "1", "a" == "a" --> false, false, true
1 < 2 == true --> true
"a" .. "b" == "ab" --> true
-2 ^ 2, 2 ^ -1, not 1 == 2 --> -4.0, 0.5, false
1 .. 2 .. 3 --> "123"
2 ^ 3 ^ 2, (2 ^ 3) ^ 2 --> 512.0, 64.0
;;; return 1 --> 1
do ::a:: end do ::a:: end return 1 --> 1
goto done do return 1 end ::done:: return 2 --> 2
local i = 1 ::top:: i = i + 1 if i < 5 then goto top end return i --> 5
for i = 1, 3 do for j = 1, 3 do if j == 2 then goto continue end end ::continue:: end return "ok" --> "ok"
local t = {} for i = 1, 3 do t[i] = function() return i end end return t[1](), t[1](), t[2]() --> 1, 1, 2
local t = {} local i = 1 while i <= 3 do local j = i t[i] = function() return j end i = i + 1 end return t[1](), t[3]() --> 1, 3
local t = {} do local k = 1 ::again:: local x = k t[k] = function() return x end k = k + 1 if k <= 3 then goto again end end return t[1](), t[2](), t[3]() --> 1, 2, 3
local a = {} for i = 1, 2 do local x a[i] = function() x = (x or 0) + 1 return x end end return a[1](), a[1](), a[2]() --> 1, 2, 1
local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end local up, get = counter() up() up() return get() --> 2
return (function(n) local function loop(n) if n == 0 then return "done" end return loop(n - 1) end return loop(n) end)(100000) --> "done"
]==]

-- Declarations of globals.
lines([==[
global x = 5 return x --> 5
global x x = 5 return x --> 5
global x y = 5 --> syntax error: variable 'y' not declared
global x; return y --> syntax error: variable 'y' not declared
global p1, p2 = 1, 2 return p1 + p2 --> 3
global <const> q1 return q1 --> nil
global <const> x x = 1 --> syntax error: attempt to assign to const variable 'x'
global<const> * return type(print) --> "function"
global<const> * z = 1 --> syntax error: attempt to assign to const variable 'z'
global * w = 1 return w --> 1
global function g() return g ~= nil end return g() --> true
global type; global function h1() end return type(h1) --> "function"
global print, type return type(print), tostring(1) --> syntax error: variable 'tostring' not declared
do global only1 end return type(print) --> "function"
global a <const> = 1 return a --> 1
global a <close> = nil --> syntax error: global variables cannot be to-be-closed
global none return none --> nil
local r1 global r1 = 3 return r1 --> 3
global x local x = 4 return x --> 4
global = 1 return global --> 1
local global = 2 return global --> 2
global x; global x; return 1 --> 1
]==], {})
lines([==[
global defined = 1 --> error: global 'defined' already defined
]==], { defined = 0 })

-- Closing variables.
local order
local function closer(name, failing)
  return setmetatable({}, { __close = function(_, e)
    order[#order + 1] = name .. ":" .. tostring(e)
    if failing then error(failing, 0) end
  end })
end
local function closing(name, want, f)
  order = {}
  local results = table.pack(pcall(f))
  check(name, want, table.concat(order, " "), table.unpack(results, 1, results.n))
end
closing("closed in reverse", '"b:nil a:nil", true, 1', function() local a <close> = closer "a" local b <close> = closer "b" return 1 end)
closing("closed at break", '"a:nil", true', function() for _ = 1, 3 do local a <close> = closer "a" break end end)
closing("closed at goto", '"a:nil a:nil", true', function() local n = 0 ::top:: do local a <close> = closer "a" n = n + 1 if n < 2 then goto top end end end)
closing("closed at goto out", '"b:nil a:nil", true, 2', function() do local a <close> = closer "a" do local b <close> = closer "b" goto out end end ::out:: return 2 end)
closing("closed on error", '"b:oops a:oops", false, "oops"', function() local a <close> = closer "a" local b <close> = closer "b" error("oops", 0) end)
closing("an error while closing", '"b:nil a:second", false, "second"', function() local a <close> = closer "a" local b <close> = closer("b", "second") end)
closing("an error replaces an error", '"b:first a:second", false, "second"', function() local a <close> = closer "a" local b <close> = closer("b", "second") error("first", 0) end)
closing("errors in all", '"c:zero b:3 a:2", false, "1"', function() local a <close> = closer("a", "1") local b <close> = closer("b", "2") local c <close> = closer("c", "3") error("zero", 0) end)
closing("results survive closing", '"a:nil", true, 1, nil, 3', function() local a <close> = closer "a" return 1, nil, 3 end)
closing("tail calls wait", '"inside a:nil", true', function() local a <close> = closer "a" return (function() order[#order + 1] = "inside" end)() end)
closing("a loop's fourth value", '"v:nil", true', function() for _ in function(_, i) if not i then return 1 end end, nil, nil, closer "v" do end end)
closing("a loop left by break", '"v:nil", true', function() for _ in function() return 1 end, nil, nil, closer "v" do break end end)
closing("a loop left by an error", '"v:x", false, "x"', function() for _ in function() return 1 end, nil, nil, closer "v" do error("x", 0) end end)
closing("a loop left by return", '"v:nil", true, 7', function() for _ in function() return 1 end, nil, nil, closer "v" do return 7 end end)
closing("an unclosable fourth value", nil, function() for _ in function() return 1 end, nil, nil, {} do end end)
closing("a metamethod taken away", nil, function() local a <close> = closer "a" setmetatable(a, nil) end)
closing("in a coroutine", '"a:nil", true', function() local co = coroutine.wrap(function() local a <close> = closer "a" coroutine.yield() end) co() co() end)
closing("in a closed coroutine", '"a:nil", true, true', function() local co = coroutine.create(function() local a <close> = closer "a" coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) end)
closing("a close that yields", '"y:nil", true, "yielded", true', function()
  local co = coroutine.wrap(function()
    local a <close> = setmetatable({}, { __close = function(_, e) coroutine.yield("yielded") order[#order + 1] = "y:" .. tostring(e) end })
  end)
  local first = co()
  co()
  return first, true
end)

-- What the compiler refuses.
lines [==[
x = --> syntax error: unexpected symbol near <eof>
= 5 --> syntax error: unexpected symbol near '='
x --> nil
x y --> syntax error: syntax error near 'y'
if x --> syntax error: 'then' expected near <eof>
if x then --> syntax error: 'end' expected near <eof>
while true do --> syntax error: 'end' expected near <eof>
for --> syntax error: <name> expected near <eof>
for i --> syntax error: '=' or 'in' expected near <eof>
for i = 1, 2 --> syntax error: 'do' expected near <eof>
for i, j = 1, 2 do end --> syntax error: 'in' expected near '='
function --> syntax error: <name> expected near <eof>
function f --> syntax error: '(' expected near <eof>
function f( --> syntax error: <name> or '...' expected near <eof>
function f(a,) end --> syntax error: <name> or '...' expected near ')'
function f(..., a) end --> syntax error: ')' expected near ','
local --> syntax error: <name> expected near <eof>
local x = --> syntax error: unexpected symbol near <eof>
local 5 --> syntax error: <name> expected near '5'
local function --> syntax error: <name> expected near <eof>
repeat --> syntax error: 'until' expected near <eof>
break --> syntax error: break outside loop near 'break'
goto nowhere --> syntax error: no visible label 'nowhere' for <goto> at line 1
goto --> syntax error: <name> expected near <eof>
::a:: ::a:: --> syntax error: label 'a' already defined on line 1
do goto a local x ::a:: x = 1 end --> syntax error: <goto a> at line 1 jumps into the scope of 'x'
do goto a end do ::a:: end --> syntax error: no visible label 'a' for <goto> at line 1
return return --> syntax error: unexpected symbol near 'return'
return 1 2 --> syntax error: <eof> expected near '2'
f( --> syntax error: unexpected symbol near <eof>
f() = 1 --> syntax error: syntax error near '='
(f) = 1 return f --> syntax error: syntax error near '='
f = nil return f --> nil
a.b.c() --> error: attempt to index a nil value (global 'a')
a.5 --> syntax error: syntax error near '.5'
a. --> syntax error: <name> expected near <eof>
a: --> syntax error: <name> expected near <eof>
a:b --> syntax error: function arguments expected near <eof>
a[1 --> syntax error: ']' expected near <eof>
{ 1, 2 --> syntax error: unexpected symbol near '{'
x = { 1, 2 --> syntax error: '}' expected near <eof>
x = { 1 2 } --> syntax error: '}' expected near '2'
x = (1 --> syntax error: ')' expected near <eof>
x = 1 + --> syntax error: unexpected symbol near <eof>
x = 1 + + 2 --> syntax error: unexpected symbol near '+'
x = not --> syntax error: unexpected symbol near <eof>
x = @ --> syntax error: unexpected symbol near '@'
x = $ --> syntax error: unexpected symbol near '$'
x = 1 ! 2 --> syntax error: unexpected symbol near '!'
x = "a --> syntax error: unfinished string near <eof>
x = a b c --> syntax error: syntax error near 'c'
end --> syntax error: <eof> expected near 'end'
then --> syntax error: unexpected symbol near 'then'
local and = 1 --> syntax error: <name> expected near 'and'
local x <const> --> 
x.y = 1, --> syntax error: unexpected symbol near <eof>
x, y --> nil, nil
x, 5 = 1 --> syntax error: unexpected symbol near '5'
x:y = 1 --> syntax error: function arguments expected near '='
5() --> syntax error: unexpected symbol near '5'
"x"() --> syntax error: unexpected symbol near '\x22x\x22'
x == 1 --> false
1 ~= ~1 --> true
a =! b --> syntax error: unexpected symbol near '!'
a != b --> syntax error: syntax error near '!'
a += 1 --> syntax error: syntax error near '+'
a ++ --> syntax error: syntax error near '+'
--[[ --> syntax error: unfinished long comment (starting at line 1) near <eof>
]==]
check("150 levels of parentheses", "1", load("return " .. ("("):rep(150) .. "1" .. (")"):rep(150))())
check("150 levels of blocks", '"function"', type(load(("do "):rep(150) .. ("end "):rep(150))))
for _, case in ipairs({ { "parentheses", ("("):rep(300) .. "1" .. (")"):rep(300), "return " }, { "blocks", ("do "):rep(300) .. ("end "):rep(300), "" },
    { "tables", ("{"):rep(300) .. ("}"):rep(300), "return " }, { "functions", ("function() return "):rep(300) .. ("end "):rep(300), "return " },
    { "unary operators", ("- "):rep(300) .. "1", "return " }, { "powers", ("2^"):rep(300) .. "1", "return " }, { "concatenations", ("'a'.."):rep(300) .. "'a'", "return " } }) do
  check("300 levels of " .. case[1], nil, select(2, load(case[3] .. case[2], "=line")))
end
local function many(n, f)
  local parts = {}
  for i = 1, n do parts[i] = f(i) end
  return table.concat(parts, " ")
end
for _, n in ipairs({ 199, 200, 201 }) do
  local chunk, message = load(many(n, function(i) return "local v" .. i .. " = " .. i end), "=line")
  check(n .. " locals", nil, type(chunk), message)
  chunk, message = load("local t = {} " .. many(n, function(i) return "t[" .. i .. "] = " .. i end), "=line")
  check(n .. " statements", nil, type(chunk), message)
end
for _, n in ipairs({ 254, 255, 256 }) do
  local source = many(n, function(i) return "local u" .. i % 190 .. " do" end)
  check(n .. " nested blocks", nil, load(source .. (" end"):rep(n), "=line"))
  check(n .. " constants", tostring(n * (n + 1) // 2), load("return " .. many(n, function(i) return i .. (i < n and " +" or "") end))())
  local chunk, message = load("return select('#', " .. many(n, function(i) return i .. (i < n and "," or "") end) .. ")", "=line")
  check(n .. " arguments", nil, message, chunk and chunk())
end
-- Comments, and where lines are counted.
check("comments", "3", load("--x\n--[[ y\nz ]] --[==[ ]] ]==]\nreturn --last\n3")())
check("a shebang is only skipped in files", nil, load("#!x\nreturn 1", "=line"))
check("the line of a syntax error", nil, load("\n\n\nx = = 1", "=line"))
check("a chunk name", nil, load("x = = 1", "@some/file.lua"), select(2, load("x = = 1", "=(name)")), select(2, load("x = = 1", "x = = 1\nsecond")))
check("a long chunk name", nil, select(2, load("x = =", "@" .. ("dir/"):rep(30) .. "end.lua")), select(2, load("x = =", "=" .. ("n"):rep(100))), select(2, load(("long "):rep(30))))
for _, word in ipairs({ "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "global", "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while", "Global", "close", "const" }) do
  check("reserved: " .. word, nil, type(load("local " .. word .. " = 1")), select(2, load(word .. " = 1", "=line")), select(2, load("return " .. word, "=line")))
end
for symbol in ("+ - * / // % ^ # & ~ | << >> == ~= <= >= < > = ( ) { } [ ] :: ; : , . .. ..."):gmatch("%S+") do
  check("alone: " .. symbol, nil, select(2, load(symbol, "=line")), select(2, load("return " .. symbol, "=line")), select(2, load("x = 1 " .. symbol, "=line")))
end
suite.finish(282)
