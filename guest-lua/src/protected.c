/*
** Protected calls: 'pcall', 'xpcall', the body of every task; and 'error', which they catch.
**
** The first three are where an error ends its way. A cancelled task must be told again at its next wait, but its
** '__close' handlers, which run while the error is under way, may wait: so whoever starts an error
** marks the task as unwinding (wait.c), and whoever catches one takes the mark back to what it was.
*/
#include "protected.h"

#include <stdbool.h>

#include "lauxlib.h"

#include "task.h"


bool protected_unwinding (void) {
  return task_current() != NULL && task_current()->unwinding;
}


void protected_caught (bool was_unwinding) {
  if (task_current() != NULL) task_current()->unwinding = was_unwinding;
}


/* {======================================================
** pcall and xpcall
** ======================================================= */

/* The context of a protected call: values below its results, and whether the task was unwinding. */
#define CONTEXT(below, mark) ((lua_KContext)(((below) << 1) | (mark)))


static int finish_pcall (lua_State *L, int status, lua_KContext context) {
  int below = (int)(context >> 1);
  if (status != LUA_OK && status != LUA_YIELD) {
    protected_caught(context & 1);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
  }
  return lua_gettop(L) - below;
}


/* The message handler of 'pcall': an error has begun its way. */
static int begin_unwinding (lua_State *L) {
  if (task_current() != NULL) task_current()->unwinding = true;
  (void)L;
  return 1;  /* the error itself */
}


static int protected_pcall (lua_State *L) {
  lua_KContext context = CONTEXT(1, protected_unwinding());
  luaL_checkany(L, 1);
  lua_pushcfunction(L, begin_unwinding);
  lua_pushboolean(L, 1);  /* the first result if there are no errors */
  lua_rotate(L, 1, 2);  /* handler, true, function, arguments */
  return finish_pcall(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, context, finish_pcall), context);
}


/* 'error' of Lua's base library, which also begins an error's way; for 'xpcall', whose handler is the
   script's. */
static int protected_error (lua_State *L) {
  int level = (int)luaL_optinteger(L, 2, 1);
  lua_settop(L, 1);
  if (lua_type(L, 1) == LUA_TSTRING && level > 0) {
    luaL_where(L, level);
    lua_pushvalue(L, 1);
    lua_concat(L, 2);
  }
  /* where nothing can wait (finalizers, readers of 'load') nothing has to be allowed to */
  if (lua_isyieldable(L)) begin_unwinding(L);
  return lua_error(L);
}


static int protected_xpcall (lua_State *L) {
  lua_KContext context = CONTEXT(2, protected_unwinding());
  int arguments = lua_gettop(L) - 2;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);  /* function, handler, true, function, arguments */
  return finish_pcall(L, lua_pcallk(L, arguments, LUA_MULTRET, 2, context, finish_pcall), context);
}


void protected_open (lua_State *L) {
  lua_pushcfunction(L, protected_pcall);
  lua_setglobal(L, "pcall");
  lua_pushcfunction(L, protected_xpcall);
  lua_setglobal(L, "xpcall");
  lua_pushcfunction(L, protected_error);
  lua_setglobal(L, "error");
}

/* }====================================================== */


/* {======================================================
** The body of a task
** ======================================================= */

/* Keeps the traceback, which is gone once the error has arrived; under the task in the registry. */
static int keep_traceback (lua_State *L) {
  Task *task = task_current();
  begin_unwinding(L);
  if (task != NULL && !task->cancelled) {
    luaL_traceback(L, L, NULL, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
  }
  return 1;  /* the error itself */
}


/* The stack: handler, first argument, then what the call left. */
static int finish_body (lua_State *L, int status, lua_KContext context) {
  Task *task = task_current();
  (void)context;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  task->failed = true;
  lua_settop(L, 3);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, task) == LUA_TSTRING) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
  }
  else {  /* no memory for one */
    lua_pop(L, 1);
    lua_pushliteral(L, "");
  }
  lua_pushvalue(L, 2);
  return 3;
}


int protected_body (lua_State *L) {
  int arguments = lua_gettop(L) - 1;
  lua_pushcfunction(L, keep_traceback);
  if (arguments > 0) lua_pushvalue(L, 2);
  else lua_pushnil(L);
  lua_rotate(L, 1, 2);  /* handler, first argument, function, arguments */
  return finish_body(L, lua_pcallk(L, arguments, LUA_MULTRET, 1, 0, finish_body), 0);
}

/* }====================================================== */
