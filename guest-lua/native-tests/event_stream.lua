-- The event-stream parser.

local checks = 0

-- The events of a stream that arrives in these pieces, one line for each, and the state after it.
local function read (pieces, last)
  local stream, lines = T.event_stream(last), {}
  for _, piece in ipairs(pieces) do
    stream:feed(piece)
    while true do
      local ev, why = stream:next()
      if not ev then
        if why then return table.concat(lines) .. why end
        break
      end
      lines[#lines + 1] = string.format("[%s|%s|%s|%s]", ev.event, ev.data, ev.id, ev.retry)
    end
  end
  local id, retry = stream:state()
  return string.format("%s %s %s", table.concat(lines), id, retry)
end

local function eq (got, expected)
  checks = checks + 1
  if got ~= expected then
    error(string.format("expected %q, got %q", expected, got), 3)
  end
end

-- A stream gives what is expected however it is split: whole, in single bytes, in every two, and in
-- every three pieces if it is short.
local function gives (text, expected, last)
  eq(read({text}, last), expected)
  local bytes = {}
  for i = 1, #text do bytes[i] = text:sub(i, i) end
  eq(read(bytes, last), expected)
  for i = 0, #text do
    eq(read({text:sub(1, i), text:sub(i + 1)}, last), expected)
    for j = i, #text < 60 and #text or -1 do
      eq(read({text:sub(1, i), text:sub(i + 1, j), text:sub(j + 1)}, last), expected)
    end
  end
end

local function same (text, other) gives(text, read({other})) end

-- Examples of the standard, section 9.2.6.
gives("data: YHOO\ndata: +2\ndata: 10\n\n", "[message|YHOO\n+2\n10|nil|nil] nil nil")
gives(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
  "[message|first event|1|nil][message|second event|nil|nil][message| third event|nil|nil] nil nil")
gives("data\n\ndata\ndata\n\ndata:", "[message||nil|nil][message|\n|nil|nil] nil nil")
gives("data:test\n\ndata: test\n\n", "[message|test|nil|nil][message|test|nil|nil] nil nil")
-- Section 9.2.2.
gives("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
  "[add|73857293|nil|nil][remove|2153|nil|nil] nil nil")

-- Line ends of every kind, and mixed.
gives("data: a\r\n\r\ndata: b\r\n\r\n", "[message|a|nil|nil][message|b|nil|nil] nil nil")
gives("data: a\r\ndata: b\r\n\r\n", "[message|a\nb|nil|nil] nil nil")
gives("data: a\r\rdata: b\r\r", "[message|a|nil|nil][message|b|nil|nil] nil nil")
gives("data: a\r\n\rdata: b\n\r\ndata: c\r\r\n", "[message|a|nil|nil][message|b|nil|nil][message|c|nil|nil] nil nil")
gives("\r\n\n\r\r\n", " nil nil")
-- The event is there with the carriage return, before it is known whether a line feed follows.
eq(read({"data: a\r\n\r"}), "[message|a|nil|nil] nil nil")
gives("data: a\n\rdata: b\n\n", "[message|a|nil|nil][message|b|nil|nil] nil nil")

-- The byte order mark: one, at the start, whole.
gives("\xEF\xBB\xBFdata: a\n\n", "[message|a|nil|nil] nil nil")
gives("\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\n", " nil nil")
gives("\xEF\xBB\xBF\ndata: a\n\n", "[message|a|nil|nil] nil nil")
gives("\xEF\xBB\xBF:\ndata: a\n\n", "[message|a|nil|nil] nil nil")
gives("\xEF\xBBdata: a\ndata: b\n\n", "[message|b|nil|nil] nil nil")
gives("\xEF:\ndata: b\n\n", "[message|b|nil|nil] nil nil")
gives("\xEF\xBB\n\ndata: b\n\n", "[message|b|nil|nil] nil nil")
gives("data: \xEF\xBB\xBF\n\n\xEF\xBB\xBFdata: a\n\n", "[message|\xEF\xBB\xBF|nil|nil] nil nil")

-- Comments give no event and end none.
gives(":\n: ping\n:data: x\n\n:\n\n", " nil nil")
gives("data: a\n: between\ndata: b\n\n", "[message|a\nb|nil|nil] nil nil")

-- Names are exact; one space is not part of the value.
gives("Data: a\ndata : b\n data: c\ndatas: d\ndat: e\nxdata: f\ndata\0: g\n\n", " nil nil")
gives("data:  a \ndata:\tb\ndata::c\ndata: d: e\n\n", "[message| a \n\tb\n:c\nd: e|nil|nil] nil nil")
gives("data:\n\n", "[message||nil|nil] nil nil")
gives("data: \n\n", "[message||nil|nil] nil nil")
gives("unknown\nevents: x\nevent\ndata: a\n\n", "[message|a|nil|nil] nil nil")

-- The type is the last one named, and does not outlive its event.
gives("event: a\nevent: b\ndata\n\ndata\n\n", "[b||nil|nil][message||nil|nil] nil nil")
gives("event: a\nevent\ndata\n\n", "[message||nil|nil] nil nil")
gives("event: a\n\ndata\n\n", "[message||nil|nil] nil nil")

-- The id stays until another comes; an empty one takes it back; one with a NUL counts for nothing.
gives("id: 1\ndata\n\ndata\n\nid: 2\n\ndata\n\n", "[message||1|nil][message||1|nil][message||2|nil] 2 nil")
gives("id: 1\ndata\n\nid:\ndata\n\n", "[message||1|nil][message||nil|nil] nil nil")
gives("id: 1\nid: 2\0\nid: \0\ndata\n\nid: 3\nid: 4\n\n", "[message||1|nil] 4 nil")
gives("id: a\ndata\n\nid: b\ndata\n", "[message||a|nil] a nil")
gives("data\n\nid: 2\ndata\n\n", "[message||before|nil][message||2|nil] 2 nil", "before")
gives("id\n\n", " nil nil", "before")
gives("", " before nil", "before")
eq(tostring(select(2, T.event_stream("before", 7):state())), "7")

-- The retry time: digits alone, taken at once, kept, as large as an integer.
gives("retry: 10\n", " nil 10")
gives("retry: 10\ndata\n\nretry: 0020\ndata\n\ndata\n\n", "[message||nil|10][message||nil|20][message||nil|20] nil 20")
gives("retry: 1\nretry\nretry:\nretry: 2x\nretry: x2\nretry: -2\nretry: +2\nretry: 2.5\nretry:  2\nretry: 2 \n\n", " nil 1")
gives("retry: 9223372036854775807\n", " nil 9223372036854775807")
gives("retry: 9223372036854775808\n", " nil 9223372036854775807")
gives("retry: 99999999999999999999999999\n", " nil 9223372036854775807")

-- An event that is not complete is none.
gives("data: a\n\ndata: b", "[message|a|nil|nil] nil nil")
gives("data: a\n\ndata: b\n", "[message|a|nil|nil] nil nil")
gives("retry: 5", " nil nil")

-- Any bytes; a character may be split.
gives("data: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\n", "[message|\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80|nil|nil] nil nil")
gives("data: \xC3\ndata: \xFF\xFE\0\x80\n\n", "[message|\xC3\n\xFF\xFE\0\x80|nil|nil] nil nil")
same("data: \xE2\x82\r\n\r\n", "data: \xE2\x82\n\n")

-- A megabyte in single bytes, whatever line they make. Copying what is there for each byte would take
-- hours.
for start, length in pairs {
  ["data: "] = 1000000, ["event: "] = 100000, ["id: "] = 100000, ["retry: "] = 100000,
  [": "] = 100000, ["unknown"] = 100000, ["unknown: "] = 100000
} do
  local stream, ev = T.event_stream(), nil
  local function give (byte)
    stream:feed(byte)
    ev = stream:next() or ev
  end
  for byte in start:gmatch(".") do give(byte) end
  for i = 1, length do give(i % 10 == 0 and "0" or "1") end
  for byte in ("\ndata: x\n\n"):gmatch(".") do give(byte) end
  eq(#ev.data, start == "data: " and length + 2 or 1)
  eq(#ev.event, start == "event: " and length or 7)
  eq(#(ev.id or ""), start == "id: " and length or 0)
end

-- One event has a limit, and all of it counts; a stream has none.
local limit = 16 * 1024 * 1024
local too_large = "an event of the stream is larger than 16777216 bytes"
local mega = ("x"):rep(1024 * 1024)
local function mostly (count) return "data: " .. mega:rep(count) end
eq(#read({mostly(16):sub(1, -2), "\n\n"}), limit - 1 + #"[message||nil|nil] nil nil")
eq(read({mostly(16), "\n\n"}), too_large)
eq(read({mostly(16), "x\n\n"}), too_large)
eq(read({"data: a\n\n", mostly(17), "\n\n", "data: b\n\n"}), "[message|a|nil|nil]" .. too_large)
eq(read({mostly(15), "\nevent: " .. mega .. "\n\n"}), too_large)
eq(read({mostly(15), "\nid: " .. mega .. "\n\n"}), too_large)
eq(read({("data: " .. mega .. "\n"):rep(17)}), too_large)
eq(read({("data: " .. mega:rep(3) .. "\n\n"):rep(10)}):sub(-8), " nil nil")
eq(read({": " .. mega:rep(17) .. "\n" .. mega:rep(17) .. ": x\n\ndata: a\n\n"}), "[message|a|nil|nil] nil nil")
eq(#read({("data\n"):rep(limit) .. "\n"}), limit - 1 + #"[message||nil|nil] nil nil")
eq(read({("data\n"):rep(limit) .. "data\n\n"}), too_large)

-- Memory that runs out raises and harms nothing.
local long = mega:sub(1, 70000)
eq(tostring(T.starve(function ()
  read({"retry: 1\nid: " .. long .. "\nevent: " .. long .. "\ndata: " .. long, "\n\ndata: b\n\n"})
end) > 10), "true")

-- Bytes are given when those before were used up.
local stream = T.event_stream()
stream:feed("data: a\n\ndata: b\n\n")
stream:next()
eq(tostring(pcall(stream.feed, stream, "x")), "false")
eq(stream:next().data, "b")
eq(tostring(pcall(stream.feed, stream, "x")), "false")
eq(tostring(stream:next()), "nil")
eq(tostring(pcall(stream.feed, stream, 1)), "false")
eq(tostring(pcall(stream.feed, io.stdout, "x")), "false")
stream:feed("data: c\n\n")
eq(stream:next().data, "c")

print(checks .. " checks")
