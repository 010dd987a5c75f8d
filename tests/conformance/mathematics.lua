-- math, utf8, and the clocks of os.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
math.abs(-5) --> 5
math.abs(-5.5) --> 5.5
math.abs(math.mininteger) --> -9223372036854775808
math.abs(-0.0) --> 0.0
math.abs("-3") --> 3.0
math.abs() --> error: bad argument #1 to 'abs' (number expected, got no value)
math.abs("x") --> error: bad argument #1 to 'abs' (number expected, got string)
math.abs({}) --> error: bad argument #1 to 'abs' (number expected, got table)
math.ceil(1.2) --> 2
math.ceil(-1.2) --> -1
math.ceil(5) --> 5
math.ceil(1e300) --> 1e+300
math.ceil(math.huge) --> inf
math.ceil(-0.5) --> 0
math.floor(1.8) --> 1
math.floor(-1.2) --> -2
math.floor(5) --> 5
math.floor(-1e300) --> -1e+300
math.floor(0/0) --> nan
math.floor("3.7") --> 3
math.floor(2^62) --> 4611686018427387904
math.floor(2^63) --> 9.2233720368547758e+18
math.fmod(7, 3) --> 1
math.fmod(-7, 3) --> -1
math.fmod(7, -3) --> 1
math.fmod(-7, -3) --> -1
math.fmod(7.5, 2) --> 1.5
math.fmod(-7.5, 2) --> -1.5
math.fmod(1, math.huge) --> 1.0
math.fmod(math.huge, 1) --> nan
math.fmod(1, 0.0) --> nan
math.fmod(1, 0) --> error: bad argument #2 to 'fmod' (zero)
math.fmod(math.mininteger, -1) --> 0
math.fmod(math.mininteger, 1) --> 0
math.fmod(5) --> error: bad argument #2 to 'fmod' (number expected, got no value)
math.modf(3.7) --> 3, 0.70000000000000018
math.modf(-3.7) --> -3, -0.70000000000000018
math.modf(5) --> 5, 0.0
math.modf(math.huge) --> inf, 0.0
math.modf(-math.huge) --> -inf, 0.0
math.modf(0/0) --> nan, nan
math.modf(-0.0) --> 0, 0.0
math.sqrt(16) --> 4.0
math.sqrt(-1) --> nan
math.sqrt(2) --> 1.4142135623730951
math.exp(0) --> 1.0
math.exp(1) --> 2.7182818284590451
math.exp(1000) --> inf
math.log(1) --> 0.0
math.log(0) --> -inf
math.log(-1) --> nan
math.log(8, 2) --> 3.0
math.log(1000, 10) --> 3.0
math.log(27, 3) --> 3.0
math.log(2, 0) --> -0.0
math.log(math.huge) --> inf
math.log("x") --> error: bad argument #1 to 'log' (number expected, got string)
math.sin(0) --> 0.0
math.cos(0) --> 1.0
math.tan(0) --> 0.0
math.sin(math.pi / 2) --> 1.0
math.cos(math.pi) --> -1.0
math.asin(1) --> 1.5707963267948966
math.acos(1) --> 0.0
math.asin(2) --> nan
math.atan(1) --> 0.78539816339744828
math.atan(1, -1) --> 2.3561944901923448
math.atan(-1, -1) --> -2.3561944901923448
math.atan(0, -1) --> 3.1415926535897931
math.atan(-0.0, -1) --> -3.1415926535897931
math.atan(0.0, 0.0) --> 0.0
math.atan(math.huge) --> 1.5707963267948966
math.deg(math.pi) --> 180.0
math.rad(180) --> 3.1415926535897931
math.max(1, 3, 2) --> 3
math.max(1.5, 2) --> 2
math.max(2, 2.0) --> 2
math.max(2.0, 2) --> 2.0
math.max(0/0, 1) --> nan
math.max(1, 0/0) --> 1
math.max(-0.0, 0.0) --> -0.0
math.max() --> error: bad argument #1 to 'max' (value expected)
math.max(1, "x") --> bare error: attempt to compare number with string
math.max("10", 9) --> bare error: attempt to compare string with number
math.min(1, 3, 2) --> 1
math.min(1, 0.5) --> 0.5
math.min(math.mininteger, -math.huge) --> -inf
math.min() --> error: bad argument #1 to 'min' (value expected)
math.tointeger(3.0) --> 3
math.tointeger(3.5) --> nil
math.tointeger("8") --> 8
math.tointeger("8.0") --> 8
math.tointeger("x") --> nil
math.tointeger({}) --> nil
math.tointeger(2^63) --> nil
math.tointeger(-(2^63)) --> -9223372036854775808
math.tointeger(0/0) --> nil
math.tointeger(math.huge) --> nil
math.tointeger() --> error: bad argument #1 to 'tointeger' (value expected)
math.type(1), math.type(1.0), math.type("1"), math.type({}) --> "integer", "float", nil, nil
math.type() --> error: bad argument #1 to 'type' (value expected)
math.ult(1, 2) --> true
math.ult(-1, 2) --> false
math.ult(2, -1) --> true
math.ult(1, 1) --> false
math.ult(1.0, 2) --> true
math.ult(1.5, 2) --> error: bad argument #1 to 'ult' (number has no integer representation)
math.pi --> 3.1415926535897931
math.huge --> inf
math.maxinteger --> 9223372036854775807
math.mininteger --> -9223372036854775808
math.pow --> nil
math.frexp(8) --> 0.5, 4
math.frexp(0) --> 0.0, 0
math.frexp(-3) --> -0.75, 2
math.ldexp(0.5, 4) --> 8.0
math.ldexp(1, -1074) --> 4.9406564584125e-324
math.cosh --> nil
math.log10 --> nil
]==]

-- The generator: the same for the same seed, everywhere.
lines [==[
math.randomseed(42) return math.random(1000), math.random(1000), math.random(1000) --> 742, 50, 332
math.randomseed(42) return math.random(), math.random() --> 0.93081217803956817, 0.45178389935924312
math.randomseed(42) return math.random(0), math.random(0) --> -1276290044721465627, 8333941968102511665
math.randomseed(1, 2) return math.random(0), math.random(6), math.random() --> 8291693048688576641, 1, 0.73957236111052194
math.randomseed(-1) return math.random(0), math.random(6), math.random() --> -6532212821526904015, 4, 0.8931080669923227
math.randomseed(1.5) return math.random(0), math.random(6) --> error: bad argument #1 to 'randomseed' (number has no integer representation)
math.randomseed(2^70) return math.random(0), math.random(6) --> error: bad argument #1 to 'randomseed' (number has no integer representation)
math.randomseed(42) return math.random(-10, 10), math.random(5, 5), math.random(math.mininteger, math.maxinteger) --> -5, 5, 864840776452914507
math.randomseed(42, 0) return math.random(1000), math.random(1000), math.random(1000) --> 742, 50, 332
math.randomseed(7) return math.random(1 << 40), math.random(3), math.random(0, 1) --> 813858772800, 3, 1
math.randomseed(42) --> 42, 0
math.randomseed(42, 7) --> 42, 7
select("#", math.randomseed()) --> 2
math.random(0.5) --> error: bad argument #1 to 'random' (number has no integer representation)
math.random(2, 1) --> error: bad argument #1 to 'random' (interval is empty)
math.random(-5) --> error: bad argument #1 to 'random' (interval is empty)
math.random(1, 2, 3) --> error: wrong number of arguments
math.random("x") --> error: bad argument #1 to 'random' (number expected, got string)
math.randomseed("x") --> error: bad argument #1 to 'randomseed' (number expected, got string)
math.type(math.random()) --> "float"
math.type(math.random(5)) --> "integer"
]==]
for seed = 0, 19 do
  math.randomseed(seed)
  check("random from seed " .. seed, nil, math.random(0), math.random(), math.random(100), math.random(-1000, 1000), math.random(0))
end

-- Rounding and roots over a range of values.
for _, x in ipairs({ 0, 0.5, -0.5, 1, -1, 1.5, -1.5, 2.5, 1e10, -1e10, 1e15 + 0.5, 2^52 + 0.5, 2^53, -2^53, 1e308, 5e-324, math.maxinteger, math.mininteger }) do
  local name = ("%s %.17g"):format(math.type(x), x)
  check("floor " .. name, nil, math.floor(x), math.ceil(x), x // 1, x % 1)
  check("modf " .. name, nil, math.modf(x))
  check("fmod " .. name, nil, math.fmod(x, 3), math.fmod(x, -2.5), x % 3, x % -2.5)
  check("tointeger " .. name, nil, math.tointeger(x), math.abs(x), math.sqrt(math.abs(x)))
  check("text " .. name, nil, tostring(x), ("%.3f"):format(x), ("%g"):format(x), ("%.17g"):format(x))
end
-- Elementary functions to twelve digits: the last ones are the C library's.
for _, name in ipairs({ "sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "sqrt", "deg", "rad" }) do
  for _, x in ipairs({ 0.1, 0.5, 0.9, 1, -0.7, 2.5, 10, 100.25 }) do
    check(("math.%s of %s"):format(name, x), nil, ((("%.12g"):format(math[name](x)):gsub("-?nan", "nan"))))
  end
end
for _, base in ipairs({ 2, 10, 3, 0.5, 16, 7 }) do
  for _, x in ipairs({ 1, 2, 10, 1024, 0.001, 1e100 }) do
    check(("math.log of %s to base %s"):format(x, base), nil, ("%.12g"):format(math.log(x, base)))
    check(("%s ^ %s"):format(x, base), nil, ("%.12g"):format(x ^ base))
  end
end
suite.finish(410)
