-- assert.lua: makes `assert` a table that does what Lua's own assert does when
-- it is called, with checks that say what they expected and what they got.
-- ('call' is C: a function of this file would stand between an error and the script's line.)
local call <const> = (...).assert

local error <const>, pcall <const>, select <const> = error, pcall, select
local setmetatable <const>, tostring <const> = setmetatable, tostring
local type <const> = type
local find <const>, format <const>, sub <const> = string.find, string.format, string.sub
local mathtype <const>, abs <const> = math.type, math.abs

-- bytes of a string that an error shows
local MAXSHOWN <const> = 200

-- floats closer than this count as equal: 0.1 + 0.2 and 0.3 do
local EPSILON <const> = 2.0 ^ -52

local function show (v)
  if type(v) == "string" then
    local s = #v > MAXSHOWN and sub(v, 1, MAXSHOWN) .. "..." or v
    return '"' .. s .. '"'
  end
  return tostring(v)
end

-- Level 3 is the caller of the function that calls this one.
local function fail (detail, message)
  if message ~= nil then
    detail = detail .. " - " .. tostring(message)
  end
  error(detail, 3)
end

local function equal (a, b)
  if a == b then
    return true
  end
  local ta <const>, tb <const> = mathtype(a), mathtype(b)
  return ta and tb and (ta == "float" or tb == "float")
         and abs(a - b) < EPSILON
end

-- Raises unless both arguments have the type.
local function check (name, wanted, ...)
  for i = 1, 2 do
    local got <const> = type((select(i, ...)))
    if got ~= wanted then
      error(format("%s: argument #%d must be a %s, got %s", name, i, wanted,
                   got), 3)
    end
  end
end

local checks <const> = {}

function checks.eq (actual, expected, message)
  if not equal(actual, expected) then
    fail(format("assert.eq failed: expected %s, got %s", show(expected),
                show(actual)), message)
  end
end

function checks.ne (actual, unexpected, message)
  if equal(actual, unexpected) then
    fail(format("assert.ne failed: expected anything but %s, got %s",
                show(unexpected), show(actual)), message)
  end
end

function checks.gt (actual, bound, message)
  check("assert.gt", "number", actual, bound)
  if not (actual > bound) then
    fail(format("assert.gt failed: expected more than %s, got %s",
                show(bound), show(actual)), message)
  end
end

function checks.lt (actual, bound, message)
  check("assert.lt", "number", actual, bound)
  if not (actual < bound) then
    fail(format("assert.lt failed: expected less than %s, got %s",
                show(bound), show(actual)), message)
  end
end

function checks.contains (haystack, needle, message)
  check("assert.contains", "string", haystack, needle)
  if not find(haystack, needle, 1, true) then
    fail(format("assert.contains failed: expected a text with %s, got %s",
                show(needle), show(haystack)), message)
  end
end

function checks.not_nil (actual, message)
  if actual == nil then
    fail("assert.not_nil failed: expected a value, got nil", message)
  end
end

function checks.matches (s, pattern, message)
  check("assert.matches", "string", s, pattern)
  local ok <const>, found <const> = pcall(find, s, pattern)
  if not ok then
    error("assert.matches: pattern error: " .. tostring(found), 2)
  end
  if not found then
    fail(format("assert.matches failed: expected a text like %s, got %s",
                show(pattern), show(s)), message)
  end
end

_G.assert = setmetatable(checks, { __call = call, __metatable = false })
