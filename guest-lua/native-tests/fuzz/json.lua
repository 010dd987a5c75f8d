-- Random JSON and what is nearly JSON, through the parser and through a reference that is written from
-- RFC 8259 with patterns; and random values through the encoder and back. They must agree.
-- FUZZ_SECONDS says how long (1 if not given), FUZZ_SEED repeats a run.

local seconds = tonumber(os.getenv("FUZZ_SECONDS") or 1)
local seed = math.tointeger(os.getenv("FUZZ_SEED") or os.time())
local MAX_DEPTH <const> = 256
math.randomseed(seed)

local function pick (list) return list[math.random(#list)] end

-- {== The reference: a shape of the value as text, or nothing if the text is no JSON ==

local value

local function skip (text, at) return text:match("^[ \t\r\n]*()", at) end

local escapes <const> = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/"}

local function string_at (text, at)
  local parts = {}
  at = at + 1
  while true do
    local plain, after = text:match('^([^"\\\0-\31]*)()', at)
    parts[#parts + 1] = plain
    local c = text:sub(after, after)
    if c == '"' then
      local whole = table.concat(parts)
      if utf8.len(plain) and utf8.len(whole) then return whole, after + 1 end
      return nil
    end
    if c ~= "\\" then return nil end
    local e = text:sub(after + 1, after + 1)
    if escapes[e] then
      parts[#parts + 1] = escapes[e]
      at = after + 2
    else
      local unit = tonumber(text:match("^u(%x%x%x%x)", after + 1) or "", 16)
      if not unit then return nil end
      at = after + 6
      if unit >= 0xDC00 and unit <= 0xDFFF then return nil end
      if unit >= 0xD800 and unit <= 0xDBFF then
        local low = tonumber(text:match("^\\u(%x%x%x%x)", at) or "", 16)
        if not low or low < 0xDC00 or low > 0xDFFF then return nil end
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        at = at + 6
      end
      parts[#parts + 1] = utf8.char(unit)
    end
  end
end

local function number_at (text, at)
  local after = text:match("^%-?0()", at) or text:match("^%-?[1-9][0-9]*()", at)
  if not after then return nil end
  local whole = after
  after = text:match("^%.[0-9]+()", after) or after
  after = text:match("^[eE][+-]?[0-9]+()", after) or after
  local numeral = text:sub(at, after - 1)
  local number = tonumber(numeral) * (after == whole and 1 or 1.0)
  if numeral == "-0" then number = -0.0 end
  if number == math.huge or number == -math.huge then return nil end
  return string.format(math.type(number) == "integer" and "i%d" or "f%a", number), after
end

local function array_at (text, at, depth)
  local parts = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then return "[]", at + 1 end
  while true do
    local shape
    shape, at = value(text, at, depth)
    if not shape then return nil end
    parts[#parts + 1] = shape
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "]" then return "[" .. table.concat(parts, ",") .. "]", at + 1 end
    if c ~= "," then return nil end
    at = at + 1
  end
end

local function show_object (fields)
  local parts = {}
  for name, shape in pairs(fields) do
    if shape ~= "null" then parts[#parts + 1] = string.format("%q=%s", name, shape) end
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function object_at (text, at, depth)
  local fields = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then return "{}", at + 1 end
  while true do
    at = skip(text, at)
    if text:sub(at, at) ~= '"' then return nil end
    local name, shape
    name, at = string_at(text, at)
    if not name then return nil end
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then return nil end
    shape, at = value(text, at + 1, depth)
    if not shape then return nil end
    fields[name] = shape
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "}" then return show_object(fields), at + 1 end
    if c ~= "," then return nil end
    at = at + 1
  end
end

function value (text, at, depth)
  at = skip(text, at)
  local c = text:sub(at, at)
  if c == "[" or c == "{" then
    if depth == MAX_DEPTH then return nil end
    return (c == "[" and array_at or object_at)(text, at, depth + 1)
  end
  if c == '"' then
    local s, after = string_at(text, at)
    if s then return string.format("%q", s), after end
    return nil
  end
  for _, word in ipairs {"true", "false", "null"} do
    if text:sub(at, at + #word - 1) == word then return word, at + #word end
  end
  return number_at(text, at)
end

local function reference (text)
  local shape, at = value(text, 1, 0)
  if shape and skip(text, at) == #text + 1 then return shape end
  return nil
end

-- == }

-- The same shape of what the parser returned.
local function show (v)
  local kind = type(v)
  if v == nil or v == json.null then return "null" end
  if kind == "string" then return string.format("%q", v) end
  if kind == "number" then return string.format(math.type(v) == "integer" and "i%d" or "f%a", v) end
  if kind ~= "table" then return tostring(v) end
  local is_array = json.encode(v):sub(1, 1) == "["
  if is_array then
    local parts = {}
    for i = 1, #v do parts[i] = show(v[i]) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local fields = {}
  for name, inner in pairs(v) do fields[name] = show(inner) end
  return show_object(fields)
end

local tokens <const> = {
  "{", "}", "[", "]", ",", ":", '"', "null", "true", "false", "0", "-0", "1", "-", ".", "5", "e", "E+", "1e400", "9223372036854775807",
  "9223372036854775808", "-9223372036854775808", '"a"', '""', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"', "\\", "\\u", "\\n", " ", "\n", "\t", "\0", "\xff", "\xc3\xa4",
  "\xed\xa0\x80", "\xf4\x90\x80\x80", "\u{feff}", '{"a":', '"b":', "[[", "]]", "0.1", "1e-400", "00", "+1", "nul", "//",
}

local numerals <const> = {"0", "-0", "7", "-12", "0.5", "1e5", "2E-3", "123456789012345678901", "1.7976931348623157e308", "5e-324", "-9223372036854775808"}

local function blank () return math.random(4) == 1 and pick {" ", "\n", "\t \r", "  "} or "" end

-- JSON, except for what 'wrong' lets slip in.
local function random_json (depth)
  local kind = math.random(depth > 0 and 9 or 5)
  if kind == 1 then return pick(numerals) end
  if kind == 2 then return pick {"true", "false", "null"} end
  if kind <= 5 then
    local parts = {}
    for i = 1, math.random(0, 4) do parts[i] = pick {"a", "\\n", "\\u00e9", "\\ud834\\udd1e", "\u{20ac}", "x y", "\\\"", "0123456789abcdef"} end
    return '"' .. table.concat(parts) .. '"'
  end
  local parts = {}
  local is_object = kind > 7
  for i = 1, math.random(0, 4) do
    local inner = blank() .. random_json(depth - 1) .. blank()
    parts[i] = is_object and blank() .. '"' .. pick {"a", "b", "", "\\u0061", "long name"} .. '"' .. blank() .. ":" .. inner or inner
  end
  local text = table.concat(parts, ",")
  return is_object and "{" .. text .. "}" or "[" .. text .. "]"
end

local function spoil (text)
  local from = math.random(#text + 1)
  local to = math.min(from + math.random(0, 3) - 1, #text)
  return text:sub(1, from - 1) .. (math.random(3) == 1 and "" or pick(tokens)) .. text:sub(math.random(2) == 1 and from or to + 1)
end

local function random_text ()
  local kind = math.random(20)
  if kind == 1 then
    local parts = {}
    for i = 1, math.random(12) do parts[i] = pick(tokens) end
    return table.concat(parts)
  end
  if kind == 2 then
    local depth = math.random(250, 260)
    local open, closing = pick {"[", '{"a":'}, nil
    closing = open == "[" and "]" or "}"
    return open:rep(depth) .. "1" .. closing:rep(depth - math.random(0, 1))
  end
  local text = random_json(5)
  for _ = 1, pick {0, 0, 1, 1, 2, 5} do text = spoil(text) end
  return text
end

local function check (text)
  local expected = reference(text)
  local ok, got = pcall(T.parse, text)
  local shape = ok and show(got) or nil
  if expected ~= shape then
    error(string.format("FUZZ_SEED=%d: the parser and the reference differ\ntext: %q\nreference: %s\nparser: %s",
                        seed, text, expected, shape or got))
  end
  if ok and got ~= nil then
    -- What was parsed is encoded to the same value, compact or not.
    for _, again in ipairs {json.encode(got), json.encode(got, {indent = 2})} do
      if reference(again) ~= expected then
        error(string.format("FUZZ_SEED=%d: encoding changes the value\ntext: %q\nencoded: %q", seed, text, again))
      end
    end
  end
end

-- Any value: encoded to JSON, or refused.
local function random_value (depth)
  local kind = math.random(depth > 0 and 12 or 8)
  if kind == 1 then return nil end
  if kind == 2 then return math.random(2) == 1 end
  if kind == 3 then return math.random(0) end
  if kind == 4 then return pick {0.1, -0.0, 1e300, 1 / 0, 0 / 0, 2 ^ 53, 5e-324, math.random()} end
  if kind == 5 then return pick(tokens) end
  if kind == 6 then return ("x"):rep(math.random(0, 200)) .. pick(tokens) end
  if kind == 7 then return pick {json.null, print, coroutine.create(print), io.stdout} end
  if kind == 8 then return string.char(math.random(0, 255), math.random(0, 255)) end
  local t = {}
  for i = 1, math.random(0, 5) do
    local key = pick {i, i, i, "a", "b", 1.5, true, 2 ^ 53, math.mininteger, "\xff"}
    t[key] = random_value(depth - 1)
  end
  if kind == 11 then pcall(pick {json.array, json.object}, t) end
  if kind == 12 then t[1] = t end
  return t
end

local function check_encoder ()
  local v = random_value(4)
  local ok, text = pcall(json.encode, v)
  if ok and not reference(text) then
    error(string.format("FUZZ_SEED=%d: the encoder writes what is no JSON: %q", seed, text))
  end
  if not ok and type(text) ~= "string" then error("FUZZ_SEED=" .. seed .. ": the encoder raises a " .. type(text)) end
end

local count, finished = 0, os.clock() + seconds
while os.clock() < finished do
  for _ = 1, 50 do
    check(random_text())
    check_encoder()
  end
  count = count + 100
end
print(count .. " texts and values, FUZZ_SEED=" .. seed)
