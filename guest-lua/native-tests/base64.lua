-- Library base64.

local checks = 0

local function eq (got, expected)
  checks = checks + 1
  if got ~= expected then
    error(string.format("expected %s, got %s", tostring(expected),
                        tostring(got)), 2)
  end
end

local function raises (message, f, ...)
  local ok, err = pcall(f, ...)
  eq(ok, false)
  eq(err, message)
end

local encode, decode = base64.encode, base64.decode
local url <const> = {url = true}

for plain, text in pairs {  -- RFC 4648, section 10
  [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==",
  fooba = "Zm9vYmE=", foobar = "Zm9vYmFy"
} do
  eq(encode(plain), text)
  eq(decode(text), plain)
  eq(encode(plain, url), (string.gsub(text, "=", "")))
  eq(decode(encode(plain, url), url), plain)
end

eq(encode("\xfb\xff\xfe"), "+//+")
eq(encode("\xfb\xff\xfe", url), "-__-")
eq(encode("\xfb\xff\xfe", {url = false}), "+//+")
eq(encode("\xfb\xff\xfe", {}), "+//+")
eq(encode(12), "MTI=")

local bytes = {}
for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
local all = table.concat(bytes)
for n = 0, 256 do
  local s = string.sub(all, 256 - n + 1)
  eq(decode(encode(s)), s)
  eq(decode(encode(s, url), url), s)
end
local big = string.rep(all, 400)
eq(decode(encode(big)), big)

-- what is not strict base64
for _, bad in ipairs {"Zg", "Zg=", "Z===", "====", "=", "Zm9v\n", "Zm 9", "Zm9v ",
                      "Zg==Zg==", "Z=g=", "Zm9-", "Zm9_", "Zm8\0", "Zh==", "Zm9=",
                      "\xff\xff\xff\xff", "Zm9v=", "=Zm9"} do
  eq(pcall(decode, bad), false)
end
for _, bad in ipairs {"Z", "Zg==", "Zm8=", "Zm+v", "Zm/v", "Zh", "Zm9", "Zm9vZ", "Zm\n"} do
  eq(pcall(decode, bad, url), false)
end
raises("base64.decode: byte 3 is not in the alphabet", decode, "Zm*v")
raises("base64.decode: length must be a multiple of 4, got 3", decode, "Zm8")
raises("base64.decode: the last character has bits that belong to no byte",
       decode, "Zh==")
raises("base64.decode: incomplete input (1 characters)", decode, "Z", url)
raises("base64.encode: argument #1 must be a string, got nil", encode, nil)
raises("base64.encode: argument #2 must be a table of options, got boolean",
       encode, "", true)
raises("base64.decode: opts.url must be a boolean, got number", decode, "", {url = 1})
eq(T.starve(function () decode(encode(all)) end) > 1, true)

print(checks .. " checks")
