-- Runs an attack as a tool: `tidelock run tool.lua NAME`.
require(arg[1])()
