/*
** Waits: how a task is suspended, woken and cancelled.
*/
#include "wait.h"

#include <stddef.h>
#include <string.h>

#include "lauxlib.h"

#include "failure.h"
#include "script.h"
#include "timer.h"

/* Levels of a stack that are looked at: each look walks down to its level, so all of a stack overflow
   would take seconds. */
#define DEEPEST 200

/* Waits of a task that may be over at once before others have their turn. */
#define WAITS_AT_ONCE 64

/* How long the '__close' handlers of one cancelled task may wait, in all. */
#define CLOSING_TIME 5000000000ull

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  Resuming *resuming;  /* the chain of coroutines from the running one to its task */
  int pinned;  /* coroutines in the chain that cannot yield */
} waits;


void resuming_enter (Resuming *resuming, lua_State *from, lua_State *to) {
  resuming->from = from;
  resuming->to = to;
  resuming->up = waits.resuming;
  resuming->pinned = !lua_isyieldable(from);
  waits.resuming = resuming;
  waits.pinned += resuming->pinned;
}


void resuming_leave (Resuming *resuming) {
  waits.pinned -= resuming->pinned;
  waits.resuming = resuming->up;
}


void *resuming_address (void) { return &waits.resuming; }


/* The name of a frame's function in the loaded libraries ("table.sort"), left on the stack; or NULL. */
static const char *function_name (lua_State *L, lua_State *co, lua_Debug *ar) {
  int top = lua_gettop(L);
  lua_getinfo(co, "f", ar);
  lua_xmove(co, L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushnil(L);
  while (lua_next(L, top + 2) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_istable(L, -1)) {
      lua_pushnil(L);
      while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, top + 1)) {
          const char *library = lua_tostring(L, top + 3), *name = lua_tostring(L, -2);
          if (strcmp(library, LUA_GNAME) == 0) lua_pushstring(L, name);
          else lua_pushfstring(L, "%s.%s", library, name);
          lua_replace(L, top + 1);  /* the name stays on the stack, for the message */
          lua_settop(L, top + 1);
          return lua_tostring(L, -1);
        }
        lua_pop(L, 1);
      }
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
  return NULL;
}


/* Whether the function of a frame lets what it calls yield. */
static bool lets_yield (const char *name) {
  static const char *const names[] = {"pcall", "xpcall", "coroutine.resume", "error", "dofile",
                                      "io.read", NULL};
  const char *const *known;
  for (known = names; *known != NULL; known++)
    if (strcmp(*known, name) == 0) return true;
  return false;
}


/* Pushes on 'L' the innermost function of 'co', from 'level' on, that calls back; false if none. */
static bool push_obstacle_of (lua_State *L, lua_State *co, int level) {
  lua_Debug ar;
  for (; level < DEEPEST && lua_getstack(co, level, &ar); level++) {
    const char *name;
    lua_getinfo(co, "Sn", &ar);
    if (ar.name != NULL && strcmp(ar.name, "__gc") == 0) {
      lua_pushliteral(L, "a finalizer ('__gc')");
      return true;
    }
    if (*ar.what != 'C') continue;
    name = function_name(L, co, &ar);
    if (name != NULL && !lets_yield(name)) {
      lua_pushfstring(L, "a function called by '%s'", name);
      return true;
    }
  }
  return false;
}


/* Pushes what keeps 'L' from waiting: in it, or in a coroutine that has resumed it. */
static void push_obstacle (lua_State *L) {
  const Resuming *resuming;
  if (push_obstacle_of(L, L, 1)) return;
  for (resuming = waits.resuming; resuming != NULL; resuming = resuming->up)
    if (push_obstacle_of(L, resuming->from, 0)) return;
  lua_pushliteral(L, "a function that Lua's C library calls back");
}


/* Whether 'L' is in a '__close' handler of a block that was left without an error. */
static bool closes_block (lua_State *L) {
  lua_Debug ar;
  int level;
  for (level = 0; level < DEEPEST && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "n", &ar);
    if (strcmp(ar.namewhat, "metamethod") == 0 && strcmp(ar.name, "close") == 0) return true;
  }
  return false;
}


static bool in_close_handler (lua_State *L, const Task *task) {
  Resuming *resuming;
  if (task->unwinding || closes_block(L)) return true;
  for (resuming = waits.resuming; resuming != NULL; resuming = resuming->up)
    if (closes_block(resuming->from)) return true;
  return false;
}


static void closing_time_over (Timer *timer) {
  Task *task = (Task *)((char *)timer - offsetof(Task, closing_timer));
  if (task->wait) wait_cancel(task->wait);
}


static int raise_cancelled (lua_State *L, const char *fn) {
  if (task_current() != NULL) task_current()->unwinding = true;
  failure_push(L, "cancelled", "%s: cancelled", fn);
  return lua_error(L);
}


/* A cancelled task may wait in its '__close' handlers, for a while. */
static void allow_closing_wait (lua_State *L, Task *task, const char *fn) {
  uint64_t now = tidelock_script_time_monotonic();
  if (!in_close_handler(L, task)) raise_cancelled(L, fn);
  if (task->closing_until == 0) task->closing_until = now + CLOSING_TIME;
  if (now >= task->closing_until) raise_cancelled(L, fn);
  if (task->closing_timer.position == 0) {
    task->closing_timer.fire = closing_time_over;
    timer_set(L, &task->closing_timer, task->closing_until);
  }
}


void wait_begin (lua_State *L, const char *fn) {
  Task *task = task_current();
  luaL_checkstack(L, 16, fn);
  if (task == NULL || waits.pinned > 0 || !lua_isyieldable(L)) {
    push_obstacle(L);
    failure_error(L, "%s: cannot wait inside %s", fn, lua_tostring(L, -1));
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


bool wait_turn_is_over (void) {
  Task *task = task_current();
  return task != NULL && ++task->unsuspended > WAITS_AT_ONCE;
}


int wait_suspend (lua_State *L, Wait *wait) {
  Task *task = task_current();
  if (wait->state != WAIT_PENDING && !wait_turn_is_over())
    return wait_continue(L, LUA_OK, (lua_KContext)wait);
  wait->task = task;
  if (wait->state == WAIT_PENDING) task->wait = wait;
  else task_ready(task);
  task->suspending = true;
  task->suspension = task_new_mark();
  task->chain = task->closed = 0;
  return lua_yieldk(L, 0, (lua_KContext)wait, wait_continue);
}


void wait_resolve (Wait *wait) {
  if (wait->state != WAIT_PENDING) return;
  wait->state = WAIT_DONE;
  if (wait->task) {
    wait->task->wait = NULL;
    task_ready(wait->task);
  }
}


void wait_cancel (Wait *wait) {
  if (wait->state != WAIT_PENDING) return;
  wait->abandon(wait);
  wait->state = WAIT_CANCELLED;
  if (wait->task) {
    wait->task->wait = NULL;
    task_ready(wait->task);
  }
}


void task_cancel (Task *task) {
  if (task->cancelled) return;
  task->cancelled = true;
  if (task->wait) wait_cancel(task->wait);
}


static void loss_time_over (Timer *timer) {
  task_cancel((Task *)((char *)timer - offsetof(Task, loss_timer)));
}


static int set_loss_timer (lua_State *L) {
  Task *task = lua_touserdata(L, 1);
  timer_set(L, &task->loss_timer, (uint64_t)lua_tointeger(L, 2));
  return 0;
}


void task_cancel_after (lua_State *L, Task *task, uint64_t nanoseconds) {
  if (task->cancelled || task->loss_timer.position != 0) return;
  task->loss_timer.fire = loss_time_over;
  lua_pushcfunction(L, set_loss_timer);
  lua_pushlightuserdata(L, task);
  lua_pushinteger(L, (lua_Integer)(tidelock_script_time_monotonic() + nanoseconds));
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    task_cancel(task);
  }
}


void task_cancel_all (void) {
  Task *task;
  for (task = task_first(); task != NULL; task = task->next)
    task_cancel(task);
}
