-- An error of a library's function, called as a method.
local suite = require("check")
suite.check("before the end", "1", 1)
suite.finish(1)
local text = "x"
local function repeated(n) return (text:rep(n)) end
repeated({})
