-- A loop that catches everything gets an error from each wait: it can count them, but not wait.
local count, waited = 0, 0
local h = async.spawn(function()
  for _ = 1, 10000 do
    local ok, e = pcall(sleep, 1000)
    if ok then waited = waited + 1 end
    assert(ok or e.kind == "cancelled")
    count = count + 1
    xpcall(sleep, function(e) return e end, 1000)
    local co = coroutine.create(sleep)
    local resumed, e = coroutine.resume(co, 1000)
    assert(resumed == false and e.kind == "cancelled")
  end
  return "gave up"
end)
sleep(0)
h:cancel()
assert(h:await()[1] == "gave up")
assert(count == 10000 and waited == 0)

-- A handler that it calls by hand, as if something were closed, does not let it wait for ever.
local object = setmetatable({}, { __close = function(self) sleep(1000) end })
h = async.spawn(function()
  for _ = 1, 3 do pcall(getmetatable(object).__close, object) end
end)
sleep(0)
h:cancel()
h:await()

-- Tasks that it starts are their own: they are not cancelled with it.
local child
h = async.spawn(function()
  pcall(sleep, 1000)
  child = async.spawn(function() sleep(0) return "child" end)
end)
sleep(0)
h:cancel()
h:await()
assert(child:await()[1] == "child")
print("ok")
