/*
** Error objects: what a script catches when the outside world fails.
*/
#include "failure.h"

#include <stdarg.h>
#include <string.h>

#include "lauxlib.h"

#define METATABLE "tidelock.failure"

/* The names of 'error-kind' in wit/types.wit, in its order. */
static const char *const kinds[] = {
  "denied", "timeout", "dns", "connect", "tls", "protocol", "closed", "too_large", "io",
  "cancelled", "limit", "invalid"
};


static int failure_tostring (lua_State *L) {
  lua_getfield(L, 1, "message");
  if (!lua_isstring(L, -1))
    lua_pushliteral(L, "failure without a message");
  return 1;
}


/* Either side of '..' may be the failure. */
static int failure_concat (lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  luaL_tolstring(L, 2, NULL);
  lua_concat(L, 2);
  return 1;
}


void failure_open (lua_State *L) {
  static const luaL_Reg methods[] = {
    {"__tostring", failure_tostring},
    {"__concat", failure_concat},
    {NULL, NULL}
  };
  luaL_newmetatable(L, METATABLE);
  luaL_setfuncs(L, methods, 0);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");  /* scripts share it: keep it as it is */
  lua_pop(L, 1);
}


void failure_push (lua_State *L, const char *kind, const char *format, ...) {
  va_list arguments;
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_setfield(L, -2, "message");
  luaL_setmetatable(L, METATABLE);
}


/* Pushes "lead: message". A string from the host is freed whatever happens after. */
static void push_text (lua_State *L, const char *lead, tidelock_script_types_error_t *error) {
  lua_pushstring(L, lead);
  lua_pushliteral(L, ": ");
  lua_pushlstring(L, (const char *)error->message.ptr, error->message.len);
  tidelock_script_types_error_free(error);
  lua_concat(L, 3);
}


void failure_push_error (lua_State *L, const char *lead, tidelock_script_types_error_t *error) {
  const char *kind = error->kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[error->kind] : "io";
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  push_text(L, lead, error);
  lua_setfield(L, -2, "message");
  luaL_setmetatable(L, METATABLE);
}


/* Pushes the position of the innermost function that is the script's; "" if there is none. */
static void push_position (lua_State *L) {
  lua_Debug ar;
  int level;
  for (level = 1; level < 200 && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0 && strncmp(ar.short_src, "[tidelock ", 10) != 0) {
      lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
      return;
    }
  }
  lua_pushliteral(L, "");
}


int failure_error (lua_State *L, const char *format, ...) {
  va_list arguments;
  push_position(L);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, 2);
  return lua_error(L);
}


int failure_raise (lua_State *L, const char *fn, const char *lead,
                   tidelock_script_types_error_t *error) {
  if (error->kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_INVALID) {
    push_position(L);
    push_text(L, fn, error);
    lua_concat(L, 2);
  }
  else
    failure_push_error(L, lead, error);
  return lua_error(L);
}


const char *failure_kind (lua_State *L, int index) {
  const char *kind = NULL;
  index = lua_absindex(L, index);
  if (lua_istable(L, index) && luaL_getmetafield(L, index, "__concat") != LUA_TNIL) {
    if (lua_tocfunction(L, -1) == failure_concat) {
      lua_pushliteral(L, "kind");
      lua_rawget(L, index);
      kind = lua_tostring(L, -1);  /* stays alive in the table */
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  return kind;
}
