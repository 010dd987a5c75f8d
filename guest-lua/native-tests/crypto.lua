-- Library crypto. The digests were made with Python's hashlib and hmac.

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

-- 'n' bytes that depend on 'n'
local function bytes (n)
  local t = {}
  for i = 0, n - 1 do t[#t + 1] = string.char((i * 7 + n) % 256) end
  return table.concat(t)
end

local function hex (s)
  return (string.gsub(s, ".", function (c)
    return string.format("%02x", string.byte(c))
  end))
end

for s, digests in pairs {
  [""] = {
    md5 = "d41d8cd98f00b204e9800998ecf8427e",
    sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    sha224 = "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
    sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    sha384 = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    sha512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
  },
  ["abc"] = {
    md5 = "900150983cd24fb0d6963f7d28e17f72",
    sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d",
    sha224 = "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    sha384 = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  },
} do
  for alg, digest in pairs(digests) do
    eq(crypto.hash(s, alg), digest)
    eq(crypto.hash(s, string.upper(alg)), digest)
  end
end

-- every length around the block sizes: digest of the digests
for alg, digest in pairs {
  md5 = "6b17c297413904f899439ba384a83c93",
  sha1 = "9c5dda79c0be8cee2e2272304c8e3502832cdc60",
  sha224 = "d3a88e9d857a039a4aa433cb0dcd782b8c9988dbe2089e356b30d532",
  sha256 = "94bc81110d562891b0adac6bac4837f28ae9118c192446b6ac4414fdf4c6e629",
  sha384 = "193570ab6249e6ef15cd46431d8b884b8ba5d0f538c6c7d24abb05dd41df127a9254e57f05913275a65ef9e9ab12695a",
  sha512 = "e95e6767913ed1920530e5028b1a97936b37a3b30665a24bd709b6593b5ed38986d7a1546bcacef4b54b49ff8a3eb6cdbc3d2e64337146c9b3f5a9a637e7133a",
} do
  local all = {}
  for n = 0, 300 do all[#all + 1] = crypto.hash(bytes(n), alg) end
  eq(crypto.hash(table.concat(all), alg), digest)
end

-- the same for keys of every length
for alg, digest in pairs {
  md5 = "3b9edd739340cc29e15beb80a1e0a159",
  sha1 = "4ad8bd0fff72661ced063cab99c96261a6c8430f",
  sha224 = "8e9e3d9ff3b100f93862cd1d959c91168b5be3a92f85e646467bdbd5",
  sha256 = "ec5cffe112658acb2bd5b73190ca57e1b221d3f9c98cb79aaf3a564a5a5aeb0b",
  sha384 = "203ec0039a9eaa6bd2fd8b32562e085fc31d59e742512bcbd10fdc558590644b88b4e9d9d418a950bf925463b7c79540",
  sha512 = "0f48ad2f7bf5ba7022dfe99f6c785be0436a2174ab62982616d8bd364e0d740c6b9396846da977657af4af9f1fb2e7660f22c7082c202edf94203c324e13b389",
} do
  local all = {}
  for n = 0, 300 do
    all[#all + 1] = crypto.hmac(bytes(n), bytes(300 - n), alg)
  end
  eq(crypto.hash(table.concat(all), alg), digest)
end

local million <const> = string.rep("a", 1000000)
eq(crypto.hash(million, "md5"), "7707d6ae4e027c70eea2a935c2296f21")
eq(crypto.hash(million, "sha1"), "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
eq(crypto.hash(million, "sha224"), "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67")
eq(crypto.hash(million, "sha256"), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
eq(crypto.hash(million, "sha384"), "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985")
eq(crypto.hash(million, "sha512"), "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b")

eq(crypto.hash("abc"), crypto.hash("abc", "sha256"))
eq(crypto.hash("abc", nil), crypto.hash("abc", "sha256"))
eq(crypto.hash(12), crypto.hash("12"))
eq(crypto.hmac("key", "data"), "5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0")
eq(crypto.hmac("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
eq(hex(crypto.hmac("key", "data", "sha512", true)), crypto.hmac("key", "data", "sha512"))
eq(#crypto.hmac("key", "data", nil, true), 32)

-- random
eq(#crypto.random(), 32)
eq(#crypto.random(nil), 32)
eq(#crypto.random(1), 1)
eq(#crypto.random(7.0), 7)
eq(#crypto.random(1024 * 1024), 1024 * 1024)
eq(string.find(crypto.random(100000), "%W"), nil)
eq(crypto.random() ~= crypto.random(), true)
do  -- 62 characters, none rarer or more common than chance allows
  local count, n = {}, 620000
  for c in string.gmatch(crypto.random(n), ".") do
    count[c] = (count[c] or 0) + 1
  end
  local kinds, chi = 0, 0
  for _, k in pairs(count) do
    kinds = kinds + 1
    chi = chi + (k - n / 62) ^ 2 / (n / 62)
  end
  eq(kinds, 62)
  eq(chi < 160, true)  -- one run in 10^9 is above it
end

-- errors
local names <const> = "md5, sha1, sha224, sha256, sha384, sha512"
raises("crypto.hash: argument #2 must be one of " .. names .. ", got 'sha3'",
       crypto.hash, "", "sha3")
eq(pcall(crypto.hash, "", "sha256\0"), false)
raises("crypto.hash: argument #2 must be one of " .. names .. ", got 'a longer text'",
       crypto.hash, "", string.rep("x", 33))
raises("crypto.hmac: argument #3 must be one of " .. names .. ", got ''",
       crypto.hmac, "", "", "")
raises("crypto.hash: argument #1 must be a string, got no value", crypto.hash)
raises("crypto.hash: argument #2 must be a string, got table", crypto.hash, "", {})
raises("crypto.hmac: argument #2 must be a string, got no value", crypto.hmac, "k")
raises("crypto.hmac: argument #4 must be a boolean, got number", crypto.hmac, "k", "d", nil, 1)
for bad, got in pairs {[0] = "0", [-1] = "-1", [1048577] = "1048577", [1.5] = "1.5",
                       [1 / 0] = "inf", ["5"] = "string", [true] = "boolean"} do
  raises("crypto.random: argument #1 must be an integer from 1 to 1048576, got "
         .. got, crypto.random, bad)
end
eq(T.starve(function () crypto.hash("x"); crypto.random(2000) end) > 1, true)

print(checks .. " checks")
