-- What differs from native Lua on purpose: expressions, whose results are in the table of docs/lua.md, in this order.
local expressions = {
  "type(assert)",
  "type(string.dump)",
  "select(2, load('\\27Lua'))",
  "(pcall(loadfile))",
  "type(io.popen)",
  "type(io.tmpfile)",
  "type(os.execute)",
  "type(os.tmpname)",
  "type(os.setlocale)",
  "os.getenv('TZ')",
  "os.date('!%Z', 0)",
  "type(package.cpath)",
  "type(package.loadlib)",
  "type(package.searchers)",
  "type(package.searchpath)",
  "tostring(select(2, pcall(require, 'missing'))):match('^[^\\n]*')",
  "members(debug)",
  "pcall(debug.getinfo, 1, 'f')",
  "('l'):packsize()",
  "('T'):packsize()",
  "('s'):pack('x'):len()",
  "select(2, pcall(string.rep, 'x', 1 << 46))",
  "select(2, pcall(string.pack, 'i99999999999', 1))",
  "('%a'):format(5e-324)",
  "('%q'):format(5e-324)",
  "collectgarbage('param', 'stepsize')",
  "levels_of_c()",
  "levels_of_lua()",
  "type(http)",
}

local environment = setmetatable({}, { __index = _G })
function environment.members(library)
  local names = {}
  for name in pairs(library) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
end
function environment.levels_of_c()
  local levels = 0
  local function deeper()
    levels = levels + 1
    return (("x"):gsub("x", deeper))
  end
  pcall(deeper)
  return levels
end
function environment.levels_of_lua()
  local levels = 0
  local function deeper()
    levels = levels + 1
    return 1 + deeper()
  end
  pcall(deeper)
  return levels
end
for _, expression in ipairs(expressions) do
  local results = table.pack(load("return " .. expression, "=line", "t", environment)())
  for i = 1, results.n do results[i] = tostring(results[i]):gsub("table: 0x%x+", "table") end
  print(expression .. "\t" .. table.concat(results, ", "))
end
