-- An error that nobody catches, with its traceback: the exit code is 1.
local suite = require("check")
suite.check("before the end", "1", 1)
suite.finish(1)
local function inner(x) error("from inner " .. x) end
local function outer() inner(1) return 1 end
local object = { method = function(self) outer() return 1 end }
object:method()
