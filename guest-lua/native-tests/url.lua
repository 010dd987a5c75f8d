-- Library url, and the query functions that the HTTP bindings use.

local checks = 0

local function eq (got, expected)
  checks = checks + 1
  if got ~= expected or math.type(got) ~= math.type(expected) then
    error(string.format("expected %s, got %s", tostring(expected),
                        tostring(got)), 2)
  end
end

local function raises (message, f, ...)
  local ok, err = pcall(f, ...)
  eq(ok, false)
  eq(err, message)
end

local fields <const> = {"scheme", "host", "port", "path", "query", "fragment",
                        "username", "password"}

-- All fields but params are as given; those not given are nil.
local function parses (text, expected)
  local u = url.parse(text)
  for _, name in ipairs(fields) do
    local got = u[name]
    if got ~= expected[name] or math.type(got) ~= math.type(expected[name]) then
      error(string.format("%s: expected %s = %s, got %s", text, name,
                          expected[name], got), 2)
    end
    checks = checks + 1
  end
  eq(type(u.params), "table")
  return u
end

parses("http://example.com", {scheme = "http", host = "example.com", port = 80, path = "/"})
parses("HTTPS://Example.COM:8443/A/b?x=1&y#Frag", {
  scheme = "https", host = "example.com", port = 8443, path = "/A/b",
  query = "x=1&y", fragment = "Frag"})
parses("ws://h/chat", {scheme = "ws", host = "h", port = 80, path = "/chat"})
parses("wss://h?", {scheme = "wss", host = "h", port = 443, path = "/", query = ""})
parses("http://h:/#", {scheme = "http", host = "h", port = 80, path = "/", fragment = ""})
parses("http://h:0/", {scheme = "http", host = "h", port = 0, path = "/"})
parses("http://h:65535/", {scheme = "http", host = "h", port = 65535, path = "/"})
parses("http://h:00080/", {scheme = "http", host = "h", port = 80, path = "/"})
parses("http://us%40er:p%3Aa:b@h:1/", {
  scheme = "http", host = "h", port = 1, path = "/", username = "us@er",
  password = "p:a:b"})
parses("ftp://me@h/x", {scheme = "ftp", host = "h", path = "/x", username = "me"})
parses("http://[::1]:9000/x", {scheme = "http", host = "::1", port = 9000, path = "/x"})
parses("http://[2001:DB8::1]", {scheme = "http", host = "2001:db8::1", port = 80, path = "/"})
parses("file:///etc/hosts", {scheme = "file", path = "/etc/hosts"})
parses("mailto:a@b.c?subject=x", {scheme = "mailto", path = "a@b.c", query = "subject=x"})
parses("urn:isbn:123", {scheme = "urn", path = "isbn:123"})
parses("/path?a=1#f", {path = "/path", query = "a=1", fragment = "f"})
parses("http://h/a?b?c#d#e", {
  scheme = "http", host = "h", port = 80, path = "/a", query = "b?c", fragment = "d#e"})
parses("http://h/@:x", {scheme = "http", host = "h", port = 80, path = "/@:x"})
parses("http://b\u{fc}cher.example/", {
  scheme = "http", host = "b\u{fc}cher.example", port = 80, path = "/"})
parses("http://h?q=/x", {scheme = "http", host = "h", port = 80, path = "/", query = "q=/x"})

do
  local p = url.parse("http://h/?a=1&b=x+y%20z&a=2&c&=e&&d=%zz&f=a=b").params
  eq(p.a, "2")
  eq(p.b, "x y z")
  eq(p.c, "")
  eq(p[""], "e")
  eq(p.d, "%zz")
  eq(p.f, "a=b")
  eq(next(url.parse("http://h/").params), nil)
  eq(next(url.parse("http://h/?").params), nil)
end

for text, message in pairs {
  [""] = "the text is empty",
  ["example.com/x"] = "expected a scheme (as in https://) or a path from '/'",
  ["not a url"] = "byte 4 is a space, a control character or a backslash",
  ["http://h/\r\nX: y"] = "byte 10 is a space, a control character or a backslash",
  ["http://h\0.evil/"] = "byte 9 is a space, a control character or a backslash",
  ["http://good\\@evil/"] = "byte 12 is a space, a control character or a backslash",
  ["//h/x"] = "expected a scheme (as in https://) or a path from '/'",
  ["?x"] = "expected a scheme (as in https://) or a path from '/'",
  ["://h"] = "expected a scheme (as in https://) or a path from '/'",
  ["1http://h"] = "expected a scheme (as in https://) or a path from '/'",
  ["http:"] = "a http URL needs a host",
  ["http:/h"] = "a http URL needs a host",
  ["http://"] = "a http URL needs a host",
  ["https:///x"] = "a https URL needs a host",
  ["http://:80/"] = "a port without a host",
  ["http://u@/"] = "a http URL needs a host",
  ["http://h:x/"] = "port must be a number from 0 to 65535",
  ["http://h:65536/"] = "port must be a number from 0 to 65535",
  ["http://h:-1/"] = "port must be a number from 0 to 65535",
  ["http://h:99999999999999999999/"] = "port must be a number from 0 to 65535",
  ["http://a@b@c/"] = "more than one '@' before the path",
  ["http://a<b/"] = "host has a character that must not be in it",
  ["http://a]/"] = "host has a character that must not be in it",
  ["http://[::1/"] = "expected ']' after an IPv6 address",
  ["http://[::1]x/"] = "expected ':' after an IPv6 address",
  ["http://[v1.x]/"] = "host in brackets must be an IPv6 address",
  ["http://[]/"] = "host in brackets must be an IPv6 address",
} do
  raises("url.parse: " .. message, url.parse, text)
end
raises("url.parse: argument #1 must be a string, got no value", url.parse)
raises("url.parse: argument #1 must be a string, got table", url.parse, {})

-- encode and decode
eq(url.encode(""), "")
eq(url.encode("AZaz09-._~"), "AZaz09-._~")
eq(url.encode("a b&c=d/e?f+g%\0\u{e9}"), "a%20b%26c%3Dd%2Fe%3Ff%2Bg%25%00%C3%A9")
eq(url.encode(12), "12")
eq(url.decode(""), "")
eq(url.decode("a%20b+c%2B%2b%C3%a9"), "a b c++\u{e9}")
eq(url.decode("%"), "%")
eq(url.decode("%4"), "%4")
eq(url.decode("%41%4"), "A%4")
eq(url.decode("%zz%4g%%41"), "%zz%4g%A")
eq(url.decode("%00"), "\0")
do
  local bytes = {}
  for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
  local all = table.concat(bytes)
  eq(url.decode(url.encode(all)), all)
  eq(url.parse("/?" .. url.encode {k = all}).params.k, all)
end

eq(url.encode {}, "")
eq(url.encode {b = 1, a = "x y", c = true, d = false, e = 1.5}, "a=x+y&b=1&c=true&d=false&e=1.5")
eq(url.encode {list = {1, "two", true}, empty = {}, z = ""}, "list=1&list=two&list=true&z=")
eq(url.encode {["a&b="] = "c&d=\u{20ac}"}, "a%26b%3D=c%26d%3D%E2%82%AC")
eq(T.query(setmetatable({}, {__pairs = function () return next, {x = 1, a = 2} end})), "a=2&x=1")
local kinds <const> = " must be a string, a number, a boolean or an array of these, got "
raises("url.encode: value of 'f'" .. kinds .. "function", url.encode, {f = print})
raises("url.encode: value of 'f'" .. kinds .. "table", url.encode, {f = {{}}})
raises("url.encode: value of 'f'" .. kinds .. "a table that is no array", url.encode, {f = {a = 1}})
raises("url.encode: value of 'f'" .. kinds .. "a table that is no array", url.encode, {f = {1, nil, 3}})
raises("url.encode: value of 'f'" .. kinds .. "a number that is not finite", url.encode, {f = 0 / 0})
raises("url.encode: names must be strings, got number", url.encode, {"x"})
raises("url.encode: argument #1 must be a string or a table, got no value", url.encode)
raises("url.decode: argument #1 must be a string, got no value", url.decode)

-- arrays of values
do
  local p = T.params("a=1&b=2&a=3&a=&c", true)
  eq(table.concat(p.a, "|"), "1|3|")
  eq(table.concat(p.b, "|"), "2")
  eq(#p.c, 1)
  eq(p.c[1], "")
  eq(T.params("a=1&a=2", false).a, "2")
  eq(next(T.params("&&&", true)), nil)
  local many = {}
  for i = 1, 1000 do many[i] = "k=" .. i end
  eq(#T.params(table.concat(many, "&"), true).k, 1000)
end

eq(T.starve(function () url.parse("http://u:p@h/p?a=1&b=%20#f") end) > 5, true)
eq(T.starve(function () url.encode {a = {1, 2}, b = "x"} end) > 5, true)
eq(T.starve(function () T.params("a=1&a=2", true) end) > 3, true)

print(checks .. " checks")
