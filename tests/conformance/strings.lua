-- The string library, without patterns, formats and packing.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
("hello"):sub(2) --> "ello"
("hello"):sub(2, 3) --> "el"
("hello"):sub(-3) --> "llo"
("hello"):sub(-3, -2) --> "ll"
("hello"):sub(0) --> "hello"
("hello"):sub(-100, 2) --> "he"
("hello"):sub(3, 100) --> "llo"
("hello"):sub(4, 2) --> ""
("hello"):sub(6) --> ""
("hello"):sub(math.mininteger, math.maxinteger) --> "hello"
("hello"):sub(math.maxinteger, math.mininteger) --> ""
("hello"):sub(2.0, "3") --> "el"
("hello"):sub(1.5) --> error: bad argument #1 to 'sub' (number has no integer representation)
("hello"):sub() --> error: bad argument #1 to 'sub' (number expected, got no value)
("hello"):sub("x") --> error: bad argument #1 to 'sub' (number expected, got string)
string.sub() --> error: bad argument #1 to 'sub' (string expected, got no value)
string.sub({}, 1) --> error: bad argument #1 to 'sub' (string expected, got table)
string.sub(12345, 2, 3) --> "23"
("a"):len() --> 1
(""):len() --> 0
("a\0b"):len() --> 3
("héllo"):len() --> 6
string.len(123) --> 3
string.len(1.5) --> 3
string.len(nil) --> error: bad argument #1 to 'len' (string expected, got nil)
("abc"):upper() --> "ABC"
("ABC"):lower() --> "abc"
("aé1\0z"):upper() --> "A\xC3\xA91\x00Z"
("\xC9"):lower() --> "\xC9"
("abc"):reverse() --> "cba"
(""):reverse() --> ""
("a\0b"):reverse() --> "b\x00a"
("abc"):byte() --> 97
("abc"):byte(2) --> 98
("abc"):byte(-1) --> 99
("abc"):byte(1, -1) --> 97, 98, 99
("abc"):byte(10) --> 
("abc"):byte(0) --> 
("abc"):byte(2, 1) --> 
("\0\xff"):byte(1, 2) --> 0, 255
(""):byte() --> 
select("#", ("x"):rep(200):byte(1, -1)) --> 200
("abc"):byte(1.5) --> error: bad argument #1 to 'byte' (number has no integer representation)
string.char() --> ""
string.char(104, 105) --> "hi"
string.char(0, 255) --> "\x00\xFF"
string.char(256) --> error: bad argument #1 to 'char' (value out of range)
string.char(-1) --> error: bad argument #1 to 'char' (value out of range)
string.char(97, "98", 99.0) --> "abc"
string.char(1, 2, 1.5) --> error: bad argument #3 to 'char' (number has no integer representation)
string.char("x") --> error: bad argument #1 to 'char' (number expected, got string)
("ab"):rep(3) --> "ababab"
("ab"):rep(3, "-") --> "ab-ab-ab"
("ab"):rep(1, "-") --> "ab"
("ab"):rep(0) --> ""
("ab"):rep(-5) --> ""
("ab"):rep(2, "") --> "abab"
(""):rep(1000000000) --> ""
(""):rep(3, ",") --> ",,"
#("x"):rep(100000) --> 100000
("a\0"):rep(2) --> "a\x00a\x00"
("x"):rep(math.maxinteger) --> error: resulting string too large
("xx"):rep(math.maxinteger) --> error: resulting string too large
("x"):rep(1 << 62, "yyyy") --> error: resulting string too large
("x"):rep(1.5) --> error: bad argument #1 to 'rep' (number has no integer representation)
("x"):rep() --> error: bad argument #1 to 'rep' (number expected, got no value)
tostring(12) --> "12"
tostring(-0.0) --> "-0.0"
tostring(nil) --> "nil"
tostring(true) --> "true"
tostring("x") --> "x"
tostring() --> error: bad argument #1 to 'tostring' (value expected)
tostring(print):match("^builtin: %x+$") or tostring(print):match("^function: ") ~= nil --> true
tostring({}):match("^table: 0x%x+$") ~= nil --> true
tostring(coroutine.create(print)):match("^thread: 0x%x+$") ~= nil --> true
tostring(setmetatable({}, { __name = "My.Type" })):match("^My%.Type: 0x%x+$") ~= nil --> true
tostring(setmetatable({}, { __name = 5 })):match("^table: 0x%x+$") ~= nil --> true
tostring(setmetatable({}, { __tostring = function() return "mine" end })) --> "mine"
tostring(setmetatable({}, { __tostring = function() return {} end })) --> error: '__tostring' must return a string
tostring(setmetatable({}, { __tostring = function() error("no", 0) end })) --> bare error: no
tostring(setmetatable({}, { __tostring = "x" })) --> bare error: attempt to call a string value
("x"):foo() --> error: attempt to call a nil value (method 'foo')
("x").len("abc") --> 3
("x").nothing --> nil
("x")[1] --> nil
getmetatable("").__index == string --> true
getmetatable("").__name --> nil
#string.format("%s", ("x"):rep(1000)) --> 1000
"a" .. "b" .. 1 .. 2.0 --> "ab12.0"
("x"):rep(10, ","):len() --> 19
]==]

-- Escapes and quotes of literals.
lines [====[
"\a\b\f\n\r\t\v" --> "\x07\x08\x0C\x0A\x0D\x09\x0B"
"\\\"\'" --> "\x5C\x22'"
'\'"' --> "'\x22"
"\x41\x7a" --> "Az"
"\65\066\0067" --> "AB\x067"
"\0" --> "\x00"
"\255" --> "\xFF"
"a\z  b" --> "ab"
"\u{41}" --> "A"
"\u{E9}" --> "\xC3\xA9"
"\u{20AC}" --> "\xE2\x82\xAC"
"\u{10FFFF}" --> "\xF4\x8F\xBF\xBF"
"\u{7FFFFFFF}" --> "\xFD\xBF\xBF\xBF\xBF\xBF"
"\u{0}" --> "\x00"
"\u{000041}" --> "A"
"\256" --> syntax error: decimal escape too large near '\x22\x5C256\x22'
"\300x" --> syntax error: decimal escape too large near '\x22\x5C300x'
"\xg1" --> syntax error: hexadecimal digit expected near '\x22\x5Cxg'
"\x4" --> syntax error: hexadecimal digit expected near '\x22\x5Cx4\x22'
"\u41" --> syntax error: missing '{' near '\x22\x5Cu4'
"\u{}" --> syntax error: hexadecimal digit expected near '\x22\x5Cu{}'
"\u{41" --> syntax error: missing '}' near '\x22\x5Cu{41\x22'
"\u{80000000}" --> syntax error: UTF-8 value too large near '\x22\x5Cu{80000000'
"\q" --> syntax error: invalid escape sequence near '\x22\x5Cq'
"unfinished --> syntax error: unfinished string near <eof>
'unfinished" --> syntax error: unfinished string near <eof>
[[a]] --> "a"
[=[a]]b]=] --> "a]]b"
[===[]==]]===] --> "]==]"
[[\n]] --> "\x5Cn"
[=a --> syntax error: invalid long string delimiter near '[='
[[x --> syntax error: unfinished long string (starting at line 1) near <eof>
]====]
run("a string over lines", '"a\\x0Ab"', function() return "a\
b" end)
run("escaped space over lines", '"ab"', function() return "a\z
   b" end)
run("a long string drops its first newline", '"a\\x0A"', function() return [[
a
]] end)
for _, case in ipairs({ { "\\r", "\r" }, { "\\r\\n", "\r\n" }, { "\\n\\r", "\n\r" } }) do
  local name, ending = case[1], case[2]
  check("a long string over " .. name, '"a\\x0Ab"', load("return [[" .. ending .. "a" .. ending .. "b]]")())
  check("an escaped " .. name, '"a\\x0Ab"', load("return 'a\\" .. ending .. "b'")())
  check("a raw " .. name, nil, load("return 'a" .. ending .. "b'", "=line"))
  check("lines counted over " .. name, "3", load("local a = 1" .. ending .. ending .. "return debug.getinfo(1, 'l').currentline")())
end
-- Every byte as a decimal, a hexadecimal and a raw escape.
for byte = 0, 255 do
  local char = string.char(byte)
  check(("byte %d"):format(byte), nil, load(('return "\\%d", "\\x%02x", "\\%03d"'):format(byte, byte, byte))())
  check(("byte %d classes"):format(byte), nil, char:upper(), char:lower(), char:match("%a") and "a", char:match("%c") and "c",
    char:match("%d") and "d", char:match("%g") and "g", char:match("%l") and "l", char:match("%p") and "p",
    char:match("%s") and "s", char:match("%u") and "u", char:match("%w") and "w", char:match("%x") and "x")
end

-- string.sub for every pair of positions around a short string.
for first = -5, 5 do
  for last = -5, 5 do
    check(("sub %d %d"):format(first, last), nil, ("abcd"):sub(first, last))
    check(("byte %d to %d"):format(first, last), nil, ("abcd"):byte(first, last))
  end
end

-- tonumber.
lines [==[
tonumber("10") --> 10
tonumber("10.0") --> 10.0
tonumber(" 0x1F ") --> 31
tonumber("1e2") --> 100.0
tonumber("1e") --> nil
tonumber("") --> nil
tonumber(" ") --> nil
tonumber("0x") --> nil
tonumber("0x1p4") --> 16.0
tonumber("0xA.8") --> 10.5
tonumber("1 2") --> nil
tonumber("1\0") --> nil
tonumber("\t\n\v\f\r1\t\n\v\f\r") --> 1
tonumber("- 1") --> nil
tonumber("--1") --> nil
tonumber("+1") --> 1
tonumber("-0x10") --> -16
tonumber("-0") --> 0
tonumber("-0.0") --> -0.0
tonumber("inf") --> nil
tonumber("nan") --> nil
tonumber("infinity") --> nil
tonumber("1e400") --> inf
tonumber("0x1p-2000") --> 0.0
tonumber("9223372036854775808") --> 9.2233720368547758e+18
tonumber("-9223372036854775808") --> -9223372036854775808
tonumber("0xffffffffffffffffff") --> -1
tonumber(".") --> nil
tonumber(".e1") --> nil
tonumber("5.") --> 5.0
tonumber(".5") --> 0.5
tonumber("1,5") --> nil
tonumber(nil) --> nil
tonumber(true) --> nil
tonumber({}) --> nil
tonumber(5) --> 5
tonumber(5.5) --> 5.5
tonumber() --> error: bad argument #1 to 'tonumber' (value expected)
tonumber("10", 2) --> 2
tonumber("ff", 16) --> 255
tonumber("FF", 16) --> 255
tonumber("zz", 36) --> 1295
tonumber("Zz", 36) --> 1295
tonumber("8", 8) --> nil
tonumber("-ff", 16) --> -255
tonumber("- ff", 16) --> nil
tonumber(" 11 ", 2) --> 3
tonumber("1.0", 10) --> nil
tonumber("", 10) --> nil
tonumber("7fffffffffffffff", 16) --> 9223372036854775807
tonumber("ffffffffffffffff", 16) --> -1
tonumber("1ffffffffffffffff", 16) --> -1
tonumber("0x10", 16) --> nil
tonumber(10, 2) --> error: bad argument #1 to 'tonumber' (string expected, got number)
tonumber("10", 1) --> error: bad argument #2 to 'tonumber' (base out of range)
tonumber("10", 37) --> error: bad argument #2 to 'tonumber' (base out of range)
tonumber("10", 2.5) --> error: bad argument #2 to 'tonumber' (number has no integer representation)
tonumber({}, 10) --> error: bad argument #1 to 'tonumber' (string expected, got table)
tonumber("1e1", 16) --> 481
tonumber("0x.8p1") --> 1.0
tonumber("0x8.") --> 8.0
tonumber("1_0") --> nil
tonumber(("9"):rep(30)) --> 1e+30
tonumber(("0"):rep(300) .. "7") --> 7
tonumber("0." .. ("0"):rep(300) .. "1") --> 1e-301
]==]
for base = 2, 36 do
  check(("tonumber in base %d"):format(base), nil, tonumber("10", base), tonumber("-11", base), tonumber("z", base), tonumber("1001", base), tonumber("9", base))
end

suite.finish(991)
