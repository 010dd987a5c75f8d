/*
** args.c - argument checks shared by the library files.
*/

#include <stdarg.h>
#include <stdlib.h>

#include "lua.h"

#include "lauxlib.h"

#include "args.h"


_Noreturn void arg_error (lua_State *L, const char *fmt, ...) {
  va_list argp;
  va_start(argp, fmt);
  luaL_where(L, 1);
  lua_pushvfstring(L, fmt, argp);
  va_end(argp);
  lua_concat(L, 2);
  lua_error(L);
  abort();  /* 'lua_error' never returns */
}


_Noreturn void arg_fail (lua_State *L, int arg, const char *fn,
                         const char *what) {
  arg_error(L, "%s: argument #%d must be %s, got %s", fn, arg, what,
            luaL_typename(L, arg));
}


const char *arg_string (lua_State *L, int arg, const char *fn, size_t *len) {
  const char *s = lua_tolstring(L, arg, len);
  if (s == NULL)
    arg_fail(L, arg, fn, "a string");
  return s;
}


lua_Integer arg_optinteger (lua_State *L, int arg, const char *fn,
                            lua_Integer min, lua_Integer max,
                            lua_Integer def) {
  int isint = 0;
  lua_Integer n = 0;
  if (lua_isnoneornil(L, arg))
    return def;
  if (lua_type(L, arg) == LUA_TNUMBER)  /* no strings here */
    n = lua_tointegerx(L, arg, &isint);
  if (!isint || n < min || n > max) {
    int isnum = (lua_type(L, arg) == LUA_TNUMBER);
    arg_error(L, "%s: argument #%d must be an integer from %I to %I, got %s",
              fn, arg, (LUAI_UACINT)min, (LUAI_UACINT)max,
              isnum ? lua_tostring(L, arg) : luaL_typename(L, arg));
  }
  return n;
}


int arg_optboolean (lua_State *L, int arg, const char *fn) {
  if (lua_isnoneornil(L, arg))
    return 0;
  if (!lua_isboolean(L, arg))
    arg_fail(L, arg, fn, "a boolean");
  return lua_toboolean(L, arg);
}


int arg_opttable (lua_State *L, int arg, const char *fn) {
  if (lua_isnoneornil(L, arg))
    return 0;
  if (!lua_istable(L, arg))
    arg_fail(L, arg, fn, "a table of options");
  return 1;
}


int arg_flag (lua_State *L, int arg, const char *fn, const char *name) {
  int flag = 0;
  if (arg_opttable(L, arg, fn)) {
    if (lua_getfield(L, arg, name) != LUA_TNIL && !lua_isboolean(L, -1))
      arg_error(L, "%s: opts.%s must be a boolean, got %s", fn, name,
                luaL_typename(L, -1));
    flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  return flag;
}
