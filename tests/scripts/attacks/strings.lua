-- Strings larger than anything, and lists of them.
local ways = {}

function ways.rep() return ("x"):rep(1e15) end
function ways.rep_within_numbers() return ("x"):rep(3e9) end
function ways.rep_below_the_wall() return ("x"):rep(1e9) end
function ways.rep_of_nothing() return assert(#(""):rep(math.maxinteger) > 0, "nothing, many times") end

function ways.doubling()
  local s = "x"
  while true do s = s .. s end
end

function ways.format() return string.format("%99999d", 1) end

function ways.format_of_many()
  local t, s = {}, ("x"):rep(1e6)
  for i = 1, 200 do t[i] = s end
  return string.format(("%s"):rep(200), table.unpack(t))
end

function ways.concat()
  local t, s = {}, ("x"):rep(1e6)
  for i = 1, 1e4 do t[i] = s end
  return table.concat(t)
end

function ways.concat_with_a_proxy()
  return table.concat(setmetatable({}, { __index = function() return ("x"):rep(1e6) end, __len = function() return 1e15 end }))
end

function ways.concat_of_a_range() return table.concat({}, ("x"):rep(1e6), 1, math.maxinteger) end
function ways.unpack() return table.unpack({}, 1, 1e9) end
function ways.unpack_of_all() return table.unpack({}, math.mininteger, math.maxinteger) end
function ways.byte() return ("x"):rep(2e7):byte(1, -1) end
function ways.gsub() return (("x"):rep(1e6)):gsub("x", ("y"):rep(1e4)) end
function ways.pack() return string.pack("s1", ("x"):rep(300)) end
function ways.pack_of_padding() return string.pack("!16 " .. ("Xi16 b "):rep(1e7)) end
function ways.create() return table.create(1e9) end
function ways.codes() return utf8.char(0x7fffffff):rep(2e7) end
function ways.encoding() return base64.encode(("x"):rep(5e7)) end
function ways.url() return url.encode(("\xff"):rep(3e7)) end
function ways.crypto() return crypto.random(1e9) end

return require("named_ways")(ways, "not enough memory", {
  rep = "resulting string too large",
  rep_of_nothing = "nothing, many times",
  format = "invalid conversion",
  concat_of_a_range = "invalid value (nil) at index 1",
  unpack = "too many results to unpack",
  unpack_of_all = "too many results to unpack",
  byte = "string slice too long|not enough memory",
  pack = "does not fit",
  create = "table overflow|not enough memory",
  crypto = "from 1 to 1048576",
})
