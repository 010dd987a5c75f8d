/*
** The 'async' library: handles of spawned tasks, and the wait for several of them. What can be said
** in Lua on top of these is in prelude/async.lua.
*/
#include "async.h"

#include <stddef.h>
#include <string.h>

#include "lauxlib.h"

#include "event_loop.h"
#include "failure.h"
#include "log.h"
#include "task.h"
#include "wait.h"

#define HANDLE "tidelock.handle"
#define FAILED "tidelock.failed_handle"  /* the same with a finalizer: somebody should hear of it */

/* How often an idle loop may look for forgotten failures: a collection is not free. */
#define SWEEP_PERIOD 100000000ull

typedef struct Watcher Watcher;

/*
** What 'async.spawn' returns. Its user value is nil while the task runs, then the coroutine with the
** results or the error, then a table of the results. Nothing of it needs a finalizer, so that even a
** collection in need, which runs none, frees handles with all they hold.
*/
typedef struct Handle {
  Task *task;  /* NULL once it has ended */
  enum { HANDLE_RUNNING, HANDLE_DONE, HANDLE_FAILED } state;
  bool awaited;  /* somebody has seen how it ended */
  lua_State *co;  /* the user value, while it is the coroutine */
  int results;
  Watcher *watchers;
} Handle;

/* One handle that a Join looks at. */
struct Watcher {
  Watcher *next, **link;
  Handle *handle;
  struct Join *join;
};

/* A wait for several handles. */
typedef struct Join {
  Wait wait;
  bool any;  /* the first that ends is enough; else all, or the first that fails */
  size_t pending;
  size_t count;
  Watcher watchers[];
} Join;

static uint64_t next_sweep;
static bool forgotten;  /* a task failed while nobody was awaiting it */


static Handle *to_handle (lua_State *L, int index) {
  Handle *handle = luaL_testudata(L, index, FAILED);
  return handle != NULL ? handle : luaL_checkudata(L, index, HANDLE);
}


/* {======================================================
** Joining
** ======================================================= */

static void unlink_watcher (Watcher *watcher) {
  if (watcher->link == NULL) return;
  *watcher->link = watcher->next;
  if (watcher->next) watcher->next->link = watcher->link;
  watcher->link = NULL;
}


static void link_watcher (Watcher *watcher, Join *join, Handle *handle) {
  watcher->join = join;
  watcher->handle = handle;
  watcher->next = handle->watchers;
  if (watcher->next) watcher->next->link = &watcher->next;
  watcher->link = &handle->watchers;
  handle->watchers = watcher;
}


static void join_abandon (Wait *wait) {
  Join *join = (Join *)wait;
  size_t i;
  for (i = 0; i < join->count; i++) unlink_watcher(&join->watchers[i]);
}


static void notify (Join *join, Handle *handle) {
  join->pending--;
  if (join->any || join->pending == 0 || handle->state == HANDLE_FAILED) {
    join_abandon(&join->wait);
    wait_resolve(&join->wait);
  }
}


/* Creates a Join for the handles at 'first' and on; the handles stay on the stack. */
static Join *join_new (lua_State *L, const char *fn, int first, bool any,
                       int (*finish) (lua_State *L, Wait *wait)) {
  size_t count = (size_t)(lua_gettop(L) - first + 1), i;
  Join *join;
  for (i = 0; i < count; i++) to_handle(L, first + (int)i);
  join = lua_newuserdatauv(L, sizeof(Join) + count * sizeof(Watcher), 0);
  memset(join, 0, sizeof(Join) + count * sizeof(Watcher));
  join->wait.fn = fn;
  join->wait.finish = finish;
  join->wait.abandon = join_abandon;
  join->any = any;
  join->count = count;
  join->pending = count;
  for (i = 0; i < count; i++)
    link_watcher(&join->watchers[i], join, to_handle(L, first + (int)i));
  for (i = 0; i < count && join->wait.state == WAIT_PENDING; i++) {
    Handle *handle = join->watchers[i].handle;
    if (handle->state != HANDLE_RUNNING) {
      unlink_watcher(&join->watchers[i]);
      notify(join, handle);
    }
  }
  return join;
}


static int finish_join (lua_State *L, Wait *wait) {
  (void)L; (void)wait;
  return 0;
}


/* join(any, handle...): waits for one or for all; says nothing about how they ended. */
static int async_join (lua_State *L) {
  bool any = lua_toboolean(L, 1);
  Join *join;
  wait_begin(L, "async");
  if (lua_gettop(L) == 1) return 0;
  join = join_new(L, "async", 2, any, finish_join);
  return wait_suspend(L, &join->wait);
}

/* }====================================================== */


/* {======================================================
** Handles
** ======================================================= */

static void handle_ended (Task *task, lua_State *L, Ending ending) {
  Handle *handle = task->owner;
  Watcher *watcher;
  handle->task = NULL;
  handle->state = ending.failed ? HANDLE_FAILED : HANDLE_DONE;
  handle->co = L;
  handle->results = ending.results;
  if (task->cancelled) handle->awaited = true;  /* asked for: nothing to report */
  lua_rawgetp(L, LUA_REGISTRYINDEX, handle);
  if (ending.failed && !handle->awaited) luaL_setmetatable(L, FAILED);
  lua_pushthread(L);
  lua_setiuservalue(L, -2, 1);
  lua_pop(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, task->reference);
  task->reference = LUA_NOREF;  /* the coroutine is the handle's now */
  if (handle->watchers == NULL && ending.failed && !handle->awaited) forgotten = true;
  while ((watcher = handle->watchers) != NULL) {
    unlink_watcher(watcher);
    notify(watcher->join, handle);
  }
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, handle);
}


static int async_spawn (lua_State *L) {
  Handle *handle;
  int arguments = lua_gettop(L) - 1;
  luaL_argexpected(L, lua_isfunction(L, 1), 1, "function");
  task_check_limit(L);
  handle = lua_newuserdatauv(L, sizeof(Handle), 1);
  memset(handle, 0, sizeof(Handle));
  luaL_setmetatable(L, HANDLE);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, handle);  /* room for it; there may be none for the task */
  lua_insert(L, 1);
  handle->task = task_spawn(L, arguments, handle_ended);
  handle->task->owner = handle;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, handle);  /* alive until it ends */
  return 1;
}


/* Raises the error of a failed handle, or leaves its results as a table in user value 1. */
static void fetch_results (lua_State *L, Handle *handle, int index) {
  int i;
  handle->awaited = true;
  if (handle->state == HANDLE_FAILED) {
    lua_pushvalue(handle->co, -3);
    lua_xmove(handle->co, L, 1);
    lua_error(L);
  }
  if (handle->co == NULL) return;
  lua_createtable(L, handle->results, 0);
  for (i = handle->results; i >= 1; i--) {
    lua_xmove(handle->co, L, 1);
    lua_rawseti(L, -2, i);
  }
  handle->co = NULL;
  lua_setiuservalue(L, index, 1);
}


/* results(handle): all that a task returned, or its error raised; it has ended. */
static int async_results (lua_State *L) {
  Handle *handle = to_handle(L, 1);
  int i;
  luaL_argcheck(L, handle->state != HANDLE_RUNNING, 1, "still running");
  fetch_results(L, handle, 1);
  luaL_checkstack(L, handle->results + 1, "too many results");
  lua_getiuservalue(L, 1, 1);
  for (i = 1; i <= handle->results; i++) lua_rawgeti(L, 2, i);
  return handle->results;
}


static int finish_await (lua_State *L, Wait *wait) {
  (void)wait;
  fetch_results(L, to_handle(L, 1), 1);
  lua_getiuservalue(L, 1, 1);
  return 1;
}


static int handle_await (lua_State *L) {
  Handle *handle;
  Join *join;
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));  /* 'h.await()' and 'h:await()' are the same */
  handle = to_handle(L, 1);
  wait_begin(L, "await");
  handle->awaited = true;
  if (handle->task != NULL && handle->task == task_current())
    return luaL_error(L, "await: a task cannot await itself");
  join = join_new(L, "await", 1, true, finish_await);
  return wait_suspend(L, &join->wait);
}


static int handle_cancel (lua_State *L) {
  Handle *handle = to_handle(L, lua_upvalueindex(1));
  handle->awaited = true;
  if (handle->task) task_cancel(handle->task);
  return 0;
}


static int handle_index (lua_State *L) {
  const char *key = lua_tostring(L, 2);
  lua_settop(L, 2);
  if (key == NULL) return 0;
  lua_pushvalue(L, 1);
  if (strcmp(key, "await") == 0) lua_pushcclosure(L, handle_await, 1);
  else if (strcmp(key, "cancel") == 0) lua_pushcclosure(L, handle_cancel, 1);
  else return 0;
  return 1;
}


static int handle_gc (lua_State *L) {
  Handle *handle = to_handle(L, 1);
  if (!handle->awaited) {
    handle->awaited = true;
    log_error_of(L, handle->co, "a task failed and nobody awaited it");
  }
  return 0;
}


/* state(handle): "running", "done" or "failed". */
static int async_state (lua_State *L) {
  static const char *const names[] = {"running", "done", "failed"};
  lua_pushstring(L, names[to_handle(L, 1)->state]);
  return 1;
}


/* is_handle(value) */
static int async_is_handle (lua_State *L) {
  lua_pushboolean(L, luaL_testudata(L, 1, HANDLE) != NULL || luaL_testudata(L, 1, FAILED) != NULL);
  return 1;
}

/* }====================================================== */


/* The loop is about to wait: reports failures of tasks that nobody can await any more. */
static void sweep (lua_State *L) {
  uint64_t now;
  if (!forgotten) return;
  now = tidelock_script_time_monotonic();
  if (now < next_sweep) return;
  next_sweep = now + SWEEP_PERIOD;
  forgotten = false;
  lua_gc(L, LUA_GCCOLLECT);
}


void async_log_leftover (int count) {
  log_count(SCRIPT_LEVEL_INFO, count,
            count == 1 ? " task was still running when the script ended and was cancelled"
                       : " tasks were still running when the script ended and were cancelled");
}


static int raise_failure (lua_State *L) {
  failure_push(L, luaL_checkstring(L, 1), "%s", luaL_checkstring(L, 2));
  return lua_error(L);
}


/* current_task(): a number that no other task has at this time. */
static int async_current_task (lua_State *L) {
  lua_pushinteger(L, task_current() ? (lua_Integer)task_current()->number : 0);
  return 1;
}


void async_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"current_task", async_current_task},
    {"join", async_join},
    {"state", async_state},
    {"is_handle", async_is_handle},
    {"results", async_results},
    {"raise", raise_failure},
    {NULL, NULL}
  };
  luaL_setfuncs(L, functions, 0);
}


static void new_metatable (lua_State *L, const char *name) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, handle_index);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pushliteral(L, HANDLE);
  lua_setfield(L, -2, "__name");
}


int luaopen_async (lua_State *L) {
  static const LoopHook hook = {NULL, sweep, NULL};
  static const luaL_Reg functions[] = {
    {"spawn", async_spawn},
    {NULL, NULL}
  };
  event_loop_hook(&hook);
  new_metatable(L, HANDLE);
  new_metatable(L, FAILED);
  lua_pushcfunction(L, handle_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 2);
  luaL_newlib(L, functions);
  return 1;
}
