-- Numbers: integers, floats, and where one becomes the other.
local suite = require("check")
local lines, run = suite.lines, suite.run

lines [[
7 + 2 --> 9
7 + 2.0 --> 9.0
7 / 2 --> 3.5
8 / 2 --> 4.0
2 ^ 10 --> 1024.0
2 ^ 0.5 == math.sqrt(2) --> true
2 ^ 53 --> 9007199254740992.0
(-2) ^ 3 --> -8.0
-2 ^ 2 --> -4.0
2 ^ 3 ^ 2 --> 512.0
2 ^ -1 --> 0.5
0 ^ 0 --> 1.0
7 // 2 --> 3
-7 // 2 --> -4
7 // -2 --> -4
-7 // -2 --> 3
7.0 // 2 --> 3.0
-7 // 2.0 --> -4.0
7 // 0.0 --> inf
-7 // 0.0 --> -inf
0.0 // 0.0 --> nan
1 // 0 --> error: attempt to divide by zero
1 % 0 --> error: attempt to perform 'n%0'
0 // 0 --> error: attempt to divide by zero
7 % 3 --> 1
-7 % 3 --> 2
7 % -3 --> -2
-7 % -3 --> -1
7.5 % 2 --> 1.5
-7.5 % 2 --> 0.5
7.5 % -2 --> -0.5
-7.5 % -2 --> -1.5
5 % math.huge --> 5.0
-5 % math.huge --> inf
5 % -math.huge --> -inf
-5 % -math.huge --> -5.0
1 % 0.0 --> nan
0.0 % 1 --> 0.0
-0.0 % 1 --> -0.0
1 / 0 --> inf
-1 / 0 --> -inf
1 / -0.0 --> -inf
0 / 0 --> nan
0.0 --> 0.0
-0.0 --> -0.0
0 * -1 --> 0
0.0 * -1 --> -0.0
math.maxinteger + 1 == math.mininteger --> true
math.maxinteger + 1 --> -9223372036854775808
math.mininteger - 1 --> 9223372036854775807
math.maxinteger * 2 --> -2
math.mininteger * -1 --> -9223372036854775808
-math.mininteger --> -9223372036854775808
math.mininteger // -1 --> -9223372036854775808
math.mininteger % -1 --> 0
math.maxinteger + 1.0 --> 9.2233720368547758e+18
math.maxinteger + 0.0 == math.maxinteger --> false
math.mininteger + 0.0 == math.mininteger --> true
math.maxinteger + 0.0 == 2^63 --> true
math.maxinteger // 1 | 0 --> 9223372036854775807
1e308 * 10 --> inf
-1e308 * 10 --> -inf
5e-324 --> 4.9406564584125e-324
5e-324 / 2 --> 0.0
2.2250738585072014e-308 --> 2.2250738585072014e-308
1.7976931348623157e308 --> 1.7976931348623157e+308
0.1 + 0.2 --> 0.30000000000000004
0.1 + 0.2 == 0.3 --> false
9007199254740993 --> 9007199254740993
9007199254740993 + 0.0 --> 9007199254740992.0
9007199254740993 == 9007199254740992.0 --> false
9007199254740992 == 9007199254740992.0 --> true
1 == 1.0 --> true
math.type(1) --> "integer"
math.type(1.0) --> "float"
math.type("1") --> nil
math.type(nil) --> nil
-3 // 0.7 --> -5.0
3 - -3 --> 6
- - 3 --> 3
not nil == true --> true
not 0 --> false
2 * 3 + 4 --> 10
2 + 3 * 4 --> 14
(2 + 3) * 4 --> 20
10 - 3 - 2 --> 5
2 .. 3 --> "23"
1 .. 2 == "12" --> true
-1 .. "" --> "-1"
1.0 .. "" --> "1.0"
-0.0 .. "" --> "-0.0"
2^63 .. "" --> "9.2233720368547758e+18"
1e15 .. "" --> "1e+15"
1e14 .. "" --> "100000000000000.0"
123456.0 .. "" --> "123456.0"
0.1 .. "" --> "0.1"
1/3 .. "" --> "0.33333333333333331"
math.pi .. "" --> "3.1415926535897931"
math.huge .. "" --> "inf"
-math.huge .. "" --> "-inf"
1e100 .. "" --> "1e+100"
math.mininteger .. "" --> "-9223372036854775808"
]]

-- Literals.
lines [[
0x10 --> 16
0xA.8p0 --> 10.5
0x.1p4 --> 1.0
0x1p-2 --> 0.25
0xffffffffffffffff --> -1
0x7fffffffffffffff --> 9223372036854775807
0x8000000000000000 --> -9223372036854775808
0x1ffffffffffffffff --> -1
0x1.8 --> 1.5
0XaBcD --> 43981
9223372036854775807 --> 9223372036854775807
9223372036854775808 --> 9.2233720368547758e+18
-9223372036854775808 --> -9.2233720368547758e+18
1e1 --> 10.0
1E+2 --> 100.0
1e-2 --> 0.01
.5 --> 0.5
5. --> 5.0
3e0 --> 3.0
0x.8 --> 0.5
1e400 --> inf
1e-400 --> 0.0
0x1p1024 --> inf
100000000000000000000 --> 1e+20
0e12 --> 0.0
08 --> 8
3..2 --> syntax error: malformed number near '3..2'
3x --> syntax error: malformed number near '3x'
0x --> syntax error: malformed number near '0x'
0xg --> syntax error: malformed number near '0xg'
1e --> syntax error: malformed number near '1e'
1e+ --> syntax error: malformed number near '1e+'
0x1p --> syntax error: malformed number near '0x1p'
1.2.3 --> syntax error: malformed number near '1.2.3'
0b1 --> syntax error: malformed number near '0b1'
1_000 --> syntax error: malformed number near '1_'
]]

-- Bits.
lines [[
5 & 3 --> 1
5 | 3 --> 7
5 ~ 3 --> 6
~5 --> -6
~0 --> -1
1 << 62 --> 4611686018427387904
1 << 63 --> -9223372036854775808
1 << 64 --> 0
1 << 1000 --> 0
1 << -1 --> 0
2 << -1 --> 1
-1 >> 1 --> 9223372036854775807
-1 >> 63 --> 1
-1 >> 64 --> 0
-1 >> -1 --> -2
1 >> -62 --> 4611686018427387904
1 >> math.mininteger --> 0
1 << math.mininteger --> 0
1 << math.maxinteger --> 0
1.0 << 2 --> 4
2.0 | 1 --> 3
"3" & 1 --> error: attempt to perform bitwise operation on a string value (constant '3')
"0x10" | 1 --> error: attempt to perform bitwise operation on a string value (constant '0x10')
"3.0" | 0 --> error: attempt to perform bitwise operation on a string value (constant '3.0')
~"1" --> error: attempt to perform bitwise operation on a string value (constant '1')
1.5 | 1 --> error: number has no integer representation
1 | 1.5 --> error: number has no integer representation
2^63 | 0 --> error: number has no integer representation
-(2^63) | 0 --> -9223372036854775808
math.huge & 1 --> error: number (field 'huge') has no integer representation
0/0 & 1 --> error: number has no integer representation
"1.5" | 1 --> error: attempt to perform bitwise operation on a string value (constant '1.5')
"a" | 1 --> error: attempt to perform bitwise operation on a string value (constant 'a')
{} | 1 --> error: attempt to perform bitwise operation on a table value
nil & 1 --> error: attempt to perform bitwise operation on a nil value
~{} --> error: attempt to perform bitwise operation on a table value
~1.5 --> error: number has no integer representation
1 << "x" --> error: attempt to perform bitwise operation on a string value (constant 'x')
3 & 5 | 2 ~ 7 << 1 --> 13
1 << 2 + 3 --> 32
5 & 3 == 1 --> true
]]

-- Comparison across the two kinds of number.
lines [[
1 < 1.5 --> true
1 <= 1.0 --> true
math.maxinteger < math.huge --> true
math.mininteger > -math.huge --> true
math.maxinteger < 2^63 --> true
math.maxinteger <= 2^63 --> true
math.maxinteger >= 2^63 --> false
math.mininteger <= -(2^63) --> true
math.mininteger < -(2^63) --> false
math.maxinteger + 0.0 > math.maxinteger --> true
9007199254740993 > 9007199254740992.0 --> true
9007199254740993 < 9007199254740994.0 --> true
1 < 0/0 --> false
1 > 0/0 --> false
1 <= 0/0 --> false
1 == 0/0 --> false
0/0 == 0/0 --> false
0/0 ~= 0/0 --> true
0/0 < math.huge --> false
0.0 == -0.0 --> true
0 == -0.0 --> true
"a" < "b" --> true
"a" < "A" --> false
"" < "a" --> true
"a\0b" < "a\0c" --> true
"a\0" > "a" --> true
"Z" < "a" --> true
"10" < "9" --> true
"\xff" > "a" --> true
"a" <= "a" --> true
1 == "1" --> false
"1" == 1 --> false
1 < "2" --> error: attempt to compare number with string
"1" < 2 --> error: attempt to compare string with number
{} < {} --> error: attempt to compare two table values
nil < 1 --> error: attempt to compare nil with number
true < false --> error: attempt to compare two boolean values
print < print --> error: attempt to compare two function values
{} <= 1 --> error: attempt to compare table with number
{} == {} --> false
nil == false --> false
]]

-- Strings as numbers.
lines [[
"10" + 5 --> 15
"10" + "5" --> 15
"10" * "2" --> 20
"3" / 2 --> 1.5
"10" - 0.5 --> 9.5
"0x10" + 0 --> 16
" 10 " + 1 --> 11
"1e1" + 0 --> 10.0
"10." + 0 --> 10.0
"7" // 2 --> 3
"7" % "4" --> 3
"2" ^ 2 --> 4.0
-"2" --> -2
-"2.0" --> -2.0
-"-0x2" --> 2
- "0" --> 0
"9223372036854775807" + 1 --> -9223372036854775808
"9223372036854775808" + 0 --> 9.2233720368547758e+18
"abc" + 1 --> error: attempt to add a 'string' with a 'number'
"" + 1 --> error: attempt to add a 'string' with a 'number'
"1 2" + 1 --> error: attempt to add a 'string' with a 'number'
"1\0" + 1 --> error: attempt to add a 'string' with a 'number'
"inf" + 1 --> error: attempt to add a 'string' with a 'number'
"nan" + 1 --> error: attempt to add a 'string' with a 'number'
-"x" --> error: attempt to unm a 'string' with a 'string'
"a" .. {} --> error: attempt to concatenate a table value
"a" .. nil --> error: attempt to concatenate a nil value
1 .. true --> error: attempt to concatenate a boolean value
#5 --> error: attempt to get length of a number value
#nil --> error: attempt to get length of a nil value
#"abc" --> 3
]]

-- The numeric for.
lines [[
local n = 0 for i = 1, 3 do n = n + i end return n --> 6
local n = 0 for i = 3, 1 do n = n + 1 end return n --> 0
local n = 0 for i = 3, 1, -1 do n = n * 10 + i end return n --> 321
local n = 0 for i = 1, 0.5 do n = n + 1 end return n --> 0
local n = 0 for i = 1, 3.9 do n = n + 1 end return n --> 3
local t = "" for i = 1.0, 2 do t = t .. i .. " " end return t --> "1.0 2.0 "
local t = "" for i = 0, 1, 0.25 do t = t .. i .. " " end return t --> "0.0 0.25 0.5 0.75 1.0 "
local n = 0 for i = math.maxinteger - 1, math.maxinteger do n = n + 1 end return n --> 2
local n = 0 for i = math.mininteger, math.mininteger + 1 do n = n + 1 end return n --> 2
local n = 0 for i = math.mininteger + 1, math.mininteger, -1 do n = n + 1 end return n --> 2
local n = 0 for i = math.maxinteger - 2, math.huge, 2 do n = n + 1 end return n --> 2
local n = 0 for i = 1, -math.huge do n = n + 1 end return n --> 0
local n = 0 for i = -1, -math.huge, math.mininteger do n = n + 1 end return n --> 1
local n = 0 for i = 1, math.maxinteger, math.maxinteger do n = n + 1 end return n --> 1
local n = 0 for i = 0, math.maxinteger, math.maxinteger do n = n + 1 end return n --> 2
local n = 0 for i = 0, 1, 0/0 do n = n + 1 if n > 5 then break end end return n --> 0
local n = 0 for i = 0/0, 1 do n = n + 1 if n > 5 then break end end return n --> 1
local n = 0 for i = 1, 0/0 do n = n + 1 if n > 5 then break end end return n --> 0
local n = 0 for i = 1.0, 2.5, 0.5 do n = n + 1 end return n --> 4
for i = 1, 10, 0 do end --> error: 'for' step is zero
for i = 1.0, 10, 0 do end --> error: 'for' step is zero
for i = 1, 10, -0.0 do end --> error: 'for' step is zero
for i = "1", 2 do end --> 
for i = 1, "2" do end --> 
for i = 1, 2, "1" do end --> 
for i = {}, 2 do end --> error: bad 'for' initial value (number expected, got table)
for i = 1, nil do end --> error: bad 'for' limit (number expected, got nil)
for i = 1, 3 do i = 5 end --> syntax error: attempt to assign to const variable 'i'
for i = 1 do end --> syntax error: ',' expected near 'do'
for i in 1 do end --> error: attempt to call a number value (for iterator 'for iterator')
for i in nil do end --> error: attempt to call a nil value (for iterator 'for iterator')
]]

-- Every operator with every pair of these.
local operands = {
  { "0", 0 }, { "1", 1 }, { "-1", -1 }, { "7", 7 }, { "-3", -3 }, { "max", math.maxinteger }, { "min", math.mininteger },
  { "0.5", 0.5 }, { "-2.0", -2.0 }, { "1e300", 1e300 }, { "inf", math.huge }, { "'6'", "6" }, { "'x'", "x" },
}
local operators = {
  ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end, ["/"] = function(a, b) return a / b end,
  ["//"] = function(a, b) return a // b end, ["%"] = function(a, b) return a % b end,
  ["&"] = function(a, b) return a & b end, ["|"] = function(a, b) return a | b end,
  ["~"] = function(a, b) return a ~ b end, ["<<"] = function(a, b) return a << b end,
  [">>"] = function(a, b) return a >> b end, ["<"] = function(a, b) return a < b end,
  ["<="] = function(a, b) return a <= b end, ["=="] = function(a, b) return a == b end,
  [".."] = function(a, b) return a .. b end,
}
local names = {}
for name in pairs(operators) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  for _, a in ipairs(operands) do
    for _, b in ipairs(operands) do
      run(("[%s] %s [%s]"):format(a[1], name, b[1]), nil, operators[name], a[2], b[2])
    end
  end
end

suite.finish(2817)
