/*
** The global table: Lua's libraries, cut to what a sandbox can give, and ours.
*/
#include "globals.h"

#include <string.h>
#include <unistd.h>

#include "lauxlib.h"
#include "lualib.h"

#include "async.h"
#include "coroutine.h"
#include "download.h"
#include "env.h"
#include "failure.h"
#include "files.h"
#include "files_stream.h"
#include "http_client.h"
#include "http_server.h"
#include "load.h"
#include "log.h"
#include "modules.h"
#include "prelude.h"
#include "protected.h"
#include "pure/assert_call.h"
#include "pure/event_stream.h"
#include "script.h"
#include "settings.h"
#include "time.h"
#include "warning.h"
#include "websocket.h"

/* The libraries in pure/ need no header but their name. */
int luaopen_base64 (lua_State *L);
int luaopen_crypto (lua_State *L);
int luaopen_json (lua_State *L);
int luaopen_url (lua_State *L);

static const luaL_Reg standard[] = {
  {LUA_GNAME, luaopen_base},
  {LUA_COLIBNAME, luaopen_waiting_coroutine},
  {LUA_TABLIBNAME, luaopen_table},
  {LUA_STRLIBNAME, luaopen_string},
  {LUA_MATHLIBNAME, luaopen_math},
  {LUA_UTF8LIBNAME, luaopen_utf8},
  {LUA_OSLIBNAME, luaopen_os},
  {LUA_DBLIBNAME, luaopen_debug},
  {NULL, NULL}
};

static const luaL_Reg ours[] = {
  {"async", luaopen_async},
  {"base64", luaopen_base64},
  {"crypto", luaopen_crypto},
  {"env", luaopen_env},
  {"http", luaopen_http},
  {"io", luaopen_files},
  {"json", luaopen_json},
  {"log", luaopen_log},
  {"time", luaopen_time},
  {"url", luaopen_url},
  {"ws", luaopen_ws},
  {NULL, NULL}
};


/* {======================================================
** Cuts
** ======================================================= */

/* Removes what is not on the list: a later Lua cannot smuggle a new function in. */
static void keep_only (lua_State *L, const char *library, const char *const *kept) {
  lua_getglobal(L, library);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    const char *name = lua_tostring(L, -2);
    const char *const *keep = kept;
    lua_pop(L, 1);
    while (*keep != NULL && strcmp(*keep, name) != 0) keep++;
    if (*keep == NULL) {
      lua_pushnil(L);
      lua_setfield(L, -3, name);
    }
  }
  lua_pop(L, 1);
}


/* 'debug.getinfo' without option 'f': a function found on the stack may belong to the prelude. */
static int getinfo_without_functions (lua_State *L) {
  int options = lua_isthread(L, 1) ? 3 : 2;
  const char *what = luaL_optstring(L, options, "nSlutr");
  if (strpbrk(what, "fL>") != NULL && strchr(what, 'f') != NULL)
    return luaL_argerror(L, options, "option 'f' is not available in the sandbox");
  lua_settop(L, options);
  lua_pushstring(L, what);
  lua_replace(L, options);
  if (lua_isinteger(L, options - 1) && (options == 2 || lua_tothread(L, 1) == L)) {
    /* this function is a level more */
    lua_pushinteger(L, (lua_Integer)((lua_Unsigned)lua_tointeger(L, options - 1) + 1));
    lua_replace(L, options - 1);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, options, 1);
  return 1;
}


static int os_exit (lua_State *L) {
  int code = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
  file_flush_all();
  script_exit(code);
  return 0;
}


static int os_clock (lua_State *L) {
  lua_pushnumber(L, tidelock_script_time_cpu());
  return 1;
}


static void cut_libraries (lua_State *L) {
  static const char *const os_kept[] = {"time", "date", "difftime", NULL};
  static const char *const debug_kept[] = {"traceback", "getinfo", NULL};
  keep_only(L, LUA_OSLIBNAME, os_kept);
  keep_only(L, LUA_DBLIBNAME, debug_kept);

  lua_getglobal(L, LUA_DBLIBNAME);
  lua_getfield(L, -1, "getinfo");
  lua_pushcclosure(L, getinfo_without_functions, 1);
  lua_setfield(L, -2, "getinfo");

  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, os_exit);
  lua_setfield(L, -2, "exit");
  lua_pushcfunction(L, os_clock);
  lua_setfield(L, -2, "clock");
  lua_pushcfunction(L, env_getenv);
  lua_setfield(L, -2, "getenv");

  lua_getglobal(L, LUA_STRLIBNAME);
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_pop(L, 3);

  lua_pushcfunction(L, load_text);
  lua_setglobal(L, "load");
}

/* }====================================================== */


static void open_all (lua_State *L, const luaL_Reg *library) {
  for (; library->name != NULL; library++) {
    luaL_requiref(L, library->name, library->func, 1);
    lua_pop(L, 1);
  }
}


/* 'math.random' differs from run to run, as in the standalone interpreter. */
static void seed_random (lua_State *L) {
  lua_Integer seed[2];
  if (getentropy(seed, sizeof(seed)) != 0) return;
  lua_getglobal(L, LUA_MATHLIBNAME);
  lua_getfield(L, -1, "randomseed");
  lua_pushinteger(L, seed[0]);
  lua_pushinteger(L, seed[1]);
  lua_call(L, 2, 0);
  lua_pop(L, 1);
}


/* Pushes a copy of the table on top of the stack. */
static void push_copy (lua_State *L) {
  int original = lua_gettop(L);
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, original) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, original + 1);
  }
}


/*
** Pushes the globals of the preludes: copies, so that a script that overwrites a global of its own does
** not change what the API does. '_G' and the tables that preludes add to are the real ones, and so are the
** methods of strings: a script that changes 'string' has to live with it.
*/
static void push_prelude_globals (lua_State *L) {
  static const char *const copied[] = {"debug", "json", "log", "math", "string", "table", "url", NULL};
  const char *const *name;
  lua_pushglobaltable(L);
  push_copy(L);
  lua_remove(L, -2);
  for (name = copied; *name != NULL; name++) {
    lua_getfield(L, -1, *name);
    push_copy(L);
    lua_remove(L, -2);
    lua_setfield(L, -2, *name);
  }
  lua_getfield(L, -1, "time");  /* callable, so the copy would need the metatable */
  push_copy(L);
  lua_remove(L, -2);
  lua_setfield(L, -2, "time");
}


/* Each prelude is a chunk that gets a table of the C functions meant for preludes alone. */
static void run_preludes (lua_State *L) {
  const struct Prelude *prelude;
  int internals = lua_gettop(L);
  push_prelude_globals(L);
  for (prelude = preludes; prelude->name != NULL; prelude++) {
    lua_pushfstring(L, "=[tidelock %s]", prelude->name);
    if (luaL_loadbufferx(L, prelude->source, prelude->length, lua_tostring(L, -1), "t") != LUA_OK)
      lua_error(L);
    lua_pushvalue(L, internals + 1);
    lua_setupvalue(L, -2, 1);  /* its _ENV */
    lua_pushvalue(L, internals);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}


void globals_open (lua_State *L) {
  failure_open(L);
  open_all(L, standard);
  protected_open(L);
  cut_libraries(L);
  open_all(L, ours);
  seed_random(L);
  warning_open(L);
  modules_open(L);
  lua_newtable(L);
  assert_internals(L);
  async_internals(L);
  download_internals(L);
  event_stream_internals(L);
  files_internals(L);
  http_client_internals(L);
  http_server_internals(L);
  modules_internals(L);
  websocket_internals(L);
  run_preludes(L);
  lua_pop(L, 1);
}
