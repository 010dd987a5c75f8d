-- An error object that has no text.
local suite = require("check")
suite.check("before the end", "1", 1)
suite.finish(1)
local function raise() error({}) end
raise()
