-- 'package.preload' stands for module files here: a wait while a module loads, also in a coroutine.
package.preload.slow = function(name)
  sleep(0)
  local inner = require("slower")
  sleep(0)
  return { name = name, inner = inner }
end
package.preload.slower = function() sleep(0) return coroutine.wrap(function() sleep(0) return "value" end)() end
package.preload.broken = function() sleep(0) error("no module", 0) end

local slow = coroutine.wrap(function() return require("slow") end)()
assert(slow.name == "slow" and slow.inner == "value")
assert(require("slow") == slow and require("slower") == "value")
local ok, e = pcall(require, "broken")
assert(not ok and e == "no module", e)
assert(package.loaded.broken == nil)
ok, e = pcall(require, "broken")
assert(not ok and e == "no module", e)
print("ok")
