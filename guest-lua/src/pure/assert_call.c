/*
** assert_call.c - what happens when `assert` is called. It is a table with checks
** (prelude/assert.lua), and does what Lua's own does.
*/

#include "assert_call.h"

#include "lauxlib.h"


/* Lua finds a function's name in the library it is in, if the call does not give one. */
static int no_value (lua_State *L) {
  lua_Debug call;
  if (!lua_getstack(L, 0, &call) || !lua_getinfo(L, "n", &call) || call.name != NULL)
    luaL_checkany(L, 2);
  return luaL_error(L, "bad argument #1 to 'assert' (value expected)");
}


/*
** The arguments follow the table. The upvalue is `error`, which goes on in this
** call: one of its own would be a level in tracebacks.
*/
static int call_assert (lua_State *L) {
  if (lua_toboolean(L, 2))
    return lua_gettop(L) - 1;
  if (lua_isnone(L, 2))
    return no_value(L);
  if (lua_gettop(L) == 2)
    lua_pushliteral(L, "assertion failed!");
  lua_copy(L, 3, 1);
  lua_settop(L, 1);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}


void assert_internals (lua_State *L) {
  lua_getglobal(L, "error");
  lua_pushcclosure(L, call_assert, 1);
  lua_setfield(L, -2, "assert");
}
