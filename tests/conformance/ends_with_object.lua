-- An error object with '__tostring' that nobody catches.
local suite = require("check")
suite.check("before the end", "1", 1)
suite.finish(1)
error(setmetatable({}, { __tostring = function() return "an object as text" end }))
