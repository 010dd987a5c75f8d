-- The 'io' library over the standard streams.
local internals = ...
local write, flush, read_more = internals.write, internals.flush, internals.read

local STDOUT, STDERR = 0, 1
local buffered, at_end = "", false

-- Reads on until 'enough' finds a position in what is buffered, or the input ends.
local function fill(enough)
  while true do
    local position = enough(buffered)
    if position or at_end then return position end
    local piece = read_more()
    if piece == "" then at_end = true else buffered = buffered .. piece end
  end
end

local function take(count)
  local bytes = buffered:sub(1, count)
  buffered = buffered:sub(count + 1)
  return bytes
end

local function read_line(keep)
  local position = fill(function(bytes) return bytes:find("\n", 1, true) end)
  if position then
    local line = take(position)
    return keep and line or line:sub(1, -2)
  end
  if buffered ~= "" then return take(#buffered) end
end

local function read_all()
  local pieces = { buffered }
  buffered = ""
  while not at_end do
    local piece = read_more()
    if piece == "" then at_end = true else pieces[#pieces + 1] = piece end
  end
  return table.concat(pieces)
end

local function read_count(count)
  fill(function(bytes) return #bytes >= math.max(count, 1) or nil end)
  if buffered == "" then return nil end
  return take(count)
end

-- A numeral as Lua reads them, at most 200 characters.
local function read_number()
  fill(function(bytes) return bytes:find("%S%s") or #bytes > 400 or nil end)
  buffered = buffered:gsub("^%s+", "")
  fill(function(bytes) return bytes:find("%s") or #bytes > 400 or nil end)
  local numeral = buffered:match("^[+-]?%w*%.?%w*[+-]?%w*")
  while #numeral > 0 and not tonumber(numeral) do numeral = numeral:sub(1, -2) end
  take(#numeral)
  return tonumber(numeral)
end

local function read_one(format)
  if type(format) == "number" then return read_count(format) end
  local kind = type(format) == "string" and format:gsub("^%*", ""):sub(1, 1)
  if kind == "l" then return read_line(false) end
  if kind == "L" then return read_line(true) end
  if kind == "a" then return read_all() end
  if kind == "n" then return read_number() end
  error("bad argument #1 to 'read' (invalid format)", 3)
end

local function read(...)
  if select("#", ...) == 0 then return read_line(false) end
  local results = { n = select("#", ...) }
  for i = 1, results.n do
    results[i] = read_one((select(i, ...)))
    if results[i] == nil then return table.unpack(results, 1, i) end
  end
  return table.unpack(results, 1, results.n)
end

local methods = {}
local file = { __index = methods, __name = "FILE*", __metatable = false }
local streams = {}

local function new_stream(name, number)
  local stream = setmetatable({}, file)
  streams[stream] = { name = name, number = number }
  return stream
end

function file.__tostring(stream) return "file (" .. streams[stream].name .. ")" end

local function stream_of(self, method)
  return streams[self] or error("bad argument #1 to '" .. method .. "' (FILE* expected, got " .. type(self) .. ")", 3)
end

-- Writes after checking the arguments; the first of them is number 'first' of the script's call.
local function write_checked(name, self, first, ...)
  for i = 1, select("#", ...) do
    local kind = type((select(i, ...)))
    if kind ~= "string" and kind ~= "number" then
      error("bad argument #" .. first + i - 1 .. " to '" .. name .. "' (string expected, got " .. kind .. ")", 2)
    end
  end
  local stream = streams[self]
  if not stream.number then return nil, "Bad file descriptor", 9 end
  local ok, message = write(stream.number, ...)
  if not ok then return nil, message end
  return self
end

function methods.write(self, ...)
  stream_of(self, "write")
  return write_checked("write", self, 1, ...)
end

function methods.read(self, ...)
  local stream = stream_of(self, "read")
  if stream.number then return nil, "Bad file descriptor", 9 end
  return read(...)
end

function methods.lines(self, ...)
  stream_of(self, "lines")
  local formats = table.pack(...)
  return function() return read(table.unpack(formats, 1, formats.n)) end
end

function methods.flush(self)
  local stream = stream_of(self, "flush")
  if not stream.number then return self end
  local ok, message = flush(stream.number)
  if not ok then return nil, message end
  return self
end

function methods.close(self)
  stream_of(self, "close")
  return nil, "the standard streams stay open"
end

function methods.setvbuf(self) stream_of(self, "setvbuf") return true end
function methods.seek(self) stream_of(self, "seek") return nil, "Illegal seek", 29 end

io.stdin, io.stdout, io.stderr = new_stream("stdin"), new_stream("stdout", STDOUT), new_stream("stderr", STDERR)
local standard_output = io.stdout

function io.write(...) return write_checked("write", standard_output, 1, ...) end
function io.flush() return standard_output:flush() end
function io.close(stream) return (stream or standard_output):close() end
function io.read(...) return read(...) end

function io.lines(name, ...)
  if name ~= nil then
    error("io.lines: " .. tostring(name) .. ": reading files is not granted", 2)
  end
  return io.stdin:lines(...)
end

function io.open(name)
  if type(name) ~= "string" then
    error("io.open: argument #1 must be a file name, got " .. type(name), 2)
  end
  return nil, name .. ": file access is not granted", 13
end

function io.type(value)
  if streams[value] then return "file" end
  return nil
end

function io.output(value)
  if value == nil or value == standard_output then return standard_output end
  error("io.output: file access is not granted", 2)
end

function io.input(value)
  if value == nil or value == io.stdin then return io.stdin end
  error("io.input: file access is not granted", 2)
end
