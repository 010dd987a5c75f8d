-- Reading standard input: the runner gives "first line", an empty line, "third line", numbers, and a line without
-- an end.
local suite = require("check")
local check = suite.check

check("nothing is read", '""', io.read(0))
check("a line", '"first line"', io.read())
check("an empty line", '""', io.read("l"))
check("a line with its end", '"third line\\x0A"', io.read("L"))
check("numbers", "12, -3.5, 31, 100.0", io.read("n", "n", "n", "n"))
check("no number", "nil", io.read("n"))
check("the line that is left", nil, io.read("l"))
check("some bytes", '"five5"', io.read(5))
check("several formats", '"by", "tes"', io.read(2, "l"))
check("formats with a star", '"the rest"', io.read("*l"))
local lines = {}
for line in io.lines() do lines[#lines + 1] = line end
check("lines", '1, "without an end"', #lines, lines[1])
check("a line at the end", "nil", io.read("l"))
check("a number at the end", "nil", io.read("n"))
check("bytes at the end", "nil", io.read(5))
check("no bytes at the end", "nil", io.read(0))
check("all at the end", '""', io.read("a"))
check("two at the end", '"", nil', io.read("a", "l"))
check("the first failure ends it", "nil", io.read("l", "a"))
check("a bad format", nil, pcall(function() local r = io.read("x") return r end))
suite.finish(19)
