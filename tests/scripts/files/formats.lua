-- Reads standard input by one format after the other; newlines are shown as \n.
local seen = {}
local function show(value)
  seen[#seen + 1] = (tostring(value):gsub("\n", "\\n"))
end

show(io.read())
show(io.read("L"))
local a, b, c = io.read("n", "n", "n")
show(a) show(b) show(c)
show(io.read("l"))
local three, rest = io.read(3, "l")
show(three) show(rest)
show(io.read("line"))
show("[" .. io.read(0) .. "]")
show(io.read(1000))
show(io.read(0))
show(io.read("l"))
show("[" .. io.read("a") .. "]")
print(table.concat(seen, "|"))
