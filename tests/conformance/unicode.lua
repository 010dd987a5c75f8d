-- The utf8 library.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check
lines [==[
utf8.char() --> ""
utf8.char(72, 228, 8364, 128512) --> "H\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"
utf8.char(0) --> "\x00"
utf8.char(0x7FFFFFFF) --> "\xFD\xBF\xBF\xBF\xBF\xBF"
utf8.char(0x80000000) --> error: bad argument #1 to 'char' (value out of range)
utf8.char(-1) --> error: bad argument #1 to 'char' (value out of range)
utf8.char("x") --> error: bad argument #1 to 'char' (number expected, got string)
utf8.char(65, {}) --> error: bad argument #2 to 'char' (number expected, got table)
utf8.charpattern --> "[\x00-\x7F\xC2-\xFD][\x80-\xBF]*"
utf8.len("häß€") --> 4
utf8.len("") --> 0
utf8.len("abc", 2) --> 2
utf8.len("abc", 4) --> 0
utf8.len("abc", 5) --> error: bad argument #2 to 'len' (initial position out of bounds)
utf8.len("abc", 0) --> error: bad argument #2 to 'len' (initial position out of bounds)
utf8.len("abc", -1) --> 1
utf8.len("abc", 1, -2) --> 2
utf8.len("abc", 1, 5) --> error: bad argument #3 to 'len' (final position out of bounds)
utf8.len("abc", 3, 2) --> 0
utf8.len("a\xffb") --> nil, 2
utf8.len("\xe4") --> nil, 1
utf8.len("\xc0\x80") --> nil, 1
utf8.len("\xed\xa0\x80") --> nil, 1
utf8.len("\xed\xa0\x80", 1, -1, true) --> 1
utf8.len("\xf4\x90\x80\x80") --> nil, 1
utf8.len("\xf4\x90\x80\x80", 1, -1, true) --> 1
utf8.len("\xfd\xbf\xbf\xbf\xbf\xbf", 1, -1, true) --> 1
utf8.len("ä", 2) --> nil, 2
utf8.len(5) --> 1
utf8.len() --> error: bad argument #1 to 'len' (string expected, got no value)
utf8.codepoint("ä") --> 228
utf8.codepoint("aäb", 1, -1) --> 97, 228, 98
utf8.codepoint("abc", 2) --> 98
utf8.codepoint("abc", 2, 1) --> 
utf8.codepoint("abc", 4) --> error: bad argument #3 to 'codepoint' (out of bounds)
utf8.codepoint("abc", 1, 4) --> error: bad argument #3 to 'codepoint' (out of bounds)
utf8.codepoint("abc", 0) --> error: bad argument #2 to 'codepoint' (out of bounds)
utf8.codepoint("\xff") --> error: invalid UTF-8 code
utf8.codepoint("ä", 2) --> error: invalid UTF-8 code
utf8.codepoint("\xed\xa0\x80") --> error: invalid UTF-8 code
utf8.codepoint("\xed\xa0\x80", 1, 1, true) --> 55296
utf8.codepoint("\xf4\x90\x80\x80", 1, 1, true) --> 1114112
utf8.offset("aäb", 1) --> 1, 1
utf8.offset("aäb", 2) --> 2, 3
utf8.offset("aäb", 3) --> 4, 4
utf8.offset("aäb", 4) --> 5, 5
utf8.offset("aäb", 5) --> nil
utf8.offset("aäb", -1) --> 4, 4
utf8.offset("aäb", -2) --> 2, 3
utf8.offset("aäb", -4) --> nil
utf8.offset("aäb", 0, 3) --> 2, 3
utf8.offset("aäb", 0, 2) --> 2, 3
utf8.offset("aäb", 1, 3) --> error: initial position is a continuation byte
utf8.offset("aäb", 1, 2) --> 2, 3
utf8.offset("aäb", 1, 9) --> error: bad argument #3 to 'offset' (position out of bounds)
utf8.offset("abc", 5, -1) --> nil
utf8.offset("", 1) --> 1, 1
utf8.offset("", 0) --> 1, 1
utf8.offset("") --> error: bad argument #2 to 'offset' (number expected, got no value)
local t = {} for p, c in utf8.codes("aä€") do t[#t + 1] = p .. "=" .. c end return table.concat(t, " ") --> "1=97 2=228 4=8364"
local t = {} for p, c in utf8.codes("") do t[#t + 1] = p end return #t --> 0
for p, c in utf8.codes("a\xff") do end --> error: invalid UTF-8 code
for p, c in utf8.codes("\xe4b") do end --> error: invalid UTF-8 code
for p, c in utf8.codes("\x80") do end --> error: bad argument #1 to 'codes' (invalid UTF-8 code)
for p, c in utf8.codes("\xed\xa0\x80") do end --> error: invalid UTF-8 code
local n = 0 for p, c in utf8.codes("\xed\xa0\x80\xf4\x90\x80\x80", true) do n = n + c end return n --> 1169408
for p, c in utf8.codes("ab\xc3") do end --> error: invalid UTF-8 code
utf8.codes() --> error: bad argument #1 to 'codes' (string expected, got no value)
local n = 0 for _ in ("aä€"):gmatch(utf8.charpattern) do n = n + 1 end return n --> 3
]==]
local codes = { 0, 1, 0x7F, 0x80, 0xFF, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF, 0x110000, 0x1FFFFF, 0x200000, 0x3FFFFFF, 0x4000000, 0x7FFFFFFF }
for _, code in ipairs(codes) do
  local text = utf8.char(code)
  local name = ("%X"):format(code)
  check("encode " .. name, nil, text, #text, utf8.len(text), utf8.len(text, 1, -1, true))
  run("decode " .. name, nil, utf8.codepoint, text)
  run("decode laxly " .. name, tostring(code), utf8.codepoint, text, 1, 1, true)
  run("escape " .. name, nil, load(("return '\\u{%X}' == ..."):format(code)), text)
  for cut = 1, #text - 1 do
    run(("%s cut at %d"):format(name, cut), nil, utf8.codepoint, text:sub(1, cut), 1, 1, true)
    check(("%s length from %d"):format(name, cut + 1), nil, utf8.len(text .. "a", cut + 1, -1, true))
  end
end
-- Offsets from every position of a mixed text.
local mixed = "aä€😀z"
for i = -12, 12 do
  for n = -3, 3 do
    run(("offset %d from %d"):format(n, i), nil, utf8.offset, mixed, n, i)
  end
  run(("len from %d"):format(i), nil, utf8.len, mixed, i)
  run(("codepoint at %d"):format(i), nil, utf8.codepoint, mixed, i)
end
suite.finish(464)
