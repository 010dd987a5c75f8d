/*
** Tasks: a list of all, a queue of those that can go on, and coroutines kept for reuse.
*/
#include "task.h"

#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"

#include "allocator.h"
#include "failure.h"
#include "script.h"
#include "timer.h"

/* Coroutines kept for the next tasks: what a busy server has in flight at once, not a burst. */
#define SPARE_COROUTINES 64

/* How long the '__close' handlers of one cancelled task may wait, in all. */
#define CLOSING_TIME 5000000000ull

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  lua_State *L;  /* the main thread: resumes tasks, never runs a script itself */
  Task *all;
  Task *current;
  Task *ready, **ready_end;
  Resuming *resuming;  /* the chain of coroutines from the running one to its task */
  size_t count;
  uintptr_t last_mark;
  uint32_t limit;
  int pinned;  /* coroutines in the chain that cannot yield */
  bool suspending;
  int spare[SPARE_COROUTINES];  /* references */
  int spares;
} tasks;


void task_open (lua_State *L, uint32_t limit) {
  tasks.L = L;
  tasks.limit = limit;
  tasks.ready_end = &tasks.ready;
}


Task *task_current (void) { return tasks.current; }
Task *task_first (void) { return tasks.all; }
size_t task_count (void) { return tasks.count; }
bool task_any_ready (void) { return tasks.ready != NULL; }
bool task_suspending (void) { return tasks.suspending; }


/* {======================================================
** Life of a task
** ======================================================= */

Task *task_in_wait (uintptr_t mark) {
  Task *task;
  for (task = tasks.all; task != NULL; task = task->next)
    if (task->mark == mark && task->wait != NULL) return task;
  return NULL;
}


static void make_ready (Task *task) {
  task->next_ready = NULL;
  *tasks.ready_end = task;
  tasks.ready_end = &task->next_ready;
}


/* Takes a coroutine from the spares or makes one; pushes nothing. */
static lua_State *take_coroutine (lua_State *L, int *reference) {
  lua_State *co;
  if (tasks.spares > 0) {
    *reference = tasks.spare[--tasks.spares];
    lua_rawgeti(L, LUA_REGISTRYINDEX, *reference);
    co = lua_tothread(L, -1);
    lua_pop(L, 1);
  }
  else {
    co = lua_newthread(L);
    *reference = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  return co;
}


static void give_coroutine_back (Task *task, int status) {
  coroutine_mark(task->co) = 0;
  if (status == LUA_OK && !task->exposed && tasks.spares < SPARE_COROUTINES) {
    lua_settop(task->co, 0);
    tasks.spare[tasks.spares++] = task->reference;
  }
  else
    luaL_unref(tasks.L, LUA_REGISTRYINDEX, task->reference);
}


void task_check_limit (lua_State *L) {
  if (tasks.count >= tasks.limit) {
    failure_push(L, "limit", "too many tasks: %d are waiting or ready (raise --max-tasks)",
                 (int)tasks.count);
    lua_error(L);
  }
}


Task *task_spawn (lua_State *L, int arguments, TaskEnd end) {
  Task *task;
  task_check_limit(L);
  luaL_checkstack(L, 4, "too many arguments");
  task = calloc(1, sizeof(Task));
  if (task == NULL) raise_out_of_memory(L);
  task->reference = LUA_NOREF;
  task->co = take_coroutine(L, &task->reference);
  if (!lua_checkstack(task->co, arguments + 2)) {
    luaL_unref(L, LUA_REGISTRYINDEX, task->reference);
    free(task);
    luaL_error(L, "too many arguments");
  }
  lua_xmove(L, task->co, arguments + 1);
  tasks.last_mark += 2;
  if (tasks.last_mark == 0) tasks.last_mark = 2;
  task->mark = tasks.last_mark;
  coroutine_mark(task->co) = task->mark | 1;
  task->arguments = arguments;
  task->end = end;
  task->next = tasks.all;
  if (tasks.all) tasks.all->previous = task;
  tasks.all = task;
  tasks.count++;
  make_ready(task);
  return task;
}


static void end_task (Task *task, int status, int results) {
  timer_clear(&task->closing_timer);
  if (task->end) task->end(task, task->co, status, results);
  if (task->next) task->next->previous = task->previous;
  if (task->previous) task->previous->next = task->next;
  else tasks.all = task->next;
  tasks.count--;
  give_coroutine_back(task, status);
  free(task);
}


static void run_task (Task *task) {
  int status, results = 0;
  int arguments = task->arguments;
  if (arguments >= 0 && task->cancelled) {  /* cancelled before it began */
    lua_settop(task->co, 0);
    failure_push(task->co, "cancelled", "cancelled before it began");
    end_task(task, LUA_ERRRUN, 1);
    return;
  }
  task->arguments = -1;
  tasks.current = task;
  script_resumed();
  status = lua_resume(task->co, tasks.L, arguments > 0 ? arguments : 0, &results);
  tasks.current = NULL;
  if (status == LUA_YIELD)
    tasks.suspending = false;  /* only a wait yields this far: see coroutine.c */
  else
    end_task(task, status, results);
}


bool task_run_ready (void) {
  Task *task = tasks.ready;
  if (task == NULL) return false;
  /* those that become ready meanwhile have to wait for the next round, after the host's events */
  tasks.ready = NULL;
  tasks.ready_end = &tasks.ready;
  while (task != NULL) {
    Task *next = task->next_ready;
    run_task(task);
    task = next;
  }
  return true;
}

/* }====================================================== */


/* {======================================================
** Waits
** ======================================================= */

void resuming_enter (Resuming *resuming, lua_State *from) {
  resuming->from = from;
  resuming->up = tasks.resuming;
  resuming->pinned = !lua_isyieldable(from);
  tasks.resuming = resuming;
  tasks.pinned += resuming->pinned;
}


void resuming_leave (Resuming *resuming) {
  tasks.pinned -= resuming->pinned;
  tasks.resuming = resuming->up;
}


/* Pushes the name of the innermost C function that keeps 'L' from yielding. */
static void push_obstacle (lua_State *L) {
  lua_Debug ar;
  int level;
  for (level = 1; lua_getstack(L, level, &ar); level++) {
    if (!lua_getinfo(L, "Sn", &ar)) break;
    if (strcmp(ar.what, "C") == 0 && ar.name != NULL && strcmp(ar.name, "pcall") != 0) {
      lua_pushfstring(L, "the callback of '%s'", ar.name);
      return;
    }
    if (ar.namewhat && strcmp(ar.name ? ar.name : "", "__gc") == 0) {
      lua_pushliteral(L, "a finalizer ('__gc')");
      return;
    }
  }
  lua_pushliteral(L, "a function that Lua's C library calls back");
}


/*
** Whether a frame of 'L' is a '__close' metamethod at work: its first argument is an object whose
** metatable names it. A script can fake one by calling its handler itself; the time of all closing
** waits together is bounded, so that buys it nothing.
*/
static bool closes_something (lua_State *L) {
  lua_Debug ar;
  int level;
  for (level = 0; lua_getstack(L, level, &ar); level++) {
    bool closing = false;
    if (lua_getlocal(L, &ar, 1) == NULL) continue;
    if (luaL_getmetafield(L, -1, "__close") != LUA_TNIL) {
      lua_getinfo(L, "f", &ar);
      closing = lua_rawequal(L, -1, -2);
      lua_pop(L, 2);
    }
    lua_pop(L, 1);
    if (closing) return true;
  }
  return false;
}


static bool in_close_handler (lua_State *L) {
  Resuming *resuming;
  if (closes_something(L)) return true;
  for (resuming = tasks.resuming; resuming != NULL; resuming = resuming->up)
    if (closes_something(resuming->from)) return true;
  return false;
}


static void closing_time_over (Timer *timer) {
  Task *task = (Task *)((char *)timer - offsetof(Task, closing_timer));
  if (task->wait) wait_cancel(task->wait);
}


static int raise_cancelled (lua_State *L, const char *fn) {
  failure_push(L, "cancelled", "%s: cancelled", fn);
  return lua_error(L);
}


/* A cancelled task may wait in its '__close' handlers, for a while. */
static void allow_closing_wait (lua_State *L, Task *task, const char *fn) {
  uint64_t now = tidelock_script_time_monotonic();
  if (!in_close_handler(L)) raise_cancelled(L, fn);
  if (task->closing_until == 0) task->closing_until = now + CLOSING_TIME;
  if (now >= task->closing_until) raise_cancelled(L, fn);
  if (task->closing_timer.position == 0) {
    task->closing_timer.fire = closing_time_over;
    timer_set(L, &task->closing_timer, task->closing_until);
  }
}


void wait_begin (lua_State *L, const char *fn) {
  Task *task = tasks.current;
  luaL_checkstack(L, 8, fn);
  if (task == NULL || tasks.pinned > 0 || !lua_isyieldable(L)) {
    push_obstacle(L);
    luaL_error(L, "%s: cannot wait inside %s", fn, lua_tostring(L, -1));
  }
  else if (task->cancelled)
    allow_closing_wait(L, task, fn);
}


static int wait_continue (lua_State *L, int status, lua_KContext context) {
  Wait *wait = (Wait *)context;
  (void)status;
  wait->task = NULL;
  if (wait->state == WAIT_CANCELLED) return raise_cancelled(L, wait->fn);
  return wait->finish(L, wait);
}


int wait_suspend (lua_State *L, Wait *wait) {
  Task *task = tasks.current;
  if (wait->state != WAIT_PENDING)
    return wait_continue(L, LUA_OK, (lua_KContext)wait);
  wait->task = task;
  task->wait = wait;
  tasks.suspending = true;
  return lua_yieldk(L, 0, (lua_KContext)wait, wait_continue);
}


void wait_resolve (Wait *wait) {
  if (wait->state != WAIT_PENDING) return;
  wait->state = WAIT_DONE;
  if (wait->task) {
    wait->task->wait = NULL;
    make_ready(wait->task);
  }
}


void wait_cancel (Wait *wait) {
  if (wait->state != WAIT_PENDING) return;
  wait->abandon(wait);
  wait->state = WAIT_CANCELLED;
  if (wait->task) {
    wait->task->wait = NULL;
    make_ready(wait->task);
  }
}


void task_cancel (Task *task) {
  if (task->cancelled) return;
  task->cancelled = true;
  if (task->wait) wait_cancel(task->wait);
}


void task_cancel_all (void) {
  Task *task;
  for (task = tasks.all; task != NULL; task = task->next)
    task_cancel(task);
}

/* }====================================================== */
