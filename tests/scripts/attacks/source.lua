-- Source that is deep, wide, long or no source at all.
local ways = {}

local function nested(open, inner, close) return open:rep(1e5) .. inner .. close:rep(1e5) end

function ways.parentheses() return "return " .. nested("(", "1", ")") end
function ways.tables() return "return " .. nested("{", "", "}") end
function ways.functions() return nested("return function() ", "", " end") end
function ways.local_functions() return nested("local function f() ", "", " end") end
function ways.blocks() return nested("do ", "", " end") end
function ways.loops() return nested("while x do ", "", " end") end
function ways.repeats() return nested("repeat ", "", " until x") end
function ways.ifs() return nested("if x then ", "", " end") end
function ways.signs() return "return " .. ("- "):rep(1e6) .. "1" end
function ways.nots() return "return " .. ("not "):rep(1e6) .. "1" end
function ways.powers() return "return " .. ("2^"):rep(1e6) .. "2" end
function ways.concatenations() return "return " .. ("a.."):rep(1e5) .. "a" end
function ways.chain_of_calls() return "f" .. ("()"):rep(1e6) end
function ways.chain_of_strings() return "f" .. (" ''"):rep(1e6) end
function ways.chain_of_indices() return "return " .. ("a."):rep(1e6) .. "a" end
function ways.chain_of_methods() return "a" .. (":a()"):rep(3e5) end
function ways.brackets() return "return " .. nested("a[", "1", "]") end
function ways.elseifs() return "if x then " .. ("elseif x then "):rep(1e5) .. "end" end
function ways.assignments() return ("a,"):rep(1e6) .. "a = 1" end
function ways.locals() return "local " .. ("a,"):rep(1e6) .. "a" end
function ways.locals_one_by_one() return ("local a "):rep(1e6) end
function ways.upvalues()
  local names, sum = {}, {}
  for i = 1, 300 do names[i], sum[i] = "local a" .. i, "a" .. i end
  -- More than a function may have, over several functions so that no function has too many locals.
  return table.concat(names, " ", 1, 150) .. " local function f() " .. table.concat(names, " ", 151) ..
    " return function() return " .. table.concat(sum, "+") .. " end end"
end
function ways.constants()
  local t = {}
  for i = 1, 3e5 do t[i] = i + 0.5 end
  return "return {" .. table.concat(t, ",") .. "}"
end
function ways.names()
  local t = {}
  for i = 1, 3e5 do t[i] = "a" .. i .. "=1" end
  return table.concat(t, " ")
end
function ways.labels()
  local t = {}
  for i = 1, 2e4 do t[i] = "::a" .. i .. "::" end
  return table.concat(t)
end
function ways.gotos()
  local t = {}
  for i = 1, 2e4 do t[i] = "do goto a" .. i .. " end" end
  return table.concat(t, " ")
end
function ways.parameters() return "return function(" .. ("a,"):rep(1e5) .. "a) end" end
function ways.arguments() return "f(" .. ("1,"):rep(1e6) .. "1)" end
function ways.far_jump() return "while x do " .. ("a = 1 "):rep(3e5) .. " end" end
function ways.long_string() return "return [" .. ("="):rep(1e6) .. "[" end
function ways.long_comment() return "--[" .. ("="):rep(1e6) .. "[" .. ("x"):rep(1e6) end
function ways.long_name() return ("a"):rep(3e6) .. " = 1" end
function ways.long_number() return "return 1" .. ("0"):rep(3e6) end
function ways.one_line() return ("a = 1 "):rep(6e5) end
function ways.lines() return ("\n"):rep(4e6) end
function ways.escapes() return "return '" .. ("\\u{7fffffff}"):rep(3e5) .. "'" end
function ways.nothing() return ("\0"):rep(1e6) end
function ways.noise()
  local t = {}
  for i = 1, 1e5 do t[i] = string.char(i * 7919 % 256, i * 104729 % 256) end
  return table.concat(t)
end

local attacks = {}
for name, source in pairs(ways) do
  attacks[name] = function()
    local chunk, problem = load(source(), "=source")
    return chunk and "a function" or error(problem, 0)
  end
end

local compiles = "came to its end with a function"
return require("named_ways")(attacks, "C stack overflow", {
  chain_of_calls = compiles, chain_of_strings = compiles, chain_of_indices = compiles, chain_of_methods = compiles,
  far_jump = compiles, long_name = compiles, long_number = compiles, one_line = compiles, lines = compiles, escapes = compiles,
  elseifs = "503",
  locals = "too many variable declarations", parameters = "too many variable declarations",
  locals_one_by_one = "--max-source", upvalues = "too many upvalues", arguments = "too many registers",
  constants = "not enough memory|" .. compiles, names = "not enough memory|" .. compiles, gotos = "no visible label",
  long_string = "unfinished long string", long_comment = "unfinished long comment",
  nothing = "unexpected symbol", noise = "unexpected symbol",
})
