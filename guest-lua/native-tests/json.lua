-- Library json: parse, encode, shapes, errors, limits.

local checks = 0

local function eq (got, expected)
  checks = checks + 1
  if got ~= expected or math.type(got) ~= math.type(expected) then
    error(string.format("expected %s, got %s", tostring(expected),
                        tostring(got)), 2)
  end
end

-- 'f(...)' must raise exactly 'message', with this file's position or none.
local function raises (message, f, ...)
  local ok, err = pcall(f, ...)
  eq(ok, false)
  eq((string.gsub(err, "^[^:]+json.lua:%d+: ", "")), message)
end

local parse, encode, null = json.parse, json.encode, json.null

-- scalars
eq(parse("1"), 1)
eq(parse(" \t\r\n-12 "), -12)
eq(parse("1.0"), 1.0)
eq(parse("1e2"), 100.0)
eq(parse("1E+2"), 100.0)
eq(parse("25e-2"), 0.25)
eq(parse("0"), 0)
eq(1 / parse("-0"), -math.huge)
eq(1 / parse("-0.0"), -math.huge)
eq(parse("9223372036854775807"), math.maxinteger)
eq(parse("-9223372036854775808"), math.mininteger)
eq(parse("9223372036854775808"), 2.0 ^ 63)
eq(parse("-9223372036854775809"), -2.0 ^ 63)
eq(parse("18446744073709551616"), 2.0 ^ 64)
eq(parse("123456789012345678901234567890"), 123456789012345678901234567890.0)
eq(parse("0.1"), 0.1)
eq(parse("2.2250738585072014e-308"), 2.2250738585072014e-308)
eq(parse("5e-324"), 5e-324)
eq(parse("1e-400"), 0.0)
eq(parse("0e999999999999"), 0.0)
eq(parse("1.7976931348623157e308"), 1.7976931348623157e308)
eq(parse("0." .. string.rep("0", 5000) .. "1e5001"), 1.0)
eq(parse("1" .. string.rep("0", 300)), 1e300)
eq(parse("true"), true)
eq(parse("false"), false)
eq(parse("null"), nil)
eq(select("#", parse("null")), 1)
eq(parse('""'), "")
eq(parse(5), 5)

-- strings
eq(parse([["a\"\\\/\b\f\n\r\tz"]]), 'a"\\/\b\f\n\r\tz')
eq(parse([["\u0041\u00e9\u20AC\uD83D\ude00\u0000"]]), "A\u{e9}\u{20ac}\u{1f600}\0")
eq(parse('"\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"'),
   "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}")
for n = 0, 40 do  -- around the eight-byte steps
  local plain = string.rep("x", n)
  eq(parse('"' .. plain .. '"'), plain)
  eq(parse('"' .. plain .. '\\n' .. plain .. '"'), plain .. "\n" .. plain)
  eq(parse('"' .. plain .. '\u{20ac}"'), plain .. "\u{20ac}")
  eq(encode(plain .. '"'), '"' .. plain .. '\\""')
  eq(encode(plain .. "\1" .. plain), '"' .. plain .. '\\u0001' .. plain .. '"')
  raises(string.format("json.parse: line 1, column %d: expected valid UTF-8, "
         .. "got byte 0xFF", n + 2), parse, '"' .. plain .. '\xff"')
end

-- arrays and objects
do
  local t = parse('{"a": [1, 2.5, "x", null, {"b": null}], "c": {}, "d": []}')
  eq(#t.a, 5)
  eq(t.a[4], null)
  eq(next(t.a[5]), nil)
  eq(encode(t.c), "{}")
  eq(encode(t.d), "[]")
  t.d[1] = 7
  eq(encode(t.d), "[7]")
  eq(parse('[null]')[1], null)
  eq(parse('{"a": null}').a, nil)
  eq(parse('{"a": 1, "a": 2}').a, 2)
  eq(parse('{"a": 1, "a": null}').a, nil)
  eq(parse('{"": 3}')[""], 3)
  eq(encode(parse("[[],[[]],{}]")), "[[],[[]],{}]")
  local long = {}
  for i = 1, 5000 do long[i] = i end
  local back = parse("[" .. table.concat(long, " ,\n") .. "]")
  eq(#back, 5000)
  eq(back[5000], 5000)
end

-- errors of the parser
for text, message in pairs {
  [""] = "line 1, column 1: expected a value, got end of input",
  ["  \n "] = "line 2, column 2: expected a value, got end of input",
  ["[1,"] = "line 1, column 4: expected a value, got end of input",
  ["[1 2]"] = "line 1, column 4: expected ',' or ']', got '2'",
  ["[1,]"] = "line 1, column 4: expected a value, got ']'",
  ["[,1]"] = "line 1, column 2: expected a value, got ','",
  ["{,}"] = "line 1, column 2: expected a string or '}', got ','",
  ["{\"a\":1,}"] = "line 1, column 8: expected a string, got '}'",
  ["{\"a\" 1}"] = "line 1, column 6: expected ':', got '1'",
  ["{\"a\":1 \"b\":2}"] = "line 1, column 8: expected ',' or '}', got '\"'",
  ["{a:1}"] = "line 1, column 2: expected a string or '}', got 'a'",
  ["{\n  \"\u{20ac}\u{20ac}\": x}"] = "line 2, column 9: expected a value, got 'x'",
  ["1 2"] = "line 1, column 3: expected end of input, got '2'",
  ["[1]\n]"] = "line 2, column 1: expected end of input, got ']'",
  ["01"] = "line 1, column 2: expected end of input, got '1'",
  ["-"] = "line 1, column 2: expected a digit, got end of input",
  ["-a"] = "line 1, column 2: expected a digit, got 'a'",
  ["1."] = "line 1, column 3: expected a digit, got end of input",
  [".5"] = "line 1, column 1: expected a value, got '.'",
  ["+1"] = "line 1, column 1: expected a value, got '+'",
  ["1e"] = "line 1, column 3: expected a digit, got end of input",
  ["1e+"] = "line 1, column 4: expected a digit, got end of input",
  ["1e999"] = "line 1, column 1: expected a number that a float can hold, got a larger one",
  ["0x10"] = "line 1, column 2: expected end of input, got 'x'",
  ["NaN"] = "line 1, column 1: expected a value, got 'N'",
  ["nul"] = "line 1, column 4: expected 'null', got end of input",
  ["tru\0"] = "line 1, column 4: expected 'true', got byte 0x00",
  ["falsy"] = "line 1, column 5: expected 'false', got 'y'",
  ["'a'"] = "line 1, column 1: expected a value, got '''",
  ["\"a"] = "line 1, column 3: expected '\"' to end a string, got end of input",
  ["\"a\nb\""] = "line 1, column 3: expected an escape for a control character, got byte 0x0A",
  ["\"\\x\""] = "line 1, column 3: expected one of \"\\/bfnrtu after a backslash, got 'x'",
  ["\"\\"] = "line 1, column 3: expected one of \"\\/bfnrtu after a backslash, got end of input",
  ["\"\\u12G4\""] = "line 1, column 6: expected four hexadecimal digits after \\u, got 'G'",
  ["\"\\u12"] = "line 1, column 6: expected four hexadecimal digits after \\u, got end of input",
  ["\"\\uD800\""] = "line 1, column 8: expected a low surrogate after a high one, got '\"'",
  ["\"\\uD800\\n\""] = "line 1, column 8: expected a low surrogate after a high one, got '\\'",
  ["\"\\uD800\\u0041\""] = "line 1, column 8: expected a low surrogate after a high one, got another character",
  ["\"\\uDC00\""] = "line 1, column 2: expected a character, got a lone low surrogate",
  ["\"\xC0\x80\""] = "line 1, column 2: expected valid UTF-8, got byte 0xC0",
  ["\"\xED\xA0\x80\""] = "line 1, column 2: expected valid UTF-8, got byte 0xED",
  ["\"\xF4\x90\x80\x80\""] = "line 1, column 2: expected valid UTF-8, got byte 0xF4",
  ["\"\xE2\x82"] = "line 1, column 2: expected valid UTF-8, got byte 0xE2",
  ["\u{FEFF}1"] = "line 1, column 1: expected a value, got '\u{FEFF}'",
  ["[1]//"] = "line 1, column 4: expected end of input, got '/'",
} do
  raises("json.parse: " .. message, parse, text)
  raises("T.parse: " .. message, T.parse, text)
end
raises("json.parse: argument #1 must be a string, got no value", parse)
raises("json.parse: argument #1 must be a string, got table", parse, {})
do  -- the position is that of the caller
  local ok, err = pcall(function () parse("x") end)
  eq(not ok and string.match(err, "json.lua:%d+: json%.parse: line 1") ~= nil, true)
end

-- depth
do
  local deep = string.rep("[", 256) .. string.rep("]", 256)
  eq(encode(parse(deep)), deep)
  local objects = string.rep('{"a":', 255) .. "{}" .. string.rep("}", 255)
  eq(encode(parse(objects)), objects)
  raises("json.parse: line 1, column 257: expected at most 256 levels of "
         .. "nesting, got one more", parse, "[" .. deep .. "]")
  raises("json.parse: line 1, column 257: expected at most 256 levels of "
         .. "nesting, got one more", parse, string.rep("[", 1000000))
  local cycle = {}
  cycle.me = cycle
  raises("json.encode: nesting deeper than 256 levels (a cycle?) at "
         .. string.rep(".me", 16) .. "...", encode, cycle)
  local list = {}
  list[1] = list
  raises("json.encode: nesting deeper than 256 levels (a cycle?) at "
         .. string.rep("[1]", 16) .. "...", encode, list)
end

-- encode: scalars
eq(encode(nil), "null")
eq(encode(null), "null")
eq(tostring(null), "null")
eq(getmetatable(null), false)
eq(encode(true), "true")
eq(encode(false), "false")
eq(encode(0), "0")
eq(encode(math.mininteger), "-9223372036854775808")
eq(encode(math.maxinteger), "9223372036854775807")
for text in string.gmatch([[
    1.0 -1.0 0.0 -0.0 0.1 0.5 0.25 12.34 -99.99 100.001 0.001 0.0009765625
    123456.789012 999999999.999999 1000000000.0 123456789012345.0
    1e+15 1e+20 1e+300 1.5e+300 1e-05 1.234567890123e-07
    2.2250738585072014e-308 1.7976931348623157e+308
    0.30000000000000004 3.141592653589793 2.718281828459045 9007199254740993.0
    12345678901234568.0 0.1234567 1e-07]], "%S+") do
  local f = tonumber(text)
  if text ~= "9007199254740993.0" then eq(encode(f), text) end
  eq(parse(encode(f)), f)
end
eq(parse(encode(5e-324)), 5e-324)
eq(encode("a\"b\\c/\b\f\n\r\t\0\31\127\u{e9}\u{1f600}"),
   [["a\"b\\c/\b\f\n\r\t\u0000\u001f]] .. "\127\u{e9}\u{1f600}\"")

-- encode: tables
eq(encode({}), "{}")
eq(encode({1, 2, 3}), "[1,2,3]")
eq(encode({a = 1}), '{"a":1}')
eq(encode({{}, {{}}}), "[{},[{}]]")
eq(encode({1, null, 3}), "[1,null,3]")
eq(encode({a = null}), '{"a":null}')
eq(encode(table.move({1, 2, 3}, 1, 3, 1, {n = nil})), "[1,2,3]")
do  -- a sequence in the hash part, filled from its end
  local t = {}
  for i = 100, 1, -1 do t[i] = i end
  eq(encode(t):sub(1, 10), "[1,2,3,4,5")
  eq(#parse(encode(t)), 100)
end

-- encode: pinned shapes
eq(encode(json.array()), "[]")
eq(encode(json.array {}), "[]")
eq(encode(json.array {1, 2}), "[1,2]")
eq(encode(json.object()), "{}")
eq(encode(json.object {}), "{}")
eq(encode({list = json.array {}}), '{"list":[]}')
eq(encode(json.object {"x", "y"}, {indent = ""}):len(), #'{"1":"x","2":"y"}')
eq(encode(json.object {[10] = 1}), '{"10":1}')
eq(encode(json.object {[-1] = 1}), '{"-1":1}')
eq(encode(json.object(json.array {})), "{}")
eq(encode(json.array(json.object {})), "[]")
do
  local t = {}
  eq(json.array(t), t)
  local class = {__index = {hello = "x"}}
  local obj = setmetatable({}, class)
  json.array(obj)
  eq(getmetatable(obj), class)
  eq(class.__jsontype, "array")
  eq(obj.hello, "x")
  eq(encode(obj), "[]")
  json.object(obj)
  eq(encode(obj), "{}")
  eq(encode(json.array {}), "[]")  -- others keep theirs
  eq(encode(setmetatable({1}, {__jsontype = "object"})), '{"1":1}')
  eq(encode(setmetatable({}, {__jsontype = "other"})), '{}')
  raises("json.array: argument #1 has a protected metatable", json.array,
         setmetatable({}, {__metatable = false}))
  raises("json.object: argument #1 must be a table, got number", json.object, 1)
end

-- encode: __pairs
do
  local function lazy (t, meta)
    meta = meta or {}
    meta.__pairs = function () return next, t, nil end
    return setmetatable({}, meta)
  end
  eq(encode(lazy {}), "{}")
  eq(encode(lazy {}, {indent = 1}), "{}")
  eq(encode(lazy {x = {1}}), '{"x":[1]}')
  eq(encode(lazy {"a", "b"}), '["a","b"]')
  eq(encode(lazy({}, {__jsontype = "array"})), "[]")
  eq(encode(lazy({"a"}, {__jsontype = "object"})), '{"1":"a"}')
  eq(encode(lazy({"a"}, {__jsontype = "array"})), '["a"]')
  eq(encode(lazy {b = 1, a = lazy {2, 3}}, {indent = 1}),
     '{\n "a": [\n  2,\n  3\n ],\n "b": 1\n}')
  raises("json.encode: cannot encode a function at .x.f", encode,
         {x = lazy {f = print}})
  raises("json.encode: cannot encode a table whose keys are not all strings "
         .. "or exactly 1..n (it has the key [5]) at .x", encode,
         {x = lazy {[5] = 1}})
  raises("broken", encode, setmetatable({}, {__pairs = function ()
           error("broken", 0)
         end}))
  raises("attempt to call a nil value", encode, setmetatable({}, {
           __pairs = function () end}))
  raises("json.encode: nesting deeper than 256 levels (a cycle?) at "
         .. string.rep("[1]", 16) .. "...", encode, (function ()
           local t
           t = setmetatable({}, {__pairs = function () return next, {t} end})
           return t
         end)())
  -- a table that loses its keys while it is sorted and written
  local victim = {}
  for i = 1, 50 do victim["key" .. i] = i end
  victim.a = setmetatable({}, {__pairs = function ()
    for k in next, victim do victim[k] = nil end
    collectgarbage()
    return next, {}
  end})
  eq(#encode(victim, {indent = 2}) > 500, true)
end

-- encode: indentation
eq(encode({b = {1, {x = 2}}, a = "", ["a b"] = {}}, {indent = 2}), [[
{
  "a": "",
  "a b": {},
  "b": [
    1,
    {
      "x": 2
    }
  ]
}]])
eq(encode({1}, {indent = "\t"}), "[\n\t1\n]")
eq(encode({a = 1}, {indent = 0}), '{"a":1}')
eq(encode({a = 1}, {indent = ""}), '{"a":1}')
eq(encode({a = 1}, {}), '{"a":1}')
eq(encode({a = 1}, nil), '{"a":1}')
eq(encode(json.array {}, {indent = 2}), "[]")
eq(encode(1, {indent = 2}), "1")
eq(encode(json.object {"x", [-3] = 1, b = 2, a = 3}, {indent = 1}),
   '{\n "-3": 1,\n "1": "x",\n "a": 3,\n "b": 2\n}')
eq(encode({["\xc3\xa9"] = 1, z = 2, Z = 3, ["z\0"] = 4, [""] = 5}, {indent = 1}),
   '{\n "": 5,\n "Z": 3,\n "z": 2,\n "z\\u0000": 4,\n "\xc3\xa9": 1\n}')
for _, bad in ipairs {-1, 33, 1.5, 0 / 0, true, {}, "x", string.rep(" ", 33)} do
  eq(pcall(encode, {}, {indent = bad}), false)
end
raises("json.encode: opts.indent must be a number of spaces from 0 to 32 or "
       .. "as many spaces and tabs, got -1", encode, {}, {indent = -1})
raises("json.encode: argument #2 must be a table of options, got number",
       encode, {}, 2)
raises("json.encode: argument #1 must be a value, got no value", encode)

-- encode: errors name the path
local nonsequence = "json.encode: cannot encode a table whose keys are not all "
                    .. "strings or exactly 1..n "
raises("json.encode: cannot encode a function at the top level", encode, print)
raises("json.encode: cannot encode a function at .user.callback", encode,
       {user = {callback = print}})
raises("json.encode: cannot encode a coroutine at [2][1]", encode,
       {1, {coroutine.create(print)}})
raises("json.encode: cannot encode a userdata at .f", encode, {f = io.stdout})
raises("json.encode: cannot encode NaN at .x[1]", encode, {x = {0 / 0}})
raises("json.encode: cannot encode an infinity at .x", encode, {x = 1 / 0})
raises("json.encode: cannot encode an infinity at [1]", encode, {-1 / 0})
raises("json.encode: cannot encode a string that is not valid UTF-8 (byte 3) "
       .. "at .s", encode, {s = "ab\xff"})
raises("json.encode: cannot encode a key that is not valid UTF-8 (byte 1) at "
       .. ".s", encode, {s = {["\xff"] = 1}})
raises(nonsequence .. "(it has the key .a) at .m", encode, {m = {1, 2, a = 1}})
raises(nonsequence .. "(it has the key [5]) at the top level", encode, {[5] = 1})
raises(nonsequence .. "(it has the key [0]) at the top level", encode, {[0] = 1})
raises(nonsequence .. "(it has the key [1.5]) at the top level", encode, {[1.5] = 1})
raises(nonsequence .. "(it has a boolean key) at the top level", encode, {[true] = 1})
raises(nonsequence .. "(it has a table key) at .k", encode, {k = {[{}] = 1}})
eq(pcall(encode, {1, nil, 3}), false)  -- which key is wrong may vary
eq(pcall(encode, {nil, 2}), false)
eq(pcall(encode, {1, 2, nil, 4}), false)
raises("json.encode: cannot encode a table whose keys are not exactly 1..n "
       .. "(it has the key .x) at the top level", encode, json.array {x = 1})
raises("json.encode: cannot encode a table whose keys are not strings or "
       .. "integers (it has a boolean key) at the top level", encode,
       json.object {[true] = 1})
raises('json.encode: cannot encode a function at ["a b"]["\\x0A\\x22"].c_1', encode,
       {["a b"] = {["\n\""] = {c_1 = print}}})
raises('json.encode: cannot encode a function at ["' .. string.rep("k", 40)
       .. '..."][""]', encode, {[string.rep("k", 100)] = {[""] = print}})
raises("T.encode: cannot encode a function at .f", T.encode, {f = print})
eq(select(2, T.encode({1})), 2)  -- leaves one value on the stack

-- big documents, and no allocation that is not Lua's
do
  local s = string.rep("\u{20ac}x\n", 100000)
  eq(parse(encode(s)), s)
  local doc = '{"a":[1,2.5,"x\\ty",null,{"b":"' .. string.rep("z", 600)
              .. '"}],"c":[],"d":123456789012345678901234567890}'
  local value = parse(doc)
  eq(T.starve(function () parse(doc) end) > 5, true)
  eq(T.starve(function () encode(value) end) > 1, true)
  eq(T.starve(function () encode(value, {indent = 2}) end) > 5, true)
  eq(T.starve(function () pcall(encode, {a = {print}}) end) > 1, true)
end

print(checks .. " checks")
