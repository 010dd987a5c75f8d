/*
** Environment variables (wit/env.wit).
*/
#include "env.h"

#include "lauxlib.h"

#include "failure.h"
#include "pure/args.h"
#include "script.h"


/* Pushes a variable's value, or nil. */
static int push_variable (lua_State *L, const char *fn, script_list_u8_t name) {
  script_option_list_u8_t value;
  tidelock_script_env_error_t error;
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


static int env_get (lua_State *L) {
  script_list_u8_t name;
  name.ptr = (uint8_t *)arg_string(L, 1, "env.get", &name.len);
  return push_variable(L, "env.get", name);
}


/* 'os.getenv' complains as Lua's own. */
int env_getenv (lua_State *L) {
  script_list_u8_t name;
  name.ptr = (uint8_t *)luaL_checklstring(L, 1, &name.len);
  return push_variable(L, "os.getenv", name);
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


int luaopen_env (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"get", env_get},
    {"list", env_list},
    {NULL, NULL}
  };
  luaL_newlib(L, functions);
  return 1;
}
