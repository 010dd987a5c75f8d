-- Files of the folder 'out', which is empty when a script begins: Lua's 'io', and what else takes a path.
local suite = require("check")
local lines = suite.lines

local function write(name, text)
  local file <close> = assert(io.open("out/" .. name, "wb"))
  assert(file:write(text))
end

local function read(name)
  local file <close> = assert(io.open("out/" .. name, "rb"))
  return file:read("a")
end

-- The results of a function on an open file, then what is in the file.
local function with(mode, text, f)
  write("with", text)
  local file = assert(io.open("out/with", mode))
  local results = table.pack(f(file))
  if io.type(file) == "file" then file:close() end
  results[results.n + 1] = read("with")
  return table.unpack(results, 1, results.n + 1)
end

-- What can be read from a text, by these formats.
local function parts(text, ...)
  write("parts", text)
  local file <close> = assert(io.open("out/parts"))
  return file:read(...)
end

-- What an iterator gives, '|' between the values and ';' between the rounds.
local function all(...)
  local seen = {}
  for first, second in ... do seen[#seen + 1] = second and first .. "|" .. second or first end
  return table.concat(seen, ";")
end

-- Results or the error of a call, which says no more than what it is: handles have addresses.
local function kind(...)
  local results = table.pack(pcall(...))
  for i = 1, results.n do results[i] = io.type(results[i]) or results[i] end
  return table.unpack(results, 1, results.n)
end

local env = { write = write, read = read, with = with, parts = parts, all = all, kind = kind }
write("five", "12345")
write("four", "one\ntwo\n\nfour")

lines([[
io.type(io.stdin), io.type(io.stdout), io.type(io.stderr), io.type(1), io.type({}) --> "file", "file", "file", nil, nil
io.type() --> error: bad argument #1 to 'type' (value expected)
getmetatable(io.stdin).__name --> "FILE*"
io.open() --> error: bad argument #1 to 'open' (string expected, got no value)
io.open({}) --> error: bad argument #1 to 'open' (string expected, got table)
io.open("out/five", {}) --> error: bad argument #2 to 'open' (string expected, got table)
io.open("out/none") --> nil, "out/none: No such file or directory", 2
io.open("out/none", "r+") --> nil, "out/none: No such file or directory", 2
io.open("out/none/f", "w") --> nil, "out/none/f: No such file or directory", 2
io.open("out/five/f", "w") --> nil, "out/five/f: Not a directory", 20
io.open("out/five/f") --> nil, "out/five/f: Not a directory", 20
io.open("out", "w") --> nil, "out: Is a directory", 21
io.open("out/", "a") --> nil, "out/: Is a directory", 21
io.open("") --> nil, ": No such file or directory", 2
select(3, io.open("out/" .. ("n"):rep(256), "w")) --> 36
select(3, io.open("out/" .. ("n/"):rep(3000), "w")) --> 36
kind(io.open, "out/five") --> true, "file"
kind(function() local f = io.open("out/five") f:close() return f, tostring(f) end) --> true, "closed file", "file (closed)"
kind(function() local f = io.open("out/five") f:close() return f:read() end) --> false, "line:1: attempt to use a closed file"
kind(function() local f = io.open("out/five") f:close() return f:close() end) --> false, "line:1: attempt to use a closed file"
kind(function() local f <const> = io.open("out/five") return f:close(), f end) --> true, true, "closed file"
kind(function() local g do local f <close> = io.open("out/five") g = f end return g end) --> true, "closed file"
io.stdout.read({}) --> error: bad argument #1 to 'read' (FILE* expected, got table)
io.stdout.nothing --> nil
io.stdout:close() --> nil, "cannot close standard file"
]], env)

for _, mode in ipairs { "", "x", "rw", "r++", "rb+", "br", "+r", "r b", "rt", "R", "r\0", "w+b+", "wx", "ae" } do
  suite.run(("the mode %q"):format(mode), nil, io.open, "out/five", mode)
end

for _, mode in ipairs { "r", "rb", "r+", "r+b", "w", "wb", "w+", "w+b", "a", "ab", "a+", "a+b" } do
  local function named(what) return mode .. ": " .. what end
  local function run(what, f) suite.run(named(what), nil, with, mode, "12345", f) end
  run("reading", function(f) return f:read(2, 0, "a", "l") end)
  run("writing", function(f) return io.type(f:write("x", 7)), f:seek() end)
  run("writing what is no text", function(f) return pcall(f.write, f, "x", {}) end)
  run("writing nothing", function(f) return io.type(f:write()), io.type(f:write("")) end)
  run("where it begins", function(f) return f:seek() end)
  run("the end", function(f) return f:seek("end"), f:seek("cur", -2) end)
  run("writing behind the end", function(f) return f:seek("set", 7), (io.type(f:write("x"))) end)
  run("reading, then writing", function(f) return f:read(1), f:seek("cur", 0), io.type((f:write("x"))) end)
  run("writing, then reading", function(f) return io.type((f:write("x"))), f:seek("cur", 0), f:read("a") end)
  run("flushing", function(f) return io.type((f:write("x"))), io.type((f:flush())) end)
  run("lines", function(f) return all(f:lines()) end)
end

lines([[
parts("first\n\nthird\n", "l", "l", "l", "l") --> "first", "", "third", nil
parts("first\n\nthird", "L", "L", "L", "L") --> "first\x0A", "\x0A", "third", nil
parts("first\r\nsecond\0\n", "l", "L") --> "first\x0D", "second\x00\x0A"
parts("abcdef", 0, 1, 2, 10, 0) --> "", "a", "bc", "def", nil
parts("abc", "a", "a", 0, "l") --> "abc", "", nil
parts("abc", "*a") --> "abc"
parts("a\nb\nc", "*l", "*L", "*a") --> "a", "b\x0A", "c"
parts("abc", "x") --> bare error: files.lua:29: bad argument #1 to 'read' (invalid format)
parts("abc", "") --> bare error: files.lua:29: bad argument #1 to 'read' (invalid format)
parts("abc", {}) --> bare error: files.lua:29: bad argument #1 to 'read' (string expected, got table)
parts("abc", 1.5) --> bare error: files.lua:29: bad argument #1 to 'read' (number has no integer representation)
parts("abc", 2.0) --> "ab"
parts("abc", 1, "x") --> bare error: files.lua:29: bad argument #2 to 'read' (invalid format)
parts("", "a") --> ""
parts("", "l") --> nil
parts("", 0) --> nil
parts("\n", "l", "l") --> "", nil
parts("x\n") --> "x"
parts("1 2 3", "n", "n", "n", "n") --> 1, 2, 3, nil
parts("1x", "n", "a") --> 1, "x"
]], env)

for _, text in ipairs {
  "0", "-0", "+7", "12", "  \t\n 7", "1.", ".5", "0.5", "-.5e3", "1e5", "1e+5x", "1e", "1e+", "1ee", "--1", "+-1", "- 1", "0x", "0x10",
  "0xg", "0x.8", "0x1p4", "0x1p", "0x.p1", "0xA.8p-1", "1_000", "1,5", "nan", "inf", "99999999999999999999", "9223372036854775807",
  "-9223372036854775808", "9223372036854775808", "0xffffffffffffffff", "0x1ffffffffffffffff", "1e400", "1..2", "1.2.3", "0b1", "e1", ".",
  "x", "\0001", ("1"):rep(199), ("1"):rep(200), ("1"):rep(201), "0." .. ("3"):rep(250), (" "):rep(500) .. "1",
} do
  suite.run(("a number from %q"):format(text), nil, parts, text, "n", "a")
end

lines([[
all(io.lines("out/four")) --> "one;two;;four"
all(io.lines("out/four", "L")) --> "one\x0A;two\x0A;\x0A;four"
all(io.lines("out/four", 2, 3)) --> "on|e\x0At;wo|\x0A\x0Af;ou|r"
all(io.lines("out/four", "l", "l")) --> "one|two;|four"
select("#", io.lines("out/four")) --> 4
io.type((select(4, io.lines("out/four")))) --> "file"
io.lines("out/none") --> error: cannot open file 'out/none' (No such file or directory)
io.lines("out/four", "x") --> function, nil, nil, userdata
all(io.lines("out/four", "x")) --> bare error: files.lua:35: bad argument #2 to 'for iterator' (invalid format)
io.lines("out/four", table.unpack({}, 1, 250)) --> function, nil, nil, userdata
io.lines("out/four", table.unpack({}, 1, 251)) --> error: bad argument #252 to 'lines' (too many arguments)
pcall(function() local next_line = io.lines("out/five") next_line() next_line() return next_line() end) --> false, "line:1: file is already closed"
kind(function() local f = io.open("out/four") local next_line = f:lines() f:close() return next_line() end) --> false, "line:1: file is already closed"
kind(function() local _, _, _, f = io.lines("out/four") for _ in nil or io.lines("out/four") do break end return f end) --> true, "file"
]], env)

lines([[
with("r+", "0123456789", function(f) return f:seek(), f:seek("set", 3), f:read(2), f:seek(), f:seek("cur", -1), f:read(1) end)
with("r+", "0123456789", function(f) return f:seek("end"), f:seek("end", -2), f:read("a"), f:seek("end", 5), f:read(1) end)
with("r+", "0123456789", function(f) return f:seek("set", -1) end)
with("r+", "0123456789", function(f) return f:seek("cur", -1) end)
with("r+", "0123456789", function(f) return f:seek("end", -11) end)
with("r+", "0123456789", function(f) return f:seek("middle") end) --> error: bad argument #1 to 'seek' (invalid option 'middle')
with("r+", "0123456789", function(f) return f:seek("set", 1.5) end) --> error: bad argument #2 to 'seek' (number has no integer representation)
with("r+", "0123456789", function(f) return f:seek("set", "2"), f:read(1) end)
with("r+", "0123456789", function(f) return f:seek("set", 12), io.type(f:write("x")), f:seek() end)
with("r+", "0123456789", function(f) f:read(4) f:seek("cur", 0) f:write("__") f:seek("cur", 0) return f:read("a") end)
with("a+", "0123456789", function(f) f:seek("set", 2) f:write("x") return f:seek(), f:seek("set", 8), f:read("a") end)
with("w", "0123456789", function(f) return f:setvbuf("no"), io.type(f:write("a")), read("with") end)
with("w", "0123456789", function(f) return f:setvbuf("line"), io.type(f:write("b\n")), read("with") end)
with("w", "0123456789", function(f) return f:setvbuf("full"), f:setvbuf("full", 100) end)
with("w", "0123456789", function(f) return f:setvbuf("some") end) --> error: bad argument #1 to 'setvbuf' (invalid option 'some')
with("w", "0123456789", function(f) return io.type(f:write(1, " ", 2.0, " ", -0.0, " ", 1e100, " ", math.mininteger, " ", 0.1, " ", 1/0)) end)
with("w", "0123456789", function(f) return f:write("kept", nil) end) --> error: bad argument #2 to 'write' (string expected, got nil)
with("w", "0123456789", function(f) return f:write(true) end) --> error: bad argument #1 to 'write' (string expected, got boolean)
with("w", "", function(f) local g = f f, g = nil, nil collectgarbage() end) --> "kept"
]], env)

lines([[
io.input("out/four") == io.input() --> true
io.read(), io.read("n"), io.read("a") --> "one", nil, "two\x0A\x0Afour"
io.close(io.input()) --> true
io.read() --> error: default input file is closed
io.lines() --> error: attempt to use a closed file
io.input(io.stdin) == io.stdin --> true
io.input("out/none") --> error: cannot open file 'out/none' (No such file or directory)
io.input({}) --> error: bad argument #1 to 'input' (FILE* expected, got table)
io.output("out/none/f") --> error: cannot open file 'out/none/f' (No such file or directory)
io.output("out/default") == io.output(), io.output() == io.write("a", 1, 2.5) --> true, true
io.close(), read("default") --> true, "a12.5"
io.write("x") --> error: default output file is closed
io.output(io.stdout) == io.stdout --> true
io.close({}) --> error: bad argument #1 to 'close' (FILE* expected, got table)
]], env)

lines([[
write("a", "1") write("b", "2") return os.rename("out/a", "out/b"), read("b") --> true, "1"
os.rename("out/a", "out/b") --> nil, "No such file or directory", 2
os.rename("out/b", "out/none/b")
os.rename("out/b/", "out/c")
os.rename("out/b", "out/b") --> true
os.rename("out/b") --> error: bad argument #2 to 'rename' (string expected, got no value)
os.remove("out/b") --> true
os.remove("./out/b") --> nil, "./out/b: No such file or directory", 2
os.remove("out/five/") --> nil, "out/five/: Not a directory", 20
os.remove("out/five/x") --> nil, "out/five/x: Not a directory", 20
os.remove("") --> nil, ": No such file or directory", 2
os.remove() --> error: bad argument #1 to 'remove' (string expected, got no value)
os.remove({}) --> error: bad argument #1 to 'remove' (string expected, got table)
]], env)

write("chunk", "\xEF\xBB\xBF#!/usr/bin/lua\nlocal a = ...\nreturn a, x, 'chunk'")
write("syntax", "x =")
write("raises", "local x = 1\nerror('in it')")
write("empty", "")
write("comment", "# only this")
lines([[
dofile("out/chunk") --> nil, nil, "chunk"
loadfile("out/chunk")(7) --> 7, nil, "chunk"
loadfile("out/chunk", "t", { x = 5 })(7) --> 7, 5, "chunk"
loadfile("out/chunk", "bt", { x = 5 })(7) --> 7, 5, "chunk"
loadfile("out/chunk", nil, { x = 5 })(7) --> 7, 5, "chunk"
pcall(loadfile("out/chunk", "t", nil)) --> false, "out/chunk:3: attempt to index a nil value (upvalue '_ENV')"
loadfile("out/empty")() --> 
loadfile("out/comment")() --> 
dofile("out/syntax") --> bare error: out/syntax:1: unexpected symbol near <eof>
loadfile("out/syntax") --> nil, "out/syntax:1: unexpected symbol near <eof>"
dofile("out/raises") --> bare error: out/raises:2: in it
dofile("out/none") --> bare error: cannot open out/none: No such file or directory
loadfile("out/none") --> nil, "cannot open out/none: No such file or directory"
loadfile({}) --> error: bad argument #1 to 'loadfile' (string expected, got table)
dofile({}) --> error: bad argument #1 to 'dofile' (string expected, got table)
]], env)
suite.finish(314)
