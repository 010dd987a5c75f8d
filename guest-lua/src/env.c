/*
** Environment variables (wit/env.wit).
*/
#include "env.h"

#include "lauxlib.h"

#include "failure.h"
#include "pure/args.h"
#include "script.h"


/* The name of the function is its upvalue: 'os.getenv' is the same function. */
static int env_get (lua_State *L) {
  const char *fn = lua_tostring(L, lua_upvalueindex(1));
  script_list_u8_t name;
  script_option_list_u8_t value;
  tidelock_script_env_error_t error;
  name.ptr = (uint8_t *)arg_string(L, 1, fn, &name.len);
  if (!tidelock_script_env_get(&name, &value, &error))
    return failure_raise(L, fn, fn, &error);
  if (!value.is_some) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushlstring(L, (const char *)value.val.ptr, value.val.len);
  script_list_u8_free(&value.val);
  return 1;
}


static int env_list (lua_State *L) {
  script_list_string_t names;
  size_t i;
  tidelock_script_env_names(&names);
  lua_createtable(L, (int)names.len, 0);
  for (i = 0; i < names.len; i++) {
    lua_pushlstring(L, (const char *)names.ptr[i].ptr, names.ptr[i].len);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  script_list_string_free(&names);
  return 1;
}


void env_open_getenv (lua_State *L) {
  lua_pushliteral(L, "os.getenv");
  lua_pushcclosure(L, env_get, 1);
}


int luaopen_env (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"list", env_list},
    {NULL, NULL}
  };
  luaL_newlib(L, functions);
  lua_pushliteral(L, "env.get");
  lua_pushcclosure(L, env_get, 1);
  lua_setfield(L, -2, "get");
  return 1;
}
