-- Lua's own 'io' on files of a folder, the argument. Native Lua 5.5 passes this script as well.
local folder = ...
local function path(name) return folder .. "/" .. name end

local function eq(actual, expected)
  if actual ~= expected then
    error("expected " .. tostring(expected) .. ", got " .. tostring(actual), 2)
  end
end

-- Compares packed results with these values.
local function gives(results, ...)
  eq(results.n, select("#", ...))
  for i = 1, results.n do eq(results[i], (select(i, ...))) end
end

local function fails(words, fn, ...)
  local ok, message = pcall(fn, ...)
  if ok or not tostring(message):find(words, 1, true) then
    error("expected a failure with '" .. words .. "', got " .. tostring(message), 2)
  end
end

local function write(name, text)
  local file <close> = assert(io.open(path(name), "wb"))
  file:write(text)
end

local function read(name)
  local file <close> = assert(io.open(path(name), "rb"))
  return file:read("a")
end

-- What a handle is.
do
  local file = assert(io.open(path("a"), "w"))
  eq(type(file), "userdata")
  eq(io.type(file), "file")
  eq(getmetatable(file).__name, "FILE*")
  assert(tostring(file):find("^file %(0x%x+%)$"))
  eq(file:close(), true)
  eq(io.type(file), "closed file")
  eq(tostring(file), "file (closed)")
  fails("attempt to use a closed file", file.read, file)
  fails("attempt to use a closed file", file.close, file)
  fails("(FILE* expected, got table)", io.stdout.read, {})
  eq(io.type(42), nil)
  fails("(value expected)", io.type)
  eq(type(io.stdin), "userdata")
  eq(io.type(io.stderr), "file")
  gives(table.pack(io.stdout:close()), nil, "cannot close standard file")
end

-- Modes.
write("a", "12345")
for mode, after in pairs {
  ["r+"] = "xy345", ["r+b"] = "xy345", ["w"] = "xy", ["w+"] = "xy", ["wb"] = "xy", ["a"] = "12345xy", ["a+"] = "12345xy",
  ["ab"] = "12345xy", ["a+b"] = "12345xy",
} do
  write("a", "12345")
  local file = assert(io.open(path("a"), mode))
  eq(file:write("x", "y"), file)
  file:close()
  eq(read("a"), after)
end
for _, mode in ipairs { "", "x", "rw", "r++", "rb+", "br", "+r" } do
  fails("(invalid mode)", io.open, path("a"), mode)
end
for _, mode in ipairs { "r", "r+" } do
  gives(table.pack(io.open(path("none"), mode)), nil, path("none") .. ": No such file or directory", 2)
end
gives(table.pack(io.open(path("no/such"), "w")), nil, path("no/such") .. ": No such file or directory", 2)
gives(table.pack(io.open(path("a/b"), "w")), nil, path("a/b") .. ": Not a directory", 20)
gives(table.pack(io.open(path("."), "w")), nil, path(".") .. ": Is a directory", 21)
gives(table.pack(io.open("", "r")), nil, ": No such file or directory", 2)
gives(table.pack(io.open(path(("n"):rep(256)), "w")), nil, path(("n"):rep(256)) .. ": File name too long", 36)

-- The wrong direction.
do
  write("a", "12345")
  local file <close> = assert(io.open(path("a")))
  gives(table.pack(file:write("x")), nil, "Bad file descriptor", 9, 0)
  eq(file:read(2), "12")
  local other <close> = assert(io.open(path("b"), "w"))
  gives(table.pack(other:read("a")), nil, "Bad file descriptor", 9)
  gives(table.pack(other:read()), nil, "Bad file descriptor", 9)
end

-- Formats.
write("a", "first\n\n  12 0x1F -3.5e2,7\nabcdef\0g\n\xff\xfelast")
do
  local file <close> = assert(io.open(path("a")))
  gives(table.pack(file:read("l", "L", "n", "n", "n", 1, "l")), "first", "\n", 12, 31, -350.0, ",", "7")
  gives(table.pack(file:read(0, 3, "L")), "", "abc", "def\0g\n")
  gives(table.pack(file:read("n", "a")), nil)
  gives(table.pack(file:read(0, "*a", "a", 0, "l")), "", "\xff\xfelast", "", nil)
  gives(table.pack(file:read()), nil)
  gives(table.pack(file:read("a")), "")
  gives(table.pack(file:read(5)), nil)
  fails("(invalid format)", file.read, file, "x")
  fails("(invalid format)", file.read, file, 0 and "a", "")
  fails("number has no integer representation", file.read, file, 1.5)
end
for text, results in pairs {
  ["0x"] = {}, ["1e"] = {}, ["- 1"] = {}, [".5"] = { 0.5 }, ["5."] = { 5.0 }, ["0x.8p1"] = { 1.0 }, ["1e+5x"] = { 1e5 },
  ["99999999999999999999"] = { 1e20 }, ["9223372036854775807"] = { math.maxinteger }, ["nan"] = {}, ["inf"] = {},
  [("1"):rep(199)] = { tonumber(("1"):rep(199)) }, [("1"):rep(201)] = {}, ["  \t\n 7"] = { 7 }, ["+8 "] = { 8 }, [""] = {},
} do
  write("n", text)
  local file <close> = assert(io.open(path("n")))
  local number = file:read("n")
  if number ~= results[1] or math.type(number) ~= math.type(results[1]) then error(text .. ": " .. tostring(number)) end
end

-- Lines.
write("a", "one\ntwo\n\nfour")
local function collect(...)
  local seen = {}
  for line, more in ... do seen[#seen + 1] = more and line .. "|" .. more or line end
  return table.concat(seen, ";")
end
eq(collect(io.lines(path("a"))), "one;two;;four")
eq(collect(io.lines(path("a"), "L")), "one\n;two\n;\n;four")
eq(collect(io.lines(path("a"), 2, 3)), "on|e\nt;wo|\n\nf;ou|r")
do
  local file <close> = assert(io.open(path("a")))
  eq(collect(file:lines()), "one;two;;four")
  eq(io.type(file), "file")
end
do
  local next_line, state, control, handle = io.lines(path("a"))
  eq(state, nil) eq(control, nil) eq(io.type(handle), "file")
  for line in next_line, state, control, handle do eq(line, "one") break end
  eq(io.type(handle), "closed file")
  fails("file is already closed", next_line)
end
fails("cannot open file '" .. path("none") .. "' (No such file or directory)", io.lines, path("none"))
fails("(invalid format)", function() for _ in io.lines(path("a"), "x") do end end)
fails("too many arguments", io.lines, path("a"), table.unpack({}, 1, 251))

-- Positions.
do
  local file <close> = assert(io.open(path("a"), "w+"))
  eq(file:seek(), 0)
  file:write("0123456789")
  eq(file:seek("cur"), 10)
  eq(file:seek("set"), 0)
  eq(file:read(3), "012")
  eq(file:seek("cur"), 3)
  eq(file:seek("cur", -1), 2)
  eq(file:read(1), "2")
  eq(file:seek("end", -2), 8)
  eq(file:read("a"), "89")
  gives(table.pack(file:seek("set", -1)), nil, "Invalid argument", 22)
  eq(file:seek("set", 12), 12)
  file:write("x")
  eq(file:seek("end"), 13)
  file:seek("set", 4)
  file:read(1)
  file:seek("cur", 0)
  file:write("__")
  file:seek("set")
  eq(file:read("a"), "01234__789\0\0x")
  fails("(invalid option 'middle')", file.seek, file, "middle")
  fails("number has no integer representation", file.seek, file, "set", 1.5)
end
write("a", "12345")
do
  local file <close> = assert(io.open(path("a"), "a"))
  eq(file:seek(), 5)
  file:seek("set")
  file:write("6")
  eq(file:seek(), 6)
  local both <close> = assert(io.open(path("a"), "a+"))
  eq(both:read(2), "12")
  both:write("7")
  eq(both:seek("set", 1), 1)
  eq(both:read("a"), "234567")
end

-- Buffers.
do
  local file <close> = assert(io.open(path("a"), "w"))
  eq(file:setvbuf("no"), true)
  file:write("a")
  eq(read("a"), "a")
  eq(file:setvbuf("line"), true)
  file:write("b\n")
  eq(read("a"), "ab\n")
  eq(file:setvbuf("full", 1024), true)
  file:write("c")
  eq(file:flush(), true)
  eq(read("a"), "ab\nc")
  fails("(invalid option 'some')", file.setvbuf, file, "some")
end
do
  local long, file <close> = ("0123456789"):rep(10000), assert(io.open(path("a"), "w+"))
  for _, piece in ipairs { 1, 4095, 4096, 4097, 16383, 16384, 16385, 65537 } do
    file:seek("set")
    local parts = 0
    for from = 1, #long, piece do file:write(long:sub(from, from + piece - 1)) parts = parts + 1 end
    file:seek("set")
    eq(file:read(#long), long)
    file:seek("set")
    for i = 1, parts do eq(file:read(piece), long:sub((i - 1) * piece + 1, i * piece)) end
    file:seek("set")
    eq(file:read("a"), long)
  end
end

-- What is written: texts and numbers.
do
  local file <close> = assert(io.open(path("a"), "w"))
  fails("(string expected, got nil)", file.write, file, "kept", nil)
  fails("(string expected, got boolean)", file.write, file, true)
  file:write(1, 2.0, -0.0, 1e100, math.mininteger, 0.1)
end
eq(read("a"), "kept12.0-0.01e+100-92233720368547758080.1")

-- The default files.
write("in", "line\nrest")
do
  local before_in, before_out = io.input(), io.output()
  io.input(path("in"))
  eq(io.read(), "line")
  eq(collect(io.lines()), "rest")
  io.close(io.input())
  fails("default input file is closed", io.read)
  fails("attempt to use a closed file", io.lines)
  io.input(before_in)
  local out = io.output(path("out"))
  eq(io.write("a", 1), out)
  eq(io.output(), out)
  eq(io.close(), true)
  fails("default output file is closed", io.write, "x")
  io.output(before_out)
  eq(read("out"), "a1")
  fails("cannot open file '" .. path("none") .. "'", io.input, path("none"))
  eq(io.input(), before_in)
  fails("(FILE* expected, got table)", io.input, {})
end

-- Handles that nobody closes are closed by the collector, and what they hold is written.
do
  local file = assert(io.open(path("a"), "w"))
  file:write("kept")
  file = nil
  collectgarbage()
  eq(read("a"), "kept")
end

-- Removing and renaming.
write("a", "1")
write("b", "2")
eq(os.rename(path("a"), path("b")), true)
eq(read("b"), "1")
gives(table.pack(os.rename(path("a"), path("b"))), nil, "No such file or directory", 2)
eq(os.remove(path("b")), true)
gives(table.pack(os.remove(path("b"))), nil, path("b") .. ": No such file or directory", 2)
gives(table.pack(os.remove(path("in") .. "/")), nil, path("in") .. "/: Not a directory", 20)

-- Chunks.
write("chunk", "\xEF\xBB\xBF#!/usr/bin/lua\nlocal a = ...\nreturn a, _ENV, debug and debug.traceback('', 1)")
gives(table.pack(dofile(path("chunk"))), nil, _G, select(3, dofile(path("chunk"))))
assert(select(3, dofile(path("chunk"))):find("chunk:3: in"))
local env = {}
gives(table.pack(loadfile(path("chunk"), "t", env)(7)), 7, env, nil)
write("chunk", "x =")
fails("chunk:1: unexpected symbol near <eof>", dofile, path("chunk"))
gives(table.pack(loadfile(path("none"))), nil, "cannot open " .. path("none") .. ": No such file or directory")
fails("cannot open " .. path("none") .. ": No such file or directory", dofile, path("none"))
write("chunk", "error('in it')")
fails("chunk:1: in it", dofile, path("chunk"))

print("ok")
