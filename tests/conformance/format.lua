-- string.format.
local suite = require("check")
local lines, run = suite.lines, suite.run

lines [==[
("%d"):format(3) --> "3"
("%d"):format(3.0) --> "3"
("%d"):format("3") --> "3"
("%d"):format("0x10") --> "16"
("%d"):format(3.5) --> error: bad argument #1 to 'format' (number has no integer representation)
("%d"):format("3.5") --> error: bad argument #1 to 'format' (number has no integer representation)
("%d"):format("x") --> error: bad argument #1 to 'format' (number expected, got string)
("%d"):format() --> error: bad argument #1 to 'format' (no value)
("%d"):format(nil) --> error: bad argument #1 to 'format' (number expected, got nil)
string.format("%d", {}) --> error: bad argument #2 to 'format' (number expected, got table)
string.format() --> error: bad argument #1 to 'format' (string expected, got no value)
("%d %d"):format(1) --> error: bad argument #2 to 'format' (no value)
("%d"):format(math.mininteger) --> "-9223372036854775808"
("%u"):format(1) --> "1"
("%i"):format(42) --> "42"
("%5d|%-5d|%05d|%+d|% d"):format(42, 42, 42, 42, 42) --> "   42|42   |00042|+42| 42"
("%.3d|%8.3d|%-8.3d|"):format(5, 5, 5) --> "005|     005|005     |"
("%.0d"):format(0) --> ""
("%x %X %#x %#X"):format(255, 255, 255, 255) --> "ff FF 0xff 0XFF"
("%x"):format(-1) --> "ffffffffffffffff"
("%o %#o"):format(8, 8) --> "10 010"
("%c%c%c"):format(76, 117, 97) --> "Lua"
("%c"):format(0) --> "\x00"
("%5c|%-5c|"):format(65, 65) --> "    A|A    |"
("%c"):format(321) --> "A"
("%s %s %s"):format(1, 2.0, "x") --> "1 2.0 x"
("%s"):format(nil) --> "nil"
("%s"):format() --> error: bad argument #1 to 'format' (no value)
("%s"):format(true) --> "true"
("%5s|%-5s|%.2s|%5.1s|"):format("abc", "abc", "abc", "abc") --> "  abc|abc  |ab|    a|"
("%s"):format("a\0b") --> "a\x00b"
("%10s"):format("a\0b") --> error: bad argument #1 to 'format' (string contains zeros)
("%s"):format(setmetatable({}, { __tostring = function() return "obj" end })) --> "obj"
("%5s"):format(setmetatable({}, { __tostring = function() return "obj" end })) --> "  obj"
("%s"):format(setmetatable({}, { __tostring = function() return 1 end })) --> "1"
("%s"):format(setmetatable({}, { __tostring = function() end })) --> error: '__tostring' must return a string
("%%"):format() --> "%"
("%5%"):format() --> error: bad argument #1 to 'format' (no value)
("%"):format() --> error: bad argument #1 to 'format' (no value)
("%y"):format(1) --> error: invalid conversion '%y' to 'format'
("%100d"):format(1) --> error: invalid conversion specification: '%100d'
("%.100d"):format(1) --> error: invalid conversion specification: '%.100d'
("%0-+ #05d"):format(1) --> error: invalid conversion specification: '%0-+ #05d'
("%ll"):format(1) --> error: invalid conversion '%l' to 'format'
("%hd"):format(1) --> error: invalid conversion '%h' to 'format'
("%99d"):format(7):len() --> 99
("%.99f"):format(1/3):len() --> 101
("%#c"):format(1) --> error: invalid conversion specification: '%#c'
("%.3c"):format(1) --> error: invalid conversion specification: '%.3c'
("%+s"):format("x") --> error: invalid conversion specification: '%+s'
("%05s"):format("x") --> error: invalid conversion specification: '%05s'
("%+x"):format(1) --> error: invalid conversion specification: '%+x'
("% x"):format(1) --> error: invalid conversion specification: '% x'
("%#d"):format(1) --> error: invalid conversion specification: '%#d'
("%#i"):format(1) --> error: invalid conversion specification: '%#i'
("%5q"):format("x") --> error: specifier '%q' cannot have modifiers
("%q"):format("a\n\r\0\"\\\tb") --> "\x22a\x5C\x0A\x5C13\x5C0\x5C\x22\x5C\x5C\x5C9b\x22"
("%q"):format("\0001") --> "\x22\x5C0001\x22"
("%q"):format("\xff\x7f") --> "\x22\xFF\x5C127\x22"
("%q"):format(10) --> "10"
("%q"):format(0.1) --> "0x1.999999999999ap-4"
("%q"):format(2.0) --> "0x1p+1"
("%q"):format(1/0) --> "1e9999"
("%q"):format(-1/0) --> "-1e9999"
("%q"):format(0/0) --> "(0/0)"
("%q"):format(math.mininteger) --> "0x8000000000000000"
("%q"):format(nil) --> "nil"
("%q"):format(false) --> "false"
("%q"):format({}) --> error: bad argument #1 to 'format' (value has no literal form)
("%q"):format(print) --> error: bad argument #1 to 'format' (value has no literal form)
("%q"):format() --> error: bad argument #1 to 'format' (no value)
("%f %.2f %5.1f|%-8.2f|%08.3f|%+.1f"):format(1.5, 2.345, 3.14159, 2.5, -2.5, 2) --> "1.500000 2.35   3.1|2.50    |-002.500|+2.0"
("%.0f %#.0f"):format(2.5, 2.5) --> "2 2."
("%f"):format(1e15) --> "1000000000000000.000000"
("%f"):format(1/0) --> "inf"
("%f"):format(-1/0) --> "-inf"
("%5.1f|%-8f|%08f"):format(1/0, 1/0, 1/0) --> "  inf|inf     |     inf"
("%F"):format(1) --> error: invalid conversion '%F' to 'format'
("%e %.2e %E"):format(12345.678, 12345.678, 12345.678) --> "1.234568e+04 1.23e+04 1.234568E+04"
("%g %g %g %g"):format(1e20, 0.0001, 0.00001, 100000) --> "1e+20 0.0001 1e-05 100000"
("%g %G %#g %.3g %.10g"):format(1e6, 1e-10, 1, 3.14159, 0.1) --> "1e+06 1E-10 1.00000 3.14 0.1"
("%a %A"):format(1, 0.5) --> "0x1p+0 0X1P-1"
("%.3a"):format(1/3) --> "0x1.555p-2"
("%10a|%-10a|%+a"):format(1, 1, 1) --> "    0x1p+0|0x1p+0    |+0x1p+0"
("%a"):format(0.0) --> "0x0p+0"
("%a"):format(-0.0) --> "-0x0p+0"
("%a"):format(math.huge) --> "inf"
("%.14g"):format(math.pi) --> "3.1415926535898"
("%.17g"):format(0.1) --> "0.10000000000000001"
("%.20f"):format(0.1) --> "0.10000000000000000555"
("%.99f"):format(1e-50):sub(-49) --> "0000000000000000076162237057823428575993091641927"
("%f"):format("1.5") --> "1.500000"
("%f"):format("x") --> error: bad argument #1 to 'format' (number expected, got string)
("%f"):format(1) --> "1.000000"
("%.3f"):format(2^53) --> "9007199254740992.000"
("%5.2f%%"):format(99.5) --> "99.50%"
("%p"):format(1) --> "(null)"
("%p"):format(nil) --> "(null)"
("%p"):format(true) --> "(null)"
("%10p|"):format(1) --> "    (null)|"
("%-10p|"):format(1) --> "(null)    |"
("%p"):format(print) == ("%p"):format(print) --> true
("%p"):format({}) == ("%p"):format({}) --> false
("%p"):format("x") == ("%p"):format("x") --> true
("%p"):format(string) == tostring(string):match("0x%x+") --> true
("%.3p"):format({}) --> error: invalid conversion specification: '%.3p'
("%p"):format() --> error: bad argument #1 to 'format' (no value)
("%s%s"):format("a", "b", "c") --> "ab"
("no conversion"):format(1, 2) --> "no conversion"
(""):format() --> ""
("%1$d"):format(1) --> error: invalid conversion '%1$' to 'format'
("%*d"):format(1, 2) --> error: invalid conversion '%*' to 'format'
("%n"):format(1) --> error: invalid conversion '%n' to 'format'
("%-+0 d"):format(1) --> "+1"
("%s"):rep(3):format(1, 2, 3) --> "123"
("%d"):rep(100):format(("x"):rep(100):byte(1, -1)):len() --> 300
]==]

-- Every conversion with every flag, width and precision, and values at the edges.
local integers = { 0, 1, -1, 42, -12345, math.maxinteger, math.mininteger }
local floats = { 0.0, -0.0, 1.0, -1.5, 3.14159265358979, 1e-7, 123456789.0, 1e21, 1 / 0, -1 / 0 }
local strings = { "", "x", "a longer text" }
local modifiers = { "", "5", "-5", "05", "+", " ", "#", ".0", ".3", "10.4", "-10.4", "+.2", "010.2", "#.3", "-+8", "20" }
for letter in ("diuoxXceEfgGas"):gmatch(".") do
  local chosen = letter:find("[diuoxX]") and integers or letter == "c" and { 65, 0x7a } or letter == "s" and strings or floats
  for _, modifier in ipairs(modifiers) do
    local format = "%" .. modifier .. letter
    for i, value in ipairs(chosen) do
      run(("%s with %s"):format(format, tostring(value) .. (letter == "s" and i or "")), nil, string.format, format, value)
    end
  end
end

-- What %q gives is read back as it was.
for i, value in ipairs({ 0.1, -0.0, 1e300, 2^-1022, 1 / 3, 1e15, math.maxinteger, math.mininteger, -1, "", "a\nb", "\0\1\0012", "\r\n\"\\", ("\xff"):rep(3) }) do
  local back = load("return " .. ("%q"):format(value))()
  suite.check(("%%q of value %d"):format(i), "true, true", back == value, math.type(back) == math.type(value))
end
suite.finish(1842)
