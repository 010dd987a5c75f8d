-- What the scripts of this folder print: one numbered line for each check, all values with their types. The
-- output of tidelock and of native Lua is compared byte for byte, so every check counts; most also say what is
-- right, so that the two cannot agree on something wrong.
local suite = {}
local count, wrong, seen = 0, 0, {}

local function escaped(text)
  return (text:gsub("[%c\"\\\x7f-\xff]", function(byte)
    return ("\\x%02X"):format(byte:byte())
  end))
end

-- A float as a reader writes it: enough digits for all 64 bits.
local function float(value)
  if value ~= value then return "nan" end
  local text = ("%.17g"):format(value)
  if tonumber(("%.14g"):format(value)) == value then text = ("%.14g"):format(value) end
  return text:find("[.en]") and text or text .. ".0"
end

local function show(value)
  if type(value) == "string" then return '"' .. escaped(value) .. '"' end
  if math.type(value) == "float" then return float(value) end
  if type(value) == "number" or type(value) == "nil" or type(value) == "boolean" then return tostring(value) end
  return type(value)
end

local function show_all(...)
  local shown = table.pack(...)
  for i = 1, shown.n do shown[i] = show(shown[i]) end
  return table.concat(shown, ", ")
end

-- The bits of the floats among the values: what the digits may hide.
local function bits(...)
  local found = ""
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if math.type(value) == "float" and value == value then found = found .. (" %x"):format((("<i8"):unpack(("<d"):pack(value)))) end
  end
  return found
end

local function report(name, want, got, more)
  if seen[name] then error("two checks have the name " .. name, 0) end
  seen[name] = true
  count = count + 1
  print(("%04d %s => %s%s"):format(count, escaped(name), got, more))
  if want and want ~= got then
    wrong = wrong + 1
    print("WRONG: expected " .. want)
  end
end

-- The values, and what they must be as text: 'check("x", "1, 2.0, nil", f())'.
function suite.check(name, want, ...)
  report(name, want, show_all(...), bits(...))
end

-- An error as text. The position of a checked line is not shown, only that there is one.
local function raised(message)
  if type(message) ~= "string" then return "error: " .. show(message) end
  local text, places = message:gsub("^line:%d+: ", "")
  return (places > 0 and "error: " or "bare error: ") .. escaped(text)
end

-- The results of a call, or its error.
function suite.run(name, want, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then
    report(name, want, show_all(table.unpack(results, 2, results.n)), bits(table.unpack(results, 2, results.n)))
  else
    report(name, want, raised(results[2]), "")
  end
end

-- A check for each line: an expression list, or statements, then '-->' and what comes of it.
function suite.lines(text, environment)
  local env = setmetatable(environment or {}, { __index = _G })
  for line in text:gmatch("[^\n]+") do
    local code, want = line:match("^(.-)%s*%-%->%s*(.-)%s*$")
    code = code or line:match("^%s*(.-)%s*$")
    if code ~= "" then
      local chunk, message = load("return " .. code, "=line", "t", env)
      if not chunk then chunk, message = load(code, "=line", "t", env) end
      if chunk then
        suite.run(code, want, chunk)
      else
        report(code, want, "syntax " .. raised(message), "")
      end
    end
  end
end

-- The last line of a script: how many checks it has.
function suite.finish(expected)
  if count ~= expected then error(("%d checks, but %d are said to be here"):format(count, expected), 0) end
  if wrong > 0 then error(wrong .. " checks are wrong", 0) end
  print(count .. " checks")
end

return suite
