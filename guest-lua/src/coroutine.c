/*
** The coroutine library, for coroutines in which the host can be waited for.
**
** A wait inside a script's own coroutine must suspend the whole task: 'resume' passes the suspension
** on to its own caller and, when the task goes on, resumes the coroutine again, as if nothing had
** happened. Only a yield of the script comes back from 'resume'. Until then the coroutine counts as
** 'normal': its task is running it, elsewhere in time.
*/
#include "coroutine.h"

#include <stdbool.h>

#include "lauxlib.h"

#include "failure.h"
#include "protected.h"
#include "task.h"
#include "wait.h"

/* What 'resume_once' returns instead of a number of results. */
#define FAILED (-1)
#define SUSPENDED (-2)


static lua_State *get_coroutine (lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "thread");
  return co;
}


/* Whether 'co' is suspended in a wait of a task, and so not the script's to resume. */
static bool in_wait (lua_State *co) {
  if (coroutine_mark(co) == 0 || is_task(co)) return false;
  if (task_suspended(coroutine_mark(co)) != NULL) return true;
  coroutine_mark(co) = 0;  /* the coroutine that had resumed it was closed, or its task is over */
  return false;
}


/* {======================================================
** Resume and wrap
** ======================================================= */

/* Resumes 'co' with 'narg' values on L; leaves results, or an error, on L. */
static int resume_once (lua_State *L, lua_State *co, int narg) {
  int status, results;
  Resuming resuming;
  if (coroutine_mark(co) == TASK_ENDED) {
    lua_pushliteral(L, "cannot resume dead coroutine");
    return FAILED;
  }
  if (is_task(co) || in_wait(co)) {
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return FAILED;
  }
  if (!lua_checkstack(co, narg)) {
    lua_pushliteral(L, "too many arguments to resume");
    return FAILED;
  }
  lua_xmove(L, co, narg);
  resuming_enter(&resuming, L, co);
  status = lua_resume(co, L, narg, &results);
  resuming_leave(&resuming);
  if (status == LUA_YIELD && task_current() != NULL && task_current()->suspending) {
    Task *task = task_current();
    coroutine_mark(co) = task->suspension + 2 * ++task->chain;
    return SUSPENDED;
  }
  if (status == LUA_OK || status == LUA_YIELD) {
    if (!lua_checkstack(L, results + 1)) {
      lua_pop(co, results);
      lua_pushliteral(L, "too many results to resume");
      return FAILED;
    }
    lua_xmove(co, L, results);
    return results;
  }
  lua_xmove(co, L, 1);
  return FAILED;
}


/* Goes on after a wait inside 'co'. */
static int resume_after_wait (lua_State *L, lua_State *co) {
  if (coroutine_mark(co) == 0) {  /* closed by another task meanwhile */
    failure_push(L, "cancelled", "the coroutine was closed while it was waiting");
    return FAILED;
  }
  coroutine_mark(co) = 0;
  return resume_once(L, co, 0);
}


/* 'resume' catches errors, so it takes back the mark of one (protected.c). */
static int finish_resume (lua_State *L, int results, bool was_unwinding) {
  if (results == FAILED) {
    protected_caught(was_unwinding);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushboolean(L, 1);
  lua_insert(L, -(results + 1));
  return results + 1;
}


static int resume_continue (lua_State *L, int status, lua_KContext context) {
  int results = resume_after_wait(L, lua_tothread(L, 1));
  (void)status;
  if (results == SUSPENDED) return lua_yieldk(L, 0, context, resume_continue);
  return finish_resume(L, results, context != 0);
}


static int co_resume (lua_State *L) {
  lua_State *co = get_coroutine(L);
  bool unwinding = protected_unwinding();
  int results = resume_once(L, co, lua_gettop(L) - 1);
  if (results == SUSPENDED) return lua_yieldk(L, 0, (lua_KContext)unwinding, resume_continue);
  return finish_resume(L, results, unwinding);
}


/* Closes 'co', whose '__close' handlers are called from here; an error in one ends there. */
static int close_thread (lua_State *L, lua_State *co) {
  bool unwinding = protected_unwinding();
  Resuming resuming;
  int status;
  resuming_enter(&resuming, L, co);
  status = lua_closethread(co, L);
  resuming_leave(&resuming);
  protected_caught(unwinding);
  return status;
}


static int finish_wrap (lua_State *L, lua_State *co, int results) {
  if (results == FAILED) {
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) {  /* error in the coroutine? */
      status = close_thread(L, co);  /* close its variables */
      lua_xmove(co, L, 1);  /* the error may be another one now */
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
      luaL_where(L, 1);
      lua_insert(L, -2);
      lua_concat(L, 2);
    }
    return lua_error(L);
  }
  return results;
}


static int wrap_continue (lua_State *L, int status, lua_KContext context) {
  lua_State *co = (lua_State *)context;
  int results = resume_after_wait(L, co);
  (void)status;
  if (results == SUSPENDED) return lua_yieldk(L, 0, context, wrap_continue);
  return finish_wrap(L, co, results);
}


static int call_wrapped (lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int results = resume_once(L, co, lua_gettop(L));
  if (results == SUSPENDED) return lua_yieldk(L, 0, (lua_KContext)co, wrap_continue);
  return finish_wrap(L, co, results);
}


static int co_create (lua_State *L) {
  lua_State *co;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  co = lua_newthread(L);
  coroutine_mark(co) = 0;  /* a new thread begins with the main thread's mark */
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}


static int co_wrap (lua_State *L) {
  co_create(L);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/* }====================================================== */


/* {======================================================
** State
** ======================================================= */

static int co_yield (lua_State *L) {
  if (is_task(L)) {  /* as the core says it: without a position */
    lua_pushliteral(L, "attempt to yield from outside a coroutine");
    return lua_error(L);
  }
  return lua_yield(L, lua_gettop(L));
}


typedef enum { RUNNING, DEAD, YIELDED, NORMAL } State;

static const char *const state_names[] = {"running", "dead", "suspended", "normal"};


static State state_of (lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (L == co) return RUNNING;
  if (coroutine_mark(co) == TASK_ENDED) return DEAD;
  if (is_task(co) || in_wait(co)) return NORMAL;
  switch (lua_status(co)) {
    case LUA_YIELD: return YIELDED;
    case LUA_OK:
      if (lua_getstack(co, 0, &ar)) return NORMAL;  /* it has frames: it resumed another */
      return lua_gettop(co) == 0 ? DEAD : YIELDED;  /* ended, or not begun */
    default: return DEAD;
  }
}


static int co_status (lua_State *L) {
  lua_pushstring(L, state_names[state_of(L, get_coroutine(L))]);
  return 1;
}


static lua_State *opt_coroutine (lua_State *L) {
  return lua_isnone(L, 1) ? L : get_coroutine(L);
}


static int co_isyieldable (lua_State *L) {
  lua_State *co = opt_coroutine(L);
  lua_pushboolean(L, lua_isyieldable(co) && !is_task(co));
  return 1;
}


/* A task is to the script what the main coroutine is to a standalone interpreter. */
static int co_running (lua_State *L) {
  bool main = lua_pushthread(L) || is_task(L);
  if (is_task(L) && task_current() != NULL) task_current()->exposed = true;
  lua_pushboolean(L, main);
  return 2;
}


static int finish_close (lua_State *L, lua_State *co) {
  if (close_thread(L, co) == LUA_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_xmove(co, L, 1);
  return 2;
}


static int co_close (lua_State *L) {
  lua_State *co = opt_coroutine(L);
  State state = state_of(L, co);
  if (state == RUNNING && (is_task(co) || lua_pushthread(L)))
    return luaL_error(L, "cannot close main thread");
  if (state == DEAD && is_task(co)) {  /* what it left belongs to whoever awaits the task */
    lua_pushboolean(L, 1);
    return 1;
  }
  if (state == NORMAL && in_wait(co)) {
    Task *task = task_suspended(coroutine_mark(co));
    if (task->wait) wait_cancel(task->wait);
    task->closed = mark_place(coroutine_mark(co));
    coroutine_mark(co) = 0;  /* 'resume_after_wait' sees that it is gone */
    return finish_close(L, co);
  }
  switch (state) {
    case DEAD: case YIELDED: return finish_close(L, co);
    case NORMAL: return luaL_error(L, "cannot close a %s coroutine", state_names[state]);
    default:
      lua_closethread(co, L);  /* closes itself: does not return */
      return 0;
  }
}

/* }====================================================== */


static const luaL_Reg functions[] = {
  {"create", co_create},
  {"resume", co_resume},
  {"running", co_running},
  {"status", co_status},
  {"wrap", co_wrap},
  {"yield", co_yield},
  {"isyieldable", co_isyieldable},
  {"close", co_close},
  {NULL, NULL}
};


int luaopen_waiting_coroutine (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
