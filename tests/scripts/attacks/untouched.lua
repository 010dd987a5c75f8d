-- Answers `untouched` if nothing of the interpreter was changed before.
return function()
  assert(not spoilt and kept == nil)
  assert(getmetatable("").__index == string and ("a"):rep(2) == "aa")
  assert(table.insert and package.loaded.json == json and json.parse("1") == 1)
  return "untouched"
end
