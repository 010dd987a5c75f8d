return function() return ("a"):rep(1e5):find((".-"):rep(20) .. "b") end
