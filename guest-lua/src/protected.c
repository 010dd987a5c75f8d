/*
** Protected calls: 'pcall', 'xpcall' and the body of every task.
**
** These are where an error ends its way. A cancelled task must be told again at its next wait, but its
** '__close' handlers, which run while the error is under way, may wait: so whoever starts an error
** marks the task as unwinding (wait.c), and whoever catches one takes the mark back to what it was.
*/
#include "protected.h"

#include <stdbool.h>

#include "lauxlib.h"

#include "task.h"


static bool unwinding (void) {
  return task_current() != NULL && task_current()->unwinding;
}


static void caught (bool was_unwinding) {
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
    caught(context & 1);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
  }
  return lua_gettop(L) - below;
}


static int protected_pcall (lua_State *L) {
  lua_KContext context = CONTEXT(0, unwinding());
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);  /* the first result if there are no errors */
  lua_insert(L, 1);
  return finish_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, context, finish_pcall), context);
}


static int protected_xpcall (lua_State *L) {
  lua_KContext context = CONTEXT(2, unwinding());
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
}

/* }====================================================== */


/* {======================================================
** The body of a task
** ======================================================= */

/* Keeps the traceback, which is gone once the error has arrived; under the task in the registry. */
static int keep_traceback (lua_State *L) {
  Task *task = task_current();
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
