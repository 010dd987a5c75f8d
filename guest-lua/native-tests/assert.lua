-- Prelude assert.lua. 'T.assert' is Lua's own assert.

local checks = 0

local function same (got, expected)
  checks = checks + 1
  if got ~= expected then
    error(string.format("expected %s, got %s", tostring(expected),
                        tostring(got)), 2)
  end
end

-- 'f(...)' must raise 'message' from this file.
local function raises (message, f, ...)
  local args = table.pack(...)
  local ok, err = pcall(function () f(table.unpack(args, 1, args.n)) end)
  same(ok, false)
  same(string.match(err, "assert.lua:%d+: (.*)$"), message)
end

-- calls
same(type(assert), "table")
same(getmetatable(assert), false)
same(pcall(setmetatable, assert, {}), false)
same(select("#", assert(1, nil, nil)), 3)
same(select(2, assert("a", "b")), "b")
do  -- errors are those of Lua's own, position included
  local function try (f, ...)
    return select(2, pcall(function (...) f(...) end, ...))
  end
  for _, case in ipairs {
    table.pack(false, "text"), table.pack(nil, {}), table.pack(false, 42),
    table.pack(false, nil), table.pack(nil, false), table.pack(false),
    table.pack(nil), table.pack(false, "a", "b")
  } do
    same(try(assert, table.unpack(case, 1, case.n)),
         try(T.assert, table.unpack(case, 1, case.n)))
    same(select(2, pcall(assert, table.unpack(case, 1, case.n))),
         select(2, pcall(T.assert, table.unpack(case, 1, case.n))))
  end
  raises("bad argument #1 to 'f' (value expected)", assert)  -- as the call names it
  same(select(2, pcall(assert)), "bad argument #1 to 'assert' (value expected)")
  raises("assertion failed!", assert, false)
end

-- eq, ne
assert.eq(1, 1)
assert.eq(1, 1.0)
assert.eq("a", "a")
assert.eq(nil, nil)
assert.eq(0.1 + 0.2, 0.3)
assert.ne(1, 2)
assert.ne("1", 1)
assert.ne({}, {})
assert.ne(0 / 0, 0 / 0)
assert.ne(math.maxinteger, math.maxinteger - 1)
raises("assert.eq failed: expected 2, got 1", assert.eq, 1, 2)
raises("assert.eq failed: expected 2, got 1 - numbers differ", assert.eq, 1, 2, "numbers differ")
raises('assert.eq failed: expected "a", got nil - 7', assert.eq, nil, "a", 7)
raises('assert.eq failed: expected "' .. string.rep("x", 200) .. '...", got ""',
       assert.eq, "", string.rep("x", 1000))
raises("assert.ne failed: expected anything but 1, got 1 - m", assert.ne, 1, 1, "m")

-- gt, lt
assert.gt(2, 1)
assert.gt(1.5, 1)
assert.lt(-1, 0)
raises("assert.gt failed: expected more than 2, got 1", assert.gt, 1, 2)
raises("assert.gt failed: expected more than 1, got 1 - m", assert.gt, 1, 1, "m")
raises("assert.lt failed: expected less than 1, got nan", assert.lt, math.abs(0 / 0), 1)
raises("assert.gt: argument #1 must be a number, got nil", assert.gt, nil, 1)
raises("assert.lt: argument #2 must be a number, got string", assert.lt, 1, "2")

-- contains, matches, not_nil
assert.contains("hello world", "lo w")
assert.contains("a.b", ".")
assert.contains("x", "")
raises('assert.contains failed: expected a text with "z", got "hello" - m',
       assert.contains, "hello", "z", "m")
raises("assert.contains: argument #1 must be a string, got table", assert.contains, {}, "z")
raises("assert.contains: argument #2 must be a string, got nil", assert.contains, "z")
assert.matches("v1.25", "^v%d+%.%d+$")
raises('assert.matches failed: expected a text like "^%d", got "x"', assert.matches, "x", "^%d")
raises("assert.matches: pattern error: malformed pattern (missing ']')",
       assert.matches, "x", "[")
assert.not_nil(false)
assert.not_nil(0)
raises("assert.not_nil failed: expected a value, got nil", assert.not_nil)
raises("assert.not_nil failed: expected a value, got nil - m", assert.not_nil, nil, "m")

print(checks .. " checks")
