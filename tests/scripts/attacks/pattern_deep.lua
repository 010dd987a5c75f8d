-- Patterns that recurse: Lua must refuse them with an error, the stack of the machine holds.
return function()
  for _, pattern in ipairs { ("("):rep(1e5), ("(a"):rep(30) .. (")"):rep(30), ("%b()"):rep(1e4), ("a?"):rep(1e5) .. "b", ("x-"):rep(1e5) } do
    local ok, message = pcall(string.find, ("a"):rep(1e5), pattern)
    if not ok then assert(type(message) == "string") end
  end
  local ok, message = pcall(string.find, ("a"):rep(1e6), ("a?"):rep(1e6))
  assert(not ok and message:find("too complex", 1, true), message)
  return "refused"
end
