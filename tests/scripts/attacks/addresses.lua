-- What a text says of where a value is: places in the instance's own memory, which begins at 0, and nothing else.
local values = {
  {}, print, function() end, coroutine.create(print), coroutine.running(), json.null, async.spawn(print), http.client({}),
  io.stdout, setmetatable({}, { __name = "mine" }), string.format, http.get, select(2, pcall(http.get, "http://10.0.0.1/")),
}
local count = 0
local function check(text)
  for digits in text:gmatch("0x(%x+)") do
    local address = tonumber(digits, 16)
    assert(address > 0 and address < 2 ^ 32, text)
    count = count + 1
  end
end
for _, value in ipairs(values) do
  check(tostring(value))
  check(string.format("%p %s", value, value))
end
check(string.format("%p", "a text of more than forty characters, which is not kept twice"))
assert(count > 20, count)
-- Never those of anything that has none.
assert(string.format("%p %p %p", 1, true, nil) == "(null) (null) (null)")
print("ok")
