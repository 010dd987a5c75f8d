-- An error that leaves a coroutine through wrap, and closes a variable on its way.
local suite = require("check")
suite.check("before the end", "1", 1)
suite.finish(1)
local closed <close> = setmetatable({}, { __close = function(_, e) print("closed with " .. tostring(e)) end })
coroutine.wrap(function() local function f() error("in a coroutine") end f() end)()
