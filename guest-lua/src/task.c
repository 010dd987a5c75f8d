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
#include "protected.h"

/* Coroutines kept for the next tasks: what a busy server has in flight at once, not a burst. */
#define SPARE_COROUTINES 64

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  lua_State *L;  /* the main thread: resumes tasks, never runs a script itself */
  Task *all;
  Task *current;
  Task *ready, **ready_end;
  size_t count;
  uintptr_t last_mark;
  bool wrapped;  /* marks have been given before */
  bool closing;  /* new tasks are born cancelled */
  uint32_t limit;
  int spare[SPARE_COROUTINES];  /* references */
  int spares;
} tasks;


void task_open (lua_State *L, uint32_t limit) {
  tasks.L = L;
  tasks.limit = limit;
  tasks.ready_end = &tasks.ready;
}


Task *task_current (void) { return tasks.current; }
void *task_current_address (void) { return &tasks.current; }
Task *task_first (void) { return tasks.all; }
void task_close (void) { tasks.closing = true; }
size_t task_count (void) { return tasks.count; }
bool task_any_ready (void) { return tasks.ready != NULL; }


/* {======================================================
** Life of a task
** ======================================================= */

Task *task_suspended (uintptr_t mark) {
  Task *task;
  for (task = tasks.all; task != NULL; task = task->next)
    if (task->suspension != 0 && task->suspension == mark - mark % MARK_STEP)
      return mark_place(mark) > task->closed ? task : NULL;
  return NULL;
}


static bool in_use (uintptr_t mark) {
  Task *task;
  for (task = tasks.all; task != NULL; task = task->next)
    if (task->suspension == mark || task->number == mark) return true;
  return false;
}


uintptr_t task_new_mark (void) {
  do {
    tasks.last_mark += MARK_STEP;
    if (tasks.last_mark == 0) {
      tasks.last_mark = MARK_STEP;
      tasks.wrapped = true;
    }
  } while (tasks.wrapped && in_use(tasks.last_mark));
  return tasks.last_mark;
}


void task_ready (Task *task) {
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


static void give_coroutine_back (Task *task, bool whole) {
  coroutine_mark(task->co) = TASK_ENDED;
  if (task->reference == LUA_NOREF) return;  /* 'end' has taken it over */
  if (whole && !task->exposed && tasks.spares < SPARE_COROUTINES) {
    lua_settop(task->co, 0);
    coroutine_mark(task->co) = 0;
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
  lua_State *co;
  int reference;
  task_check_limit(L);
  luaL_checkstack(L, 4, "too many arguments");
  co = take_coroutine(L, &reference);
  task = calloc(1, sizeof(Task));
  if (task == NULL) {
    luaL_unref(L, LUA_REGISTRYINDEX, reference);
    raise_out_of_memory(L);
  }
  task->co = co;
  task->reference = reference;
  if (!lua_checkstack(task->co, 2 * arguments + 8)) {
    luaL_unref(L, LUA_REGISTRYINDEX, task->reference);
    free(task);
    luaL_error(L, "too many arguments");
  }
  lua_pushcfunction(task->co, protected_body);
  lua_xmove(L, task->co, arguments + 1);
  task->number = task_new_mark();
  task->cancelled = tasks.closing;
  coroutine_mark(task->co) = TASK_RUNS;
  task->arguments = arguments + 1;  /* the body's: function and arguments */
  task->end = end;
  task->next = tasks.all;
  if (tasks.all) tasks.all->previous = task;
  tasks.all = task;
  tasks.count++;
  task_ready(task);
  return task;
}


static void end_task (Task *task, Ending ending, bool whole) {
  timer_clear(&task->closing_timer);
  timer_clear(&task->loss_timer);
  if (task->end) task->end(task, task->co, ending);
  if (task->next) task->next->previous = task->previous;
  if (task->previous) task->previous->next = task->next;
  else tasks.all = task->next;
  tasks.count--;
  give_coroutine_back(task, whole);
  free(task);
}


/* Leaves on the coroutine what 'Ending' promises of a failure: 'error' is on top. */
static void complete_failure (lua_State *co) {
  lua_pushliteral(co, "");
  lua_pushnil(co);
}


static void run_task (Task *task) {
  int status, results = 0;
  int arguments = task->arguments;
  if (arguments >= 0 && task->cancelled) {  /* cancelled before it began */
    lua_settop(task->co, 0);
    failure_push(task->co, "cancelled", "cancelled before it began");
    complete_failure(task->co);
    end_task(task, (Ending){true, 3}, true);
    return;
  }
  task->arguments = -1;
  task->suspension = 0;
  task->unsuspended = 0;
  tasks.current = task;
  script_resumed();
  status = lua_resume(task->co, tasks.L, arguments > 0 ? arguments : 0, &results);
  tasks.current = NULL;
  if (status == LUA_YIELD)
    task->suspending = false;  /* only a wait yields this far: see coroutine.c */
  else if (status == LUA_OK)
    end_task(task, (Ending){task->failed, results}, true);
  else {  /* not even the body could go on: no memory, or too deep */
    complete_failure(task->co);
    end_task(task, (Ending){true, 3}, false);
  }
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
