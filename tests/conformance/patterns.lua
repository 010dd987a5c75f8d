-- Patterns: find, match, gmatch, gsub.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check

lines [==[
("hello"):find("l") --> 3, 3
("hello"):find("l", 4) --> 4, 4
("hello"):find("l", -1) --> nil
("hello"):find("l", -2) --> 4, 4
("hello"):find("") --> 1, 0
("hello"):find("", 6) --> 6, 5
("hello"):find("", 7) --> nil
("hello"):find("", 100) --> nil
("hello"):find("xyz") --> nil
("hello"):find("h", -100) --> 1, 1
("hello"):find("ll", 1, true) --> 3, 4
("a.b"):find(".", 1, true) --> 2, 2
("a+b"):find("+", 1, true) --> 2, 2
("a\0b"):find("\0") --> 2, 2
("a\0b"):find("%z") --> 2, 2
("a\0b"):find("b", 1, true) --> 3, 3
("hello"):find("(l)(l)") --> 3, 4, "l", "l"
("hello"):find("()ll()") --> 3, 4, 3, 5
("hello"):find("l", math.mininteger) --> 3, 3
("hello"):find("l", math.maxinteger) --> nil
("hello"):find("l", 1.5) --> error: bad argument #2 to 'find' (number has no integer representation)
("hello"):find() --> error: bad argument #1 to 'find' (string expected, got no value)
("hello"):find(nil) --> error: bad argument #1 to 'find' (string expected, got nil)
("x1y2"):find(1) --> 2, 2
("hello"):match("h(.)l") --> "e"
("hello"):match("h.l") --> "hel"
("hello"):match("^l") --> nil
("hello"):match("^l", 3) --> "l"
("hello"):match("o$") --> "o"
("hello"):match("l$") --> nil
("a$b"):match("a$b") --> "a$b"
("a^b"):match("a^b") --> "a^b"
("hello"):match("()") --> 1
("hello"):match(".-") --> ""
("hello"):match(".-$") --> "hello"
("hello"):match("l*", 3) --> "ll"
("hello"):match("l*") --> ""
("hello"):match("l+") --> "ll"
("hello"):match("l-o") --> "llo"
("hello"):match("el?l?l?o") --> "ello"
("key = value"):match("^(%w+)%s*=%s*(%w+)$") --> "key", "value"
("  trim  "):match("^%s*(.-)%s*$") --> "trim"
("2024-01-31"):match("(%d+)-(%d+)-(%d+)") --> "2024", "01", "31"
("abc"):match("((a)(b)(c))") --> "abc", "a", "b", "c"
("abc"):match("(a)(b)?") --> nil
("ab?"):match("(a)(b)?") --> "a", "b"
("aa"):match("(a)%1") --> "a"
("ab"):match("(a)%1") --> nil
("\"quoted\" 'x'"):match("([\"'])(.-)%1") --> "\x22", "quoted"
("f(a(b)c)d"):match("%b()") --> "(a(b)c)"
("((("):match("%b()") --> nil
("[[x]]"):match("%b[]") --> "[[x]]"
("xx"):match("%bxx") --> "xx"
("THE (quick) fox"):find("%((%a+)%)") --> 5, 11, "quick"
("hello world"):match("%f[%w]%w+", 2) --> "world"
("THE (quick) fox"):gsub("%f[%a]%a+", "x") --> "x (x) x", 3
("abc"):match("%f[%z]") --> ""
("abc"):find("%f[\0]") --> 4, 3
("[]"):match("[]]") --> "]"
("a-b"):match("[a-]+") --> "a-"
("a-b"):match("[-a]+") --> "a-"
("^x"):match("[x^]+") --> "^x"
("abc"):match("[^a]+") --> "bc"
("a]b"):match("[^]]+") --> "a"
("x.y"):match("[%.]") --> "."
("a%b"):match("%%") --> "%"
("5-3"):match("[0-9]%-[0-9]") --> "5-3"
("azAZ09"):match("[a-zA-Z]+") --> "azAZ"
("\xe9"):match("[\xe0-\xef]") --> "\xE9"
("a b"):match("[%s]") --> " "
("abc123"):match("[%a%d]+") --> "abc123"
("abc123"):match("[^%a]+") --> "123"
("abc"):match("%A") --> nil
("a,b"):match("%P+") --> "a"
("x"):match("(x)(y)") --> nil
("abc"):match("b", -1) --> nil
("abc"):match("") --> ""
("abc"):match("", 4) --> ""
("abc"):match("", 5) --> nil
(""):match(".*") --> ""
("a\nb"):match("a.b") --> "a\x0Ab"
("aaab"):match("a-b") --> "aaab"
("aaab"):match("^(a-)b$") --> "aaa"
("x^y$z"):gsub("[$^]", "%%%0") --> "x%^y%$z", 2
]==]

-- Malformed patterns, and replacements.
lines [==[
("a"):match("[") --> error: malformed pattern (missing ']')
("a"):match("[a") --> error: malformed pattern (missing ']')
("a"):match("[]") --> error: malformed pattern (missing ']')
("a"):match("[^]") --> error: malformed pattern (missing ']')
("a"):match("[a%") --> error: malformed pattern (missing ']')
("a"):match("%") --> error: malformed pattern (ends with '%')
("a"):match("(") --> error: unfinished capture
("a"):match(")") --> error: invalid pattern capture
("a"):match("(a") --> error: unfinished capture
("a"):match("a)") --> error: invalid pattern capture
("a"):match("%1") --> error: invalid capture index %1
("a"):match("(%1)") --> error: invalid capture index %1
("a"):match("(a)%2") --> error: invalid capture index %2
("a"):match("%0") --> error: invalid capture index %0
("a"):match("%b") --> error: malformed pattern (missing arguments to '%b')
("a"):match("%bx") --> error: malformed pattern (missing arguments to '%b')
("a"):match("%f") --> error: missing '[' after '%f' in pattern
("a"):match("%fa") --> error: missing '[' after '%f' in pattern
("a"):match(("("):rep(33) .. "a" .. (")"):rep(33)) --> error: too many captures
("a"):match(("()"):rep(32)) --> 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
("a"):gsub("a", "%") --> error: invalid use of '%' in replacement string
("a"):gsub("a", "%x") --> error: invalid use of '%' in replacement string
("a"):gsub("a", "%2") --> error: invalid capture index %2
("a"):gsub("a", "%1") --> "a", 1
("a"):gsub("a", "%%") --> "%", 1
("a"):gsub("a", "%0%0") --> "aa", 1
("a"):gsub("a", {}) --> "a", 1
("a"):gsub("a", function() end) --> "a", 1
("a"):gsub("a", function() return false end) --> "a", 1
("a"):gsub("a", function() return true end) --> error: invalid replacement value (a boolean)
("a"):gsub("a", function() return {} end) --> error: invalid replacement value (a table)
("a"):gsub("a", { a = true }) --> error: invalid replacement value (a boolean)
("a"):gsub("a", { a = 5 }) --> "5", 1
("a"):gsub("a", { a = 5.5 }) --> "5.5", 1
("a"):gsub("a", 5) --> "5", 1
("a"):gsub("a", nil) --> error: bad argument #2 to 'gsub' (string/function/table expected, got nil)
("a"):gsub("a") --> error: bad argument #2 to 'gsub' (string/function/table expected, got no value)
("a"):gsub("a", true) --> error: bad argument #2 to 'gsub' (string/function/table expected, got boolean)
("a"):gsub() --> error: bad argument #1 to 'gsub' (string expected, got no value)
("a"):gsub("a", "b", "x") --> error: bad argument #3 to 'gsub' (number expected, got string)
("a"):gsub("a", "b", 1.5) --> error: bad argument #3 to 'gsub' (number has no integer representation)
("a"):gsub("a", function() error("inside", 0) end) --> bare error: inside
(("a"):rep(300000)):match(("a?"):rep(300) .. ("a"):rep(10)) ~= nil --> error: pattern too complex
("x"):rep(1000):match(".-b") --> nil
("x"):rep(1000):match(("(x"):rep(30)) --> error: unfinished capture
]==]

-- gsub and gmatch.
lines [==[
("hello"):gsub("l", "L") --> "heLLo", 2
("hello"):gsub("l", "L", 1) --> "heLlo", 1
("hello"):gsub("l", "L", 0) --> "hello", 0
("hello"):gsub("l", "L", -1) --> "hello", 0
("hello"):gsub("", "-") --> "-h-e-l-l-o-", 6
(""):gsub("", "-") --> "-", 1
("hello"):gsub("x", "y") --> "hello", 0
("hello"):gsub(".", "%0%0") --> "hheelllloo", 5
("hello"):gsub("(h)(e)", "%2%1") --> "ehllo", 1
("hello world"):gsub("%w+", "<%0>") --> "<hello> <world>", 2
("hello"):gsub("^h", "H") --> "Hello", 1
("hhh"):gsub("^h", "H") --> "Hhh", 1
("abc"):gsub("%w", { a = "1", b = false, c = 3 }) --> "1b3", 3
("abc"):gsub("%w", function(c) return c:upper() end) --> "ABC", 3
("abc"):gsub("(a)(b)", function(a, b) return b .. a end) --> "bac", 1
("abc"):gsub("()", function(p) return p end) --> "1a2b3c4", 4
("$name is $age"):gsub("%$(%w+)", { name = "Lua", age = 30 }) --> "Lua is 30", 2
("a b c"):gsub(" ", "", 1) --> "ab c", 1
("abc def"):gsub("%f[%w]%w", string.upper) --> "Abc Def", 2
("a.b.c"):gsub("%.", "%%") --> "a%b%c", 2
("x = 1"):gsub("(%w+) = (%w+)", "%2 = %1") --> "1 = x", 1
("aaa"):gsub("a*", "-") --> "-", 1
("baaac"):gsub("a*", "-") --> "-b-c-", 3
("abc"):gsub("b*", "x") --> "xaxcx", 3
("one;two;;four"):gsub(";;", ";nil;") --> "one;two;nil;four", 1
("\0a\0"):gsub("%z", "0") --> "0a0", 2
("x"):gsub("x", "%0\0") --> "x\x00", 1
("abc"):gsub("", "", 2) --> "abc", 2
("abc"):gsub(".", setmetatable({}, { __index = function(_, k) return k .. k end })) --> "aabbcc", 3
local t = {} for w in ("one two three"):gmatch("%a+") do t[#t + 1] = w end return table.concat(t, ",") --> "one,two,three"
local t = {} for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do t[#t + 1] = k .. v end return table.concat(t, ",") --> "a1,b2"
local t = {} for p in ("abc"):gmatch("()") do t[#t + 1] = p end return table.concat(t, ",") --> "1,2,3,4"
local t = {} for w in ("abc"):gmatch("") do t[#t + 1] = "[" .. w .. "]" end return table.concat(t) --> "[][][][]"
local t = {} for w in ("hello"):gmatch("l", 4) do t[#t + 1] = w end return #t --> 1
local t = {} for w in ("hello"):gmatch("l", -2) do t[#t + 1] = w end return #t --> 1
local t = {} for w in ("hello"):gmatch(".", 10) do t[#t + 1] = w end return #t --> 0
local t = {} for w in ("^a^a"):gmatch("^a") do t[#t + 1] = w end return #t --> 2
local f = ("ab"):gmatch(".") return f(), f(), f(), f() --> "a", "b", nil
("x"):gmatch() --> error: bad argument #1 to 'gmatch' (string expected, got no value)
type(("x"):gmatch("x")) --> "function"
]==]

-- Every class and its complement against every byte, as one text of 0 and 1.
for class in ("acdglpsuwxzACDGLPSUWXZ"):gmatch(".") do
  local members = {}
  for byte = 0, 255 do members[#members + 1] = string.char(byte):match("^%" .. class .. "$") and "1" or "0" end
  check("members of %" .. class, nil, table.concat(members))
end
for punctuation in ("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"):gmatch(".") do
  check("escaped " .. punctuation, nil, punctuation:find("%" .. punctuation), ("a" .. punctuation):find("[%" .. punctuation .. "]"),
    ("x" .. punctuation .. "y"):gsub("%" .. punctuation, "%%"))
end

-- Each pattern against each subject: what find gives, captures and all.
local subjects = { "", "a", "ab", "aab", "abcabc", "a1b2", "  a  b ", "(a(b)c)", "a.b-c", "x=y;z" }
local patterns = { "a", "a*", "a+", "a-b", "a?b", "^a", "b$", "^$", ".", "..", "(.)(.)", "(.-)b", "(.*)b", "%w+", "%s*", "[abc]+", "[^abc]",
  "%b()", "()a()", "(.)%1", "%f[%w]%w", "%p", "%W", "^.-$", "a.-b", "[%w]-$", "^(%s*)", "((a)(b))" }
for _, pattern in ipairs(patterns) do
  for _, subject in ipairs(subjects) do
    run(("find %q in %q"):format(pattern, subject), nil, string.find, subject, pattern)
    run(("gsub %q in %q"):format(pattern, subject), nil, string.gsub, subject, pattern, "<%0>")
  end
end
suite.finish(783)
