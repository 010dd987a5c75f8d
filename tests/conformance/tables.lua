-- The table library, the length operator, constructors, next and pairs.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

-- A table as text, for the checks below.
local function text(t)
  local parts = {}
  for i = 1, #t do parts[i] = tostring(t[i]) end
  return table.concat(parts, " ")
end
-- 'with(f, t, ...)' is the table afterwards and what 'f' gave.
local function with(f, t, ...)
  local results = table.pack(f(t, ...))
  return text(t), table.unpack(results, 1, results.n)
end
-- A table that tells what is done to it.
local function watched(t)
  local log = {}
  local proxy = setmetatable({}, {
    __index = function(_, k) log[#log + 1] = "get " .. tostring(k) return t[k] end,
    __newindex = function(_, k, v) log[#log + 1] = "set " .. tostring(k) .. "=" .. tostring(v) t[k] = v end,
    __len = function() log[#log + 1] = "len" return #t end,
  })
  return proxy, log
end
local env = { text = text, with = with, watched = watched }

lines([==[
table.concat({ 1, 2, 3 }) --> "123"
table.concat({ 1, 2, 3 }, ", ") --> "1, 2, 3"
table.concat({ 1, 2, 3 }, ", ", 2) --> "2, 3"
table.concat({ 1, 2, 3 }, ", ", 2, 2) --> "2"
table.concat({ 1, 2, 3 }, ", ", 3, 2) --> ""
table.concat({}) --> ""
table.concat({}, "x") --> ""
table.concat({ "a", 1.5, 2.0, -3 }, "|") --> "a|1.5|2.0|-3"
table.concat({ 1, 2, 3 }, 0) --> "10203"
table.concat({ 1, {}, 3 }) --> error: invalid value (table) at index 2 in table for 'concat'
table.concat({ true }) --> error: invalid value (boolean) at index 1 in table for 'concat'
table.concat({ 1, 2 }, "", 1, 3) --> error: invalid value (nil) at index 3 in table for 'concat'
table.concat({ 1 }, "", math.maxinteger, math.maxinteger) --> error: invalid value (nil) at index 9223372036854775807 in table for 'concat'
table.concat({ [math.maxinteger] = "end" }, "", math.maxinteger, math.maxinteger) --> "end"
table.concat(5) --> error: bad argument #1 to 'concat' (table expected, got number)
table.concat() --> error: bad argument #1 to 'concat' (table expected, got no value)
table.concat({}, {}) --> error: bad argument #2 to 'concat' (string expected, got table)
table.concat({}, "", "x") --> error: bad argument #3 to 'concat' (number expected, got string)
table.concat(setmetatable({}, { __len = function() return 2 end, __index = function(_, i) return "v" .. i end }), ",") --> "v1,v2"
table.concat("abc") --> error: invalid value (nil) at index 1 in table for 'concat'
with(table.insert, { 1, 2 }, 3) --> "1 2 3"
with(table.insert, { 1, 2 }, 1, 0) --> "0 1 2"
with(table.insert, { 1, 2 }, 2, "x") --> "1 x 2"
with(table.insert, { 1, 2 }, 3, "x") --> "1 2 x"
with(table.insert, {}, 1, "x") --> "x"
table.insert({ 1, 2 }, 4, "x") --> error: bad argument #2 to 'insert' (position out of bounds)
table.insert({ 1, 2 }, 0, "x") --> error: bad argument #2 to 'insert' (position out of bounds)
table.insert({ 1, 2 }, -1, "x") --> error: bad argument #2 to 'insert' (position out of bounds)
table.insert({ 1, 2 }) --> error: wrong number of arguments to 'insert'
table.insert({ 1, 2 }, 1, 2, 3) --> error: wrong number of arguments to 'insert'
table.insert() --> error: bad argument #1 to 'insert' (table expected, got no value)
table.insert(nil, 1) --> error: bad argument #1 to 'insert' (table expected, got nil)
table.insert({}, "x", 1) --> error: bad argument #2 to 'insert' (number expected, got string)
table.insert({}, 1.5, 1) --> error: bad argument #2 to 'insert' (number has no integer representation)
with(table.insert, { 1 }, nil) --> "1"
with(table.remove, { 1, 2, 3 }) --> "1 2", 3
with(table.remove, { 1, 2, 3 }, 1) --> "2 3", 1
with(table.remove, { 1, 2, 3 }, 2) --> "1 3", 2
with(table.remove, { 1, 2, 3 }, 4) --> "1 2 3", nil
with(table.remove, {}) --> "", nil
with(table.remove, {}, 0) --> "", nil
with(table.remove, {}, 1) --> "", nil
table.remove({ 1, 2, 3 }, 5) --> error: bad argument #2 to 'remove' (position out of bounds)
table.remove({ 1, 2, 3 }, 0) --> error: bad argument #2 to 'remove' (position out of bounds)
table.remove({}, -1) --> error: bad argument #2 to 'remove' (position out of bounds)
table.remove({}, 2) --> error: bad argument #2 to 'remove' (position out of bounds)
table.remove({ [0] = "zero" }, 0) --> "zero"
table.remove() --> error: bad argument #1 to 'remove' (table expected, got no value)
text(table.move({ 1, 2, 3 }, 2, 3, 1)) --> "2 3 3"
text(table.move({ 1, 2, 3 }, 1, 3, 2)) --> "1 1 2 3"
text(table.move({ 1, 2, 3 }, 1, 3, 1, {})) --> "1 2 3"
text(table.move({ 1, 2, 3 }, 1, 0, 5)) --> "1 2 3"
text(table.move({ 1, 2, 3 }, 2, 3, 2, { "a", "b", "c", "d" })) --> "a 2 3 d"
text(table.move({ 1, 2, 3 }, 1, 3, 4)) --> "1 2 3 1 2 3"
table.move({}, math.mininteger, math.maxinteger, 1) --> error: bad argument #3 to 'move' (too many elements to move)
table.move({}, 0, math.maxinteger, 1) --> error: bad argument #3 to 'move' (too many elements to move)
table.move({}, 1, math.maxinteger, 2) --> error: bad argument #4 to 'move' (destination wrap around)
table.move({}, 1, 2, math.maxinteger) --> error: bad argument #4 to 'move' (destination wrap around)
table.move({}, 1, 2) --> error: bad argument #4 to 'move' (number expected, got no value)
table.move({}, 1, 2, 3, 4) --> error: bad argument #5 to 'move' (table expected, got number)
table.move(1, 1, 2, 3) --> error: bad argument #1 to 'move' (table expected, got number)
table.unpack({ 1, 2, 3 }) --> 1, 2, 3
table.unpack({ 1, 2, 3 }, 2) --> 2, 3
table.unpack({ 1, 2, 3 }, 2, 5) --> 2, 3, nil, nil
table.unpack({ 1, 2, 3 }, -1, 1) --> nil, nil, 1
table.unpack({ 1, 2, 3 }, 3, 2) --> 
table.unpack({}, 1, 1e6) --> error: too many results to unpack
table.unpack({}, 1, 1e8) --> error: too many results to unpack
table.unpack({}, math.mininteger, math.maxinteger) --> error: too many results to unpack
table.unpack({}, math.maxinteger, math.maxinteger) --> nil
table.unpack({ [math.maxinteger] = 9 }, math.maxinteger, math.maxinteger) --> 9
table.unpack("abc", 1, 2) --> nil, nil
table.unpack(nil) --> error: bad argument #1 to 'unpack' (table expected, got nil)
table.unpack(5, 1, 1) --> error: bad argument #1 to 'unpack' (table expected, got number)
table.unpack({}, 1, "x") --> error: bad argument #3 to 'unpack' (number expected, got string)
table.unpack(setmetatable({}, { __index = function(_, i) return i * 2 end }), 1, 3) --> 2, 4, 6
select("#", table.unpack({}, 1, 200)) --> 200
table.pack().n --> 0
table.pack(nil, nil).n --> 2
table.pack(1, nil, 3)[3] --> 3
#table.pack(1, 2, 3) --> 3
with(table.sort, { 3, 1, 2 }) --> "1 2 3"
with(table.sort, { "b", "a", "C", "" }) --> " C a b"
with(table.sort, { 3, 1, 2 }, function(a, b) return a > b end) --> "3 2 1"
with(table.sort, {}) --> ""
with(table.sort, { 1 }) --> "1"
with(table.sort, { 1.5, 1, -0.5, 2^53, math.mininteger }) --> "-9223372036854775808 -0.5 1 1.5 9007199254740992.0"
table.sort({ 1, "x" }) --> bare error: attempt to compare string with number
table.sort({ 1, 2, nil, 3 }) --> 
table.sort({ {}, {} }) --> bare error: attempt to compare two table values
table.sort({ 1, 2, 3 }, 5) --> error: bad argument #2 to 'sort' (function expected, got number)
table.sort({ 3, 2, 1, 5, 4, 7, 6 }, function() return true end) --> error: invalid order function for sorting
table.sort({ 3, 1, 2 }, function() error("in order", 0) end) --> bare error: in order
table.sort() --> error: bad argument #1 to 'sort' (table expected, got no value)
table.sort(setmetatable({}, { __len = function() return math.maxinteger end })) --> error: bad argument #1 to 'sort' (array too big)
#table.create(10) --> 0
#table.create(0) --> 0
#table.create(10, 5) --> 0
table.create(-1) --> error: bad argument #1 to 'create' (out of range)
table.create(1, -1) --> error: bad argument #2 to 'create' (out of range)
table.create(2^31) --> error: bad argument #1 to 'create' (out of range)
table.create() --> error: bad argument #1 to 'create' (number expected, got no value)
table.create("x") --> error: bad argument #1 to 'create' (number expected, got string)
local t = table.create(4) for i = 1, 8 do t[i] = i end return #t, t[8] --> 8, 8
local p, log = watched({ 1, 2, 3 }) table.insert(p, 2, "x") return table.concat(log, ";") --> "len;get 3;set 4=3;get 2;set 3=2;set 2=x"
local p, log = watched({ 1, 2, 3 }) table.remove(p, 1) return table.concat(log, ";") --> "len;get 1;get 2;set 1=2;get 3;set 2=3;set 3=nil"
local p, log = watched({ 1, 2, 3 }) table.move(p, 1, 2, 2) return table.concat(log, ";") --> "get 2;set 3=2;get 1;set 2=1"
local p, log = watched({ 2, 1 }) table.sort(p) return table.concat(log, ";") --> "len;get 1;get 2;set 1=1;set 2=2"
local p, log = watched({ 1, 2 }) table.concat(p) return table.concat(log, ";") --> "len;get 1;get 2"
local p, log = watched({ 1, 2 }) table.unpack(p) return table.concat(log, ";") --> "len;get 1;get 2"
table.insert(setmetatable({}, { __len = function() return "x" end }), 1) --> error: object length is not an integer
table.insert(setmetatable({}, { __len = function() return math.maxinteger end }), 1) --> 
setmetatable({}, { __index = table }):insert(1) --> 
]==], env)

-- Length and constructors.
lines [==[
#{} --> 0
#{ 1, 2, 3 } --> 3
#{ 1, 2, nil } --> 2
#{ n = 1 } --> 0
#{ [1] = "a", [2] = "b" } --> 2
#{ (function() return 1, 2, 3 end)() } --> 3
#{ (function() return 1, 2, 3 end)(), 10 } --> 2
#{ ((function() return 1, 2, 3 end)()) } --> 1
({ 1, 2, [1] = "x" })[1] --> 1
({ [1] = "x", 1 })[1] --> 1
({ x = 1, x = 2 }).x --> 2
({ 1; 2; 3 })[3] --> 3
({ [1.0] = "float key" })[1] --> "float key"
({ [2^53] = "big" })[2^53 | 0] --> "big"
({ ["a b"] = 1 })["a b"] --> 1
({ f = function(x) return x + 1 end }).f(1) --> 2
({ { { 5 } } })[1][1][1] --> 5
({ [{}] = 1 })[{}] --> nil
local t = {} t[nil] = 1 --> error: table index is nil
local t = {} t[0/0] = 1 --> error: table index is NaN
local t = {} return t[nil] --> nil
local t = {} return t[0/0] --> nil
({ [nil] = 1 }) --> error: table index is nil
local t = { 1, 2, 3 } t[#t + 1] = 4 t[#t] = nil return #t --> 3
local t = {} t[1.5] = "a" t["1.5"] = "b" return t[1.5], t["1.5"] --> "a", "b"
local t = {} t[-0.0] = "zero" return t[0], t[0.0] --> "zero", "zero"
local t = {} t[1] = 1 t[1.0] = 2 return t[1] --> 2
rawlen({ 1, 2 }) --> 2
rawlen("abc") --> 3
rawlen(setmetatable({ 1 }, { __len = function() return 10 end })) --> 1
rawlen(5) --> error: bad argument #1 to 'rawlen' (table or string expected, got number)
rawget({ 5 }, 1) --> 5
rawget(setmetatable({}, { __index = { x = 1 } }), "x") --> nil
rawget(5, 1) --> error: bad argument #1 to 'rawget' (table expected, got number)
rawget({}) --> error: bad argument #2 to 'rawget' (value expected)
rawset({}, "a", 1).a --> 1
rawset({}, nil, 1) --> bare error: table index is nil
rawset({}, 0/0, 1) --> bare error: table index is NaN
rawset({}, 1) --> error: bad argument #3 to 'rawset' (value expected)
rawset(setmetatable({}, { __newindex = error }), "x", 1).x --> 1
rawequal("a", "a") --> true
rawequal({}, {}) --> false
rawequal(1, 1.0) --> true
rawequal(setmetatable({}, { __eq = function() return true end }), setmetatable({}, {})) --> false
rawequal(1) --> error: bad argument #2 to 'rawequal' (value expected)
next({}) --> nil
next({ 5 }) --> 1, 5
next({ 5 }, 1) --> nil
next({ a = 1 }) --> "a", 1
next({}, "missing") --> bare error: invalid key to 'next'
next({ 1, 2 }, 2) --> nil
next() --> error: bad argument #1 to 'next' (table expected, got no value)
next(5) --> error: bad argument #1 to 'next' (table expected, got number)
local n = 0 for _ in pairs({ 1, 2, a = 3, [1.5] = 4, [true] = 5 }) do n = n + 1 end return n --> 5
local n = 0 for i, v in ipairs({ 1, 2, nil, 4 }) do n = n + v end return n --> 3
local t = { 1, 2, 3, a = 1, b = 2 } for k in pairs(t) do t[k] = nil end return next(t) --> nil
local t = {} for i, v in ipairs(setmetatable({}, { __index = function(_, i) if i < 4 then return i * i end end })) do t[i] = v end return table.concat(t, ",") --> "1,4,9"
local p = setmetatable({}, { __pairs = function(t) return function(_, k) if not k then return 1, "one" end end, t, nil end }) local r = "" for k, v in pairs(p) do r = r .. k .. v end return r --> "1one"
select("#", pairs(setmetatable({}, { __pairs = function() return 1, 2, 3, 4, 5 end }))) --> 4
pairs() --> error: bad argument #1 to 'pairs' (value expected)
pairs(nil) --> function, nil, nil, nil
pairs(5) --> function, 5, nil, nil
ipairs() --> error: bad argument #1 to 'ipairs' (value expected)
ipairs(nil) --> function, nil, 0
select(3, ipairs({})) --> 0
ipairs(5)(5, 0) --> bare error: attempt to index a number value
select(1, "a", "b") --> "a", "b"
select(2, "a", "b") --> "b"
select(3, "a", "b") --> 
select(-1, "a", "b") --> "b"
select(-2, "a", "b") --> "a", "b"
select("#") --> 0
select("#", nil, nil) --> 2
select(0) --> error: bad argument #1 to 'select' (index out of range)
select(-3, "a", "b") --> error: bad argument #1 to 'select' (index out of range)
select("x") --> error: bad argument #1 to 'select' (number expected, got string)
select(1.5) --> error: bad argument #1 to 'select' (number has no integer representation)
select() --> error: bad argument #1 to 'select' (number expected, got no value)
select("2", "a", "b") --> "b"
]==]

-- Sorting: many arrays of one pseudo-random sequence, checked for order and for being the same elements.
local state = 12345
local function random(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return state // 65536 % n
end
for _, size in ipairs({ 2, 3, 4, 5, 8, 10, 16, 33, 50, 99, 100, 101, 150, 257, 500, 1000 }) do
  for _, range in ipairs({ 2, 10, 1000000 }) do
    local t, sum = {}, 0
    for i = 1, size do t[i] = random(range) sum = sum + t[i] end
    table.sort(t)
    local ordered, after = true, t[1]
    for i = 2, size do ordered = ordered and t[i - 1] <= t[i] after = after + t[i] end
    check(("sort %d of %d"):format(size, range), nil, ordered, after == sum, t[1], t[size])
    check(("sorted %d of %d"):format(size, range), "true, true", ordered, after == sum)
    table.sort(t, function(a, b) return a > b end)
    check(("sort %d of %d down"):format(size, range), nil, t[1], t[size], t[size // 2 + 1])
  end
end
-- Positions of insert and remove in arrays of every small size.
for size = 0, 6 do
  for position = -1, size + 2 do
    run(("insert at %d of %d"):format(position, size), nil, function()
      local t = {} for i = 1, size do t[i] = i end
      table.insert(t, position, "x")
      return text(t)
    end)
    run(("remove at %d of %d"):format(position, size), nil, function()
      local t = {} for i = 1, size do t[i] = i end
      local removed = table.remove(t, position)
      return removed, text(t)
    end)
    for last = -1, 4 do
      run(("move %d to %d of %d"):format(position, last, size), nil, function()
        local t = {} for i = 1, size do t[i] = i end
        return text(table.move(t, position, last, 2)), #t
      end)
    end
  end
end
suite.finish(728)
