-- Random streams through the parser, each in random pieces, and through a reader that is written from the
-- standard with other means: it has all the text at once and cuts it into lines. They must agree.
-- FUZZ_SECONDS says how long (1 if not given), FUZZ_SEED repeats a run.

local seconds = tonumber(os.getenv("FUZZ_SECONDS") or 1)
local seed = math.tointeger(os.getenv("FUZZ_SEED") or os.time())
local corpus = dofile("guest-lua/native-tests/fuzz/event_stream_corpus.lua")
math.randomseed(seed)

local function show (list, ev)
  list[#list + 1] = string.format("%q %q %q %s\n", ev.event, ev.data, ev.id or "", ev.retry)
end

local function finish (list, id, retry)
  return table.concat(list) .. string.format("%q %s", id or "", retry)
end

local function reference (text)
  local list, data, event, id, last, retry = {}, {}, "", "", "", nil
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("\r\n", "\n"):gsub("\r", "\n")
  for line in text:gmatch("([^\n]*)\n") do
    local name, value = line:match("^([^:]*):? ?(.*)$")
    if line == "" then
      last = id
      if data[1] then
        show(list, {event = event ~= "" and event or "message", data = table.concat(data, "\n"), id = last, retry = retry})
      end
      data, event = {}, ""
    elseif not line:find(":", 1, true) then
      name, value = line, ""
    end
    if name == "data" then
      data[#data + 1] = value
    elseif name == "event" then
      event = value
    elseif name == "id" and not value:find("\0", 1, true) then
      id = value
    elseif name == "retry" and value:find("^[0-9]+$") then
      retry = math.tointeger(value) or math.maxinteger
    end
  end
  return finish(list, last, retry)
end

local function parsed (text)
  local list, stream, at = {}, T.event_stream(), 1
  local longest = math.random(3) == 1 and 1 or math.random(40)
  while at <= #text do
    local length = math.random(0, longest)
    stream:feed(text:sub(at, at + length - 1))
    at = at + length
    for ev in stream.next, stream do show(list, ev) end
  end
  return finish(list, stream:state())
end

local tokens <const> = {
  "\n", "\n", "\r", "\r\n", "\n\n", ":", ": ", " ", "\0", "data", "data: ", "data:", "event", "event: ", "id",
  "id: ", "retry", "retry: ", "7", "10", "99999999999999999999", "x", "\xEF\xBB\xBF", "\xEF", "\xBB", "\xC3\xA4", "\xFF"
}

local function pick (list) return list[math.random(#list)] end

local function change (text)
  local from = math.random(#text + 1)
  local to = math.min(from + math.random(0, 6) - 1, #text)
  local kind = math.random(4)
  local new = kind == 1 and "" or kind == 2 and pick(tokens) or kind == 3 and string.char(math.random(0, 255))
    or text:sub(math.random(#text + 1), math.random(#text + 1))
  return text:sub(1, from - 1) .. new .. text:sub(math.random(2) == 1 and from or to + 1)
end

local function random_text ()
  local parts = {}
  if math.random(3) == 1 then
    for i = 1, math.random(30) do parts[i] = pick(tokens) end
    return table.concat(parts)
  end
  for i = 1, math.random(3) do parts[i] = pick(corpus) end
  local text = table.concat(parts)
  for _ = 1, math.random(0, 8) do text = change(text) end
  return text
end

local function check (text)
  local expected, got = reference(text), parsed(text)
  if expected ~= got then
    error(string.format("FUZZ_SEED=%d: the parser and the reference differ\nstream: %q\nreference:\n%s\nparser:\n%s",
                        seed, text, expected, got))
  end
end

for _, text in ipairs(corpus) do check(text) end
local count, finished = 0, os.clock() + seconds
while os.clock() < finished do
  for _ = 1, 100 do check(random_text()) end
  count = count + 100
end
print(count .. " streams, FUZZ_SEED=" .. seed)
