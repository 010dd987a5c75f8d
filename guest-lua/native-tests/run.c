/*
** run.c - runs the test scripts of the pure libraries natively, each in a
** fresh state, after a prelude. Usage: run PRELUDE SCRIPT...
** The Makefile builds it as target/native/run, with sanitizers; tests and
** `make fuzz` run it.
*/

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#include "assert_call.h"
#include "base64.h"
#include "crypto.h"
#include "event_stream.h"
#include "json.h"
#include "url.h"

/* Allocations that still succeed; negative: all. */
typedef struct Memory {
  long left;
} Memory;


static void *alloc (void *ud, void *block, size_t osize, size_t nsize) {
  Memory *m = ud;
  (void)osize;
  if (nsize == 0) {
    free(block);
    return NULL;
  }
  if (m->left == 0 && (block == NULL || nsize > osize))
    return NULL;  /* shrinking must not fail */
  if (m->left > 0)
    m->left--;
  return realloc(block, nsize);
}


/* {== Library `T`: what only C can reach == */

static int t_params (lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  url_push_params(L, s, len, lua_toboolean(L, 2));
  return 1;
}


static int t_query (lua_State *L) {
  url_push_query(L, 1, "T.query");
  return 1;
}


/* Parses a copy without the final zero, so that a sanitizer sees overruns. */
static int t_parse (lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  char *copy = lua_newuserdatauv(L, len ? len : 1, 0);
  memcpy(copy, s, len);
  json_parse_bytes(L, copy, len, "T.parse");
  return 1;
}


static int t_encode (lua_State *L) {
  luaL_checkany(L, 1);
  json_encode_value(L, 1, "T.encode");
  lua_pushinteger(L, lua_gettop(L));
  return 2;
}


/*
** Calls a function again and again, each time with one allocation more
** before memory runs out, until it succeeds; returns the number of calls.
*/
static int t_starve (lua_State *L) {
  void *ud;
  Memory *m;
  long n;
  lua_getallocf(L, &ud);
  m = ud;
  for (n = 0; ; n++) {
    int status;
    lua_settop(L, 1);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushvalue(L, 1);
    m->left = n;
    status = lua_pcall(L, 0, 0, 0);
    m->left = -1;
    if (status == LUA_OK)
      break;
    if (status != LUA_ERRMEM)
      return lua_error(L);
  }
  lua_pushinteger(L, n);
  return 1;
}


static const luaL_Reg t_funcs[] = {
  {"encode", t_encode},
  {"params", t_params},
  {"parse", t_parse},
  {"query", t_query},
  {"starve", t_starve},
  {NULL, NULL}
};


static int luaopen_T (lua_State *L) {
  luaL_newlib(L, t_funcs);
  event_stream_internals(L);
  return 1;
}

/* }== */


static const luaL_Reg libs[] = {
  {"T", luaopen_T},
  {"base64", luaopen_base64},
  {"crypto", luaopen_crypto},
  {"json", luaopen_json},
  {"url", luaopen_url},
  {NULL, NULL}
};


static int traceback (lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}


/* The file gets a table of internals, as a prelude does. */
static int runfile (lua_State *L, const char *name) {
  int ok = 0;
  lua_pushcfunction(L, traceback);
  if (luaL_loadfile(L, name) == LUA_OK) {
    lua_newtable(L);
    assert_internals(L);
    ok = lua_pcall(L, 1, 0, 1) == LUA_OK;
  }
  if (!ok)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_settop(L, 0);
  return ok;
}


static int runscript (const char *prelude, const char *script) {
  Memory m = {-1};
  const luaL_Reg *lib;
  int ok;
  lua_State *L = lua_newstate(alloc, &m, 1);
  if (L == NULL)
    return 0;
  luaL_openlibs(L);
  for (lib = libs; lib->name != NULL; lib++) {
    luaL_requiref(L, lib->name, lib->func, 1);
    lua_pop(L, 1);
  }
  lua_getglobal(L, "T");
  lua_getglobal(L, "assert");
  lua_setfield(L, -2, "assert");  /* Lua's own, to compare with */
  lua_settop(L, 0);
  ok = runfile(L, prelude);
  if (ok) {
    printf("%s: ", script);
    fflush(stdout);
    ok = runfile(L, script);
  }
  lua_close(L);
  return ok;
}


int main (int argc, char **argv) {
  int i, failed = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: %s PRELUDE SCRIPT...\n", argv[0]);
    return 2;
  }
  for (i = 2; i < argc; i++)
    failed += !runscript(argv[1], argv[i]);
  return failed > 0;
}
