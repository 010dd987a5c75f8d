-- Every metamethod: when it is called, with what, and what becomes of its results.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

local function describe(value)
  if type(value) == "table" then return rawget(value, "name") or "?" end
  return tostring(value)
end
local function tracer(event) return function(a, b) return event .. "(" .. describe(a) .. "," .. describe(b) .. ")", "dropped" end end
local events = { "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl", "shr", "bnot", "concat", "len", "eq", "lt", "le" }
local mt = {}
for _, event in ipairs(events) do mt["__" .. event] = tracer(event) end
local function new(name) return setmetatable({ name = name }, mt) end
local env = { a = new("a"), b = new("b"), plain = { name = "plain" }, new = new, mt = mt }

-- Each operator, with the object left, right, and on both sides, beside each kind of value.
for _, operator in ipairs({ "+", "-", "*", "/", "%", "^", "//", "&", "|", "~", "<<", ">>", "..", "<", "<=", ">", ">=", "==", "~=" }) do
  for _, pair in ipairs({ "a %s b", "a %s 1", "1 %s a", "a %s 1.5", "1.5 %s a", "a %s 'x'", "'x' %s a", "a %s nil", "nil %s a", "a %s plain", "plain %s a", "a %s true", "a %s a", "plain %s plain", "plain %s 1" }) do
    local code = pair:format(operator)
    run("operator: " .. code, nil, load("return " .. code, "=line", "t", env))
  end
end
lines([==[
-a --> "unm(a,a)"
~a --> "bnot(a,a)"
#a --> "len(a,a)"
-plain --> error: attempt to perform arithmetic on a table value (global 'plain')
~plain --> error: attempt to perform bitwise operation on a table value (global 'plain')
a == b --> true
a == a --> true
a ~= b --> false
a < b --> true
not (a < b) --> false
a > b --> true
a .. "x" .. "y" --> "concat(a,xy)"
"x" .. a .. "y" --> "xconcat(a,y)"
1 .. a --> "concat(1,a)"
2 ^ a --> "pow(2,a)"
10 // a --> "idiv(10,a)"
a + 1 == "add(a,1)" --> true
]==], env)

-- Indexing and calling.
lines [==[
setmetatable({}, { __index = { x = 1 } }).x --> 1
setmetatable({}, { __index = function(t, k) return k .. "!" end }).x --> "x!"
setmetatable({}, { __index = function(t, k) return 1, 2 end }).x --> 1
setmetatable({ x = 0 }, { __index = function() return 1 end }).x --> 0
setmetatable({}, { __index = setmetatable({}, { __index = { x = "deep" } }) }).x --> "deep"
setmetatable({}, { __index = "abc" }).len("12") --> 2
setmetatable({}, { __index = 5 }).x --> error: attempt to index a number value
setmetatable({}, { __index = setmetatable({}, { __call = function(_, t, k) return k end }) }).x --> nil
local t = setmetatable({}, { __newindex = function(t, k, v) rawset(t, k, v * 2) end }) t.x = 5 return t.x --> 10
local t = setmetatable({ x = 1 }, { __newindex = error }) t.x = 5 return t.x --> 5
local other = {} local t = setmetatable({}, { __newindex = other }) t.x = 5 return rawget(t, "x"), other.x --> nil, 5
local t = setmetatable({}, { __newindex = 5 }) t.x = 1 --> error: attempt to index a number value
local t = setmetatable({}, { __newindex = function() return 1 end }) t[nil] = 1 t[0/0] = 2 return next(t) --> nil
local t = setmetatable({}, { __index = function(t, k) return k end }) return t[nil], t[0/0] ~= t[0/0] --> nil, true
setmetatable({}, { __call = function(self, ...) return select("#", ...), ... end })(1, nil) --> 2, 1, nil
setmetatable({}, { __call = function(self) return type(self) end })() --> "table"
setmetatable({}, { __call = 5 })() --> error: attempt to call a number value
setmetatable({}, { __call = setmetatable({}, { __call = function(...) return select("#", ...) end }) })(1) --> 3
setmetatable({}, { __call = string.rep }) (2) --> error: bad extra argument #1 to 'string.rep' (string expected, got table)
pcall(setmetatable({}, { __call = function(_, x) return x end }), 7) --> true, 7
local t = {} for i = 1, 20 do t = setmetatable({}, { __call = t }) end t() --> error: '__call' chain too long
local a = {} local m = setmetatable(a, {}) getmetatable(a).__index = a return a.x --> error: '__index' chain too long; possible loop
local a = setmetatable({}, {}) getmetatable(a).__newindex = a a.x = 1 --> error: '__newindex' chain too long; possible loop
local a, n = {}, 0 for i = 1, 1000 do a = setmetatable({}, { __index = a }) end return a.x, n --> nil, 0
local a = { x = 1 } for i = 1, 3000 do a = setmetatable({}, { __index = a }) end return a.x --> error: '__index' chain too long; possible loop
]==]

-- Equality, order and length.
lines [==[
setmetatable({}, { __eq = function() return true end }) == {} --> true
setmetatable({}, { __eq = function() return true end }) == 1 --> false
setmetatable({}, { __eq = function() return nil end }) == {} --> false
setmetatable({}, { __eq = function() return 1 end }) == {} --> true
{} == setmetatable({}, { __eq = function() return true end }) --> true
({}) == setmetatable({}, { __eq = function() return true end }) --> true
setmetatable({}, { __eq = function() return true end }) ~= {} --> false
setmetatable({}, { __lt = function() return true end }) < {} --> true
setmetatable({}, { __lt = function() return true end }) < 5 --> true
5 < setmetatable({}, { __lt = function() return true end }) --> true
setmetatable({}, { __lt = function() return true end }) <= {} --> error: attempt to compare two table values
setmetatable({}, { __le = function() return 0 end }) >= 1 --> true
setmetatable({}, { __lt = 5 }) < 1 --> error: attempt to call a number value (metamethod 'lt')
#setmetatable({}, { __len = function() return "long" end }) --> "long"
#setmetatable({ 1, 2 }, { __len = function() return 1, 2 end }) --> 1
#setmetatable({}, { __len = 5 }) --> error: attempt to call a number value (metamethod 'len')
setmetatable({}, { __concat = function(a, b) return type(a) .. type(b) end }) .. 5 --> "tablenumber"
5 .. setmetatable({}, { __concat = function(a, b) return type(a) .. type(b) end }) --> "numbertable"
setmetatable({}, { __concat = function() return 1, 2 end }) .. "" --> 1
setmetatable({}, { __unm = function(a, b) return rawequal(a, b) end }) == nil --> false
-setmetatable({}, { __unm = function(a, b) return rawequal(a, b) end }) --> true
setmetatable({}, { __add = 5 }) + 1 --> error: attempt to call a number value (metamethod 'add')
setmetatable({}, { __add = false }) + 1 --> error: attempt to call a boolean value (metamethod 'add')
setmetatable({}, { __add = function(a, b) return b end }) + nil --> nil
nil + setmetatable({}, { __add = function(a, b) return a end }) --> nil
setmetatable({}, { __band = function() return "and" end }) & 1.5 --> "and"
1.5 | setmetatable({}, { __bor = function() return "or" end }) --> "or"
"abc" & setmetatable({}, { __band = function(a) return a end }) --> "abc"
"10" + setmetatable({}, { __add = function(a) return a end }) --> "10"
]==]

-- setmetatable, getmetatable, and what protects.
lines [==[
getmetatable({}) --> nil
getmetatable(setmetatable({}, { __metatable = "mine" })) --> "mine"
getmetatable(setmetatable({}, { __metatable = false })) --> false
getmetatable("x").__index == string --> true
getmetatable(5) --> nil
getmetatable(nil) --> nil
getmetatable(print) --> nil
getmetatable() --> error: bad argument #1 to 'getmetatable' (value expected)
setmetatable({}, nil) ~= nil --> true
getmetatable(setmetatable(setmetatable({}, {}), nil)) --> nil
setmetatable({}) --> error: bad argument #2 to 'setmetatable' (nil or table expected, got no value)
setmetatable({}, 5) --> error: bad argument #2 to 'setmetatable' (nil or table expected, got number)
setmetatable(5, {}) --> error: bad argument #1 to 'setmetatable' (table expected, got number)
setmetatable(setmetatable({}, { __metatable = 1 }), {}) --> error: cannot change a protected metatable
setmetatable("x", {}) --> error: bad argument #1 to 'setmetatable' (table expected, got string)
local t = {} return setmetatable(t, {}) == t --> true
tostring(setmetatable({}, { __name = "N" })):match("^N: ") --> "N: "
#tostring(setmetatable({}, { __tostring = function() return "a\0b" end })) --> 3
string.rep(setmetatable({}, { __name = "N" })) --> error: bad argument #1 to 'rep' (string expected, got N)
("x"):rep(setmetatable({}, { __name = "N" })) --> error: bad argument #1 to 'rep' (number expected, got N)
ipairs(setmetatable({}, { __ipairs = error })) ~= nil --> true
setmetatable({}, { __name = "N" }) + 1 --> error: attempt to perform arithmetic on a N value
setmetatable({}, { __name = "N" }) < 1 --> error: attempt to compare N with number
setmetatable({}, { __name = "N" }) .. "" --> error: attempt to concatenate a N value
setmetatable({}, { __name = "N" })() --> error: attempt to call a N value
local t <const> = setmetatable({}, { __name = "N" }) t.x.y = 1 --> error: attempt to index a nil value (field 'x')
string.x = 5 local v = ("a").x string.x = nil return v --> 5
getmetatable("").__add = function(a, b) return "added" end local v = pcall(function() return "a" + "b" end) return v --> true
"a" + "b", 1 + "2", "2" + 1 --> "added", "added", "added"
]==]
-- Metamethods that yield, one of each.
for _, event in ipairs({ "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__idiv", "__band", "__bor", "__bxor", "__shl", "__shr", "__bnot", "__concat", "__len", "__eq", "__lt", "__le", "__index", "__newindex", "__call", "__close" }) do
  local codes = { __add = "return a + 1", __sub = "return a - 1", __mul = "return a * 1", __div = "return a / 1", __mod = "return a % 1", __pow = "return a ^ 1", __unm = "return -a", __idiv = "return a // 1",
    __band = "return a & 1", __bor = "return a | 1", __bxor = "return a ~ 1", __shl = "return a << 1", __shr = "return a >> 1", __bnot = "return ~a", __concat = "return a .. 1", __len = "return #a",
    __eq = "return a == b", __lt = "return a < b", __le = "return a <= b", __index = "return a.x", __newindex = "a.x = 1 return 'set'", __call = "return a(1, 2)", __close = "do local x <close> = a end return 'closed'" }
  local object = setmetatable({}, { [event] = function(...) return coroutine.yield("from " .. event, select("#", ...)) end })
  local co = coroutine.create(load("local a, b = ... " .. codes[event], "=line"))
  check("yield in " .. event, nil, coroutine.resume(co, object, setmetatable({}, getmetatable(object))))
  check("and go on in " .. event, nil, coroutine.resume(co, "resumed"))
  check("and end after " .. event, '"dead"', coroutine.status(co))
end
suite.finish(454)
