-- What is there of os. The time zone is UTC on both sides.
local suite = require("check")
local lines, run, check = suite.lines, suite.run, suite.check
lines [==[
os.time({ year = 2024, month = 2, day = 29, hour = 12 }) --> 1709208000
os.time({ year = 1970, month = 1, day = 1, hour = 0 }) --> 0
os.time({ year = 2024, month = 1, day = 1 }) --> 1704110400
os.time({ year = 2024, month = 13, day = 32, hour = 25, min = 61, sec = 61 }) --> 1738461721
os.time({ year = 2024, month = -1, day = 0 }) --> 1698753600
os.time({ year = "2024", month = "02", day = "1", hour = "0x10" }) --> 1706803200
os.time({ year = 2024.0, month = 2, day = 1, hour = 0 }) --> 1706745600
os.time({ year = 2024 }) --> error: field 'month' missing in date table
os.time({ year = 2024, day = 1 }) --> error: field 'month' missing in date table
os.time({ month = 1, day = 1 }) --> error: field 'year' missing in date table
os.time({ year = 2024, month = "x", day = 1 }) --> error: field 'month' is not an integer
os.time({ year = 2024, month = 1.5, day = 1 }) --> error: field 'month' is not an integer
os.time({ year = 1 << 40, month = 1, day = 1 }) --> error: field 'year' is out-of-bound
os.time({ year = 2024, month = 1 << 40, day = 1 }) --> error: field 'month' is out-of-bound
os.time("x") --> error: bad argument #1 to 'time' (table expected, got string)
local t = { year = 2024, month = 14, day = 1, hour = 0 } os.time(t) return t.year, t.month, t.day, t.wday, t.yday, t.isdst --> 2025, 2, 1, 7, 32, false
math.type(os.time()) --> "integer"
os.date("!%Y-%m-%d %H:%M:%S", 0) --> "1970-01-01 00:00:00"
os.date("!%Y-%m-%d %H:%M:%S", 1709208000) --> "2024-02-29 12:00:00"
os.date("%Y-%m-%d %H:%M:%S", 1709208000) --> "2024-02-29 12:00:00"
os.date("!%Y", -1) --> "1969"
os.date("!%Y", 1e9) --> "2001"
os.date("!%Y", 1.5) --> error: bad argument #2 to 'date' (number has no integer representation)
os.date("!%c", 0) --> "Thu Jan  1 00:00:00 1970"
os.date("!%x %X %p", 0) --> "01/01/70 00:00:00 AM"
os.date("!%", 0) --> error: bad argument #1 to 'date' (invalid conversion specifier '%')
os.date("!%Q", 0) --> error: bad argument #1 to 'date' (invalid conversion specifier '%Q')
os.date("!%E", 0) --> error: bad argument #1 to 'date' (invalid conversion specifier '%E')
os.date("!%Ez", 0) --> error: bad argument #1 to 'date' (invalid conversion specifier '%Ez')
os.date("!%5Y", 0) --> error: bad argument #1 to 'date' (invalid conversion specifier '%5Y')
os.date("!", 0) --> ""
os.date("!%%", 0) --> "%"
os.date("!a\0b", 0) --> "a\x00b"
os.date("!x%nx%tx", 0) --> "x\x0Ax\x09x"
os.date("!*t", 1709208000).yday --> 60
os.date("!*t", 0).wday --> 5
os.date("*t", 0).isdst --> false
os.date("!*t", 2^60 | 0) --> error: date result cannot be represented in this installation
os.date({}) --> error: bad argument #1 to 'date' (string expected, got table)
type(os.date()) --> "string"
#os.date("!%c") --> 24
os.date("!*t", 1e300) --> error: bad argument #2 to 'date' (number has no integer representation)
os.difftime(10, 5) --> 5.0
os.difftime(5, 10) --> -5.0
os.difftime(10) --> error: bad argument #2 to 'difftime' (number expected, got no value)
os.difftime() --> error: bad argument #1 to 'difftime' (number expected, got no value)
math.type(os.clock()) --> "float"
os.clock() >= 0 --> true
os.getenv("TIDELOCK_SURELY_NOT_SET") --> nil
os.getenv() --> error: bad argument #1 to 'getenv' (string expected, got no value)
os.getenv({}) --> error: bad argument #1 to 'getenv' (string expected, got table)
]==]
for letter in ("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYz%"):gmatch(".") do
  for _, time in ipairs({ 0, 951782400, 1704067199, 1735689600, 2147483648, -86400 * 366 }) do
    run(("%%%s of %d"):format(letter, time), nil, os.date, "!%" .. letter, time)
  end
end
for _, pair in ipairs({ "Ec", "EC", "Ex", "EX", "Ey", "EY", "Od", "Oe", "OH", "OI", "Om", "OM", "OS", "Ou", "OU", "OV", "Ow", "OW", "Oy" }) do
  run(("%%%s"):format(pair), nil, os.date, "!%" .. pair, 1709208000)
end
-- There and back over many days, leap years and their neighbours among them.
for _, year in ipairs({ 1900, 1969, 1970, 1999, 2000, 2001, 2023, 2024, 2038, 2100, 2400, 9999 }) do
  for _, day in ipairs({ { 1, 1 }, { 2, 28 }, { 2, 29 }, { 3, 1 }, { 12, 31 } }) do
    run(("%d-%d-%d"):format(year, day[1], day[2]), nil, function()
      local time = os.time({ year = year, month = day[1], day = day[2], hour = 23, min = 59, sec = 58 })
      local d = os.date("!*t", time)
      return time, d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday
    end)
  end
end
suite.finish(346)
