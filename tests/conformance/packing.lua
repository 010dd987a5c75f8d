-- string.pack, string.unpack, string.packsize. Sizes that are the machine's own (l, L, T, s without a number) are
-- among the differences.
local suite = require("check")
local lines, run = suite.lines, suite.run

lines [==[
("<i4"):pack(1) --> "\x01\x00\x00\x00"
(">i4"):pack(1) --> "\x00\x00\x00\x01"
("<i2"):pack(-2) --> "\xFE\xFF"
("b"):pack(-128) --> "\x80"
("b"):pack(128) --> error: bad argument #1 to 'pack' (integer overflow)
("B"):pack(255) --> "\xFF"
("B"):pack(256) --> error: bad argument #1 to 'pack' (unsigned overflow)
("B"):pack(-1) --> error: bad argument #1 to 'pack' (unsigned overflow)
("<h"):pack(-32768) --> "\x00\x80"
("<h"):pack(32768) --> error: bad argument #1 to 'pack' (integer overflow)
("<H"):pack(65535) --> "\xFF\xFF"
("<i"):pack(-1) --> "\xFF\xFF\xFF\xFF"
("<I"):pack(4294967295) --> "\xFF\xFF\xFF\xFF"
("<I"):pack(4294967296) --> error: bad argument #1 to 'pack' (unsigned overflow)
("<j"):pack(-1) --> "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
("<J"):pack(-1) --> "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
("<i3"):pack(0x010203) --> "\x03\x02\x01"
("<i7"):pack(-1) --> "\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
("<i16"):pack(-1) --> "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
("<I16"):pack(1):len() --> 16
("<i17"):pack(1) --> error: integral size (17) out of limits [1,16]
("<i0"):pack(1) --> error: integral size (0) out of limits [1,16]
("<f"):pack(1.5) --> "\x00\x00\xC0?"
("<d"):pack(1.5) --> "\x00\x00\x00\x00\x00\x00\xF8?"
("<n"):pack(1.5) --> "\x00\x00\x00\x00\x00\x00\xF8?"
(">d"):pack(-0.0) --> "\x80\x00\x00\x00\x00\x00\x00\x00"
(">f"):pack(1e300) --> "\x7F\x80\x00\x00"
(">f"):pack(0.1) --> "=\xCC\xCC\xCD"
("z"):pack("abc") --> "abc\x00"
("z"):pack("a\0b") --> error: bad argument #1 to 'pack' (string contains zeros)
("s1"):pack("abc") --> "\x03abc"
("<s2"):pack("abc") --> "\x03\x00abc"
(">s4"):pack("") --> "\x00\x00\x00\x00"
("s1"):pack(("x"):rep(256)) --> error: bad argument #1 to 'pack' (string length does not fit in given size)
("c5"):pack("abc") --> "abc\x00\x00"
("c3"):pack("abc") --> "abc"
("c2"):pack("abc") --> error: bad argument #1 to 'pack' (string longer than given size)
("c0"):pack("") --> ""
("c"):pack("a") --> error: missing size for format option 'c'
("x"):pack() --> "\x00"
("bxb"):pack(1, 2) --> "\x01\x00\x02"
("<!4 b i4"):pack(1, 2) --> "\x01\x00\x00\x00\x02\x00\x00\x00"
("<!2 b i4"):pack(1, 2) --> "\x01\x00\x02\x00\x00\x00"
("<!8 b d"):pack(1, 2):len() --> 16
("<!1 b i4"):pack(1, 2) --> "\x01\x02\x00\x00\x00"
("<!4 b Xi4"):pack(1) --> "\x01\x00\x00\x00"
("<b Xi4"):pack(1) --> "\x01"
("<!4 i4 Xi4"):pack(1) --> "\x01\x00\x00\x00"
("X"):pack() --> error: calling 'pack' on bad self (invalid next option for option 'X')
("Xz"):pack() --> error: calling 'pack' on bad self (invalid next option for option 'X')
("Xc1"):pack() --> error: calling 'pack' on bad self (invalid next option for option 'X')
("!3 i4"):pack(1) --> error: calling 'pack' on bad self (format asks for alignment not power of 2)
("!17"):pack() --> error: integral size (17) out of limits [1,16]
("!0"):pack() --> error: integral size (0) out of limits [1,16]
("<!4 i3"):pack(1) --> error: calling 'pack' on bad self (format asks for alignment not power of 2)
("<i4 >i4 =i4"):pack(1, 1, 1):sub(1, 8) --> "\x01\x00\x00\x00\x00\x00\x00\x01"
(" < i2 "):pack(1) --> "\x01\x00"
("r"):pack(1) --> error: invalid format option 'r'
("i4"):pack() --> error: bad argument #1 to 'pack' (number expected, got nil)
("i4"):pack("x") --> error: bad argument #1 to 'pack' (number expected, got string)
("i4"):pack(1.5) --> error: bad argument #1 to 'pack' (number has no integer representation)
("<i4"):pack("7") --> "\x07\x00\x00\x00"
("<i4i4"):pack(1) --> error: bad argument #2 to 'pack' (number expected, got nil)
("z"):pack(5) --> "5\x00"
("z"):pack({}) --> error: bad argument #1 to 'pack' (string expected, got table)
string.pack() --> error: bad argument #1 to 'pack' (string expected, got no value)
string.pack("i4", {}) --> error: bad argument #2 to 'pack' (number expected, got table)
(""):pack() --> ""
(""):pack(1, 2) --> ""
("i100"):pack(1) --> error: integral size (100) out of limits [1,16]
("c2147483648"):packsize() --> 2147483648
]==]

lines [==[
("<i4"):unpack("\1\0\0\0") --> 1, 5
("<i4"):unpack("\1\0\0") --> error: bad argument #1 to 'unpack' (data string too short)
("<i2"):unpack("\xfe\xff") --> -2, 3
("<I2"):unpack("\xfe\xff") --> 65534, 3
("b"):unpack("\x80") --> -128, 2
("B"):unpack("\x80") --> 128, 2
("<i4"):unpack("xx\1\0\0\0", 3) --> 1, 7
("<i4"):unpack("\1\0\0\0", -4) --> 1, 5
("<i4"):unpack("\1\0\0\0", 6) --> error: bad argument #2 to 'unpack' (initial position out of string)
("<i4"):unpack("\1\0\0\0", 5) --> error: bad argument #1 to 'unpack' (data string too short)
("<i4"):unpack("\1\0\0\0", -9) --> 1, 5
(""):unpack("abc") --> 1
(""):unpack("abc", 4) --> 4
("z"):unpack("abc\0def") --> "abc", 5
("z"):unpack("abc") --> error: bad argument #1 to 'unpack' (unfinished string for format 'z')
("s1"):unpack("\3abcd") --> "abc", 5
("s1"):unpack("\9abc") --> error: bad argument #1 to 'unpack' (data string too short)
("c2"):unpack("abc") --> "ab", 3
("c5"):unpack("abc") --> error: bad argument #1 to 'unpack' (data string too short)
("<d"):unpack(("<d"):pack(math.pi)) --> 3.1415926535897931, 9
("<f"):unpack(("<f"):pack(0.1)) --> 0.10000000149011612, 5
("<f"):unpack("\0\0\xc0\x7f") --> nan, 5
("<d"):unpack("\0\0\0\0\0\0\xf0\xff") --> -inf, 9
("<i16"):unpack(("\xff"):rep(16)) --> -1, 17
("<I16"):unpack(("\xff"):rep(8) .. ("\0"):rep(8)) --> -1, 17
("<i16"):unpack(("\xff"):rep(9) .. ("\0"):rep(7)) --> error: 16-byte integer does not fit into Lua Integer
("<I9"):unpack(("\0"):rep(8) .. "\1") --> error: 9-byte integer does not fit into Lua Integer
("<i3"):unpack("\xff\xff\xff") --> -1, 4
("<I3"):unpack("\xff\xff\xff") --> 16777215, 4
("<j"):unpack(("\xff"):rep(8)) --> -1, 9
("<bxb"):unpack("\1\0\2") --> 1, 2, 4
("<!4 b i4"):unpack("\1\0\0\0\2\0\0\0") --> 1, 2, 9
("<i1i1i1"):unpack("\1\2\3") --> 1, 2, 3, 4
(">z s2 B"):unpack("ab\0\0\1x\7") --> "ab", "x", 7, 8
("i4"):unpack() --> error: bad argument #1 to 'unpack' (string expected, got no value)
("<i4"):packsize() --> 4
("b h i i8 f d n j"):packsize() --> 43
("!8 b d"):packsize() --> 16
("!4 b i4 h"):packsize() --> 10
("<i3 c10 x"):packsize() --> 14
("z"):packsize() --> error: calling 'packsize' on bad self (variable-length format)
("s1"):packsize() --> error: calling 'packsize' on bad self (variable-length format)
(""):packsize() --> 0
("!16 b i16"):packsize() --> 32
("!"):packsize() --> 0
]==]

-- Every integer size in both orders, signed and unsigned, with values at its edges.
local done = {}
for size = 1, 16 do
  local top = size < 8 and (1 << size * 8) - 1 or math.maxinteger
  for _, order in ipairs({ "<", ">" }) do
    for _, letter in ipairs({ "i", "I" }) do
      local format = order .. letter .. size
      for _, value in ipairs({ 0, 1, -1, top, top // 2, top // 2 + 1, -(top // 2) - 1, top + 1 }) do
        local name = ("pack %s of %d"):format(format, value)
        if not done[name] then
          done[name] = true
          run(name, nil, function()
            local packed = format:pack(value)
            return packed, format:unpack(packed)
          end)
        end
      end
    end
  end
end
for _, format in ipairs({ "<f", ">f", "<d", ">d", "<n", ">n" }) do
  for _, value in ipairs({ 0.0, -0.0, 1.0, -1.5, 0.1, 1e30, 1e-40, 1e300, math.huge, -math.huge, 3 }) do
    run(("pack %s of %s"):format(format, value), nil, function()
      local packed = format:pack(value)
      return packed, format:unpack(packed)
    end)
  end
end
for _, align in ipairs({ 1, 2, 4, 8, 16 }) do
  for _, letter in ipairs({ "b", "h", "i", "i8", "f", "d", "j", "i2", "i4", "i16" }) do
    local format = ("<!%d b %s"):format(align, letter)
    run("align " .. format, nil, function() return format:packsize(), format:pack(1, 2) end)
  end
end
suite.finish(744)
