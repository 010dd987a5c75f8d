-- JSON that is deep, large, cyclic or out of any number's range.
local ways = {}

function ways.deep_text() return json.parse(("["):rep(1e7)) end
function ways.deep_objects() return json.parse(('{"a":'):rep(1e6)) end
function ways.deep_value()
  local t = {}
  for _ = 1, 1e5 do t = { t } end
  return json.encode(t)
end
function ways.cycle()
  local t = {}
  t.a = { b = t }
  return json.encode(t)
end
function ways.numbers()
  return json.parse("[" .. ("1"):rep(1e6) .. "]")
end
function ways.exponents() return json.parse("1e" .. ("9"):rep(1e6)) end
function ways.infinite() return json.encode({ math.huge }) end
function ways.not_a_number() return json.encode(0 / 0) end
function ways.long_text_in() return json.parse('"' .. ("x"):rep(100 * 1024 * 1024) .. '"') end
function ways.long_text_out() return json.encode(("x"):rep(100 * 1024 * 1024)) end
function ways.growing_text_out() return json.encode(("\1"):rep(20 * 1024 * 1024)) end
function ways.shared_values()
  local t = "x"
  for _ = 1, 40 do t = { t, t } end
  return json.encode(t)
end
function ways.many_keys()
  return json.parse("{" .. ('"a":1,'):rep(3e5) .. '"a":1')
end
function ways.indent() return json.encode({ { 1 } }, { indent = 1e15 }) end
function ways.sparse() return json.encode({ [1] = 1, [2 ^ 40] = 1 }) end

return require("named_ways")(ways, "not enough memory", {
  deep_text = "at most 256 levels",
  deep_objects = "at most 256 levels",
  deep_value = "nesting deeper than 256 levels",
  cycle = "a cycle?",
  numbers = "a number that a float can hold",
  exponents = "a number that a float can hold",
  infinite = "cannot encode an infinity",
  not_a_number = "cannot encode NaN",
  many_keys = "got end of input",
  indent = "from 0 to 32",
  sparse = "keys are not all strings",
})
