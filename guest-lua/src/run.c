/*
** One run of a script: opens the interpreter, runs the main chunk as a task, reports how it ended.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lauxlib.h"
#include "lualib.h"

#include "allocator.h"
#include "async.h"
#include "event_loop.h"
#include "failure.h"
#include "globals.h"
#include "landmarks.h"
#include "modules.h"
#include "script.h"
#include "settings.h"
#include "task.h"

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  lua_State *L;
  script_outcome_t outcome;
  bool interrupted;
} run;


/* {======================================================
** Outcome
** ======================================================= */

static script_list_u8_t copy_bytes (const char *bytes, size_t length) {
  script_list_u8_t copy = {NULL, 0};
  if (length > 60 * 1024) length = 60 * 1024;  /* a report is read by people */
  copy.ptr = length ? malloc(length) : NULL;
  if (copy.ptr != NULL) {
    memcpy(copy.ptr, bytes, length);
    copy.len = length;
  }
  return copy;
}


static script_failure_cause_t cause_of (lua_State *L, int index) {
  const char *kind = failure_kind(L, index);
  const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  if (kind != NULL && strcmp(kind, "limit") == 0) return SCRIPT_FAILURE_CAUSE_LIMIT;
  if (text != NULL && strcmp(text, "not enough memory") == 0) return SCRIPT_FAILURE_CAUSE_MEMORY;
  return SCRIPT_FAILURE_CAUSE_SCRIPT;
}


/* Pushes an error's text; runs protected. The error is the argument. */
static int describe (lua_State *L) {
  lua_settop(L, 1);
  if (lua_isstring(L, 1))
    lua_tostring(L, 1);
  else if (!luaL_callmeta(L, 1, "__tostring") || lua_type(L, -1) != LUA_TSTRING)
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  return 1;
}


/* Reports the error at 'index' of L and the traceback behind it. */
static void set_failed (lua_State *L, int index, const char *traceback) {
  script_failure_t *failure = &run.outcome.val.failed;
  const char *text;
  size_t length;
  run.outcome.tag = SCRIPT_OUTCOME_FAILED;
  failure->cause = cause_of(L, index);
  failure->traceback = copy_bytes(traceback, strlen(traceback));
  lua_pushvalue(L, index);
  lua_pushcfunction(L, describe);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {  /* no memory left to describe it */
    char plain[64];
    snprintf(plain, sizeof(plain), "(error object is a %s value)", luaL_typename(L, index));
    failure->message = copy_bytes(plain, strlen(plain));
  }
  else {
    text = lua_tolstring(L, -1, &length);
    failure->message = copy_bytes(text, length);
  }
  lua_pop(L, 1);
}


static void main_ended (Task *task, lua_State *L, Ending ending) {
  Task *other;
  int leftover = 0;
  if (ending.failed) set_failed(L, lua_gettop(L) - 2, lua_tostring(L, -2));
  for (other = task_first(); other != NULL; other = other->next)
    leftover += other != task && !other->cancelled;
  if (leftover > 0) async_log_leftover(leftover);
  event_loop_stop();
}


static void run_interrupted (void) { run.interrupted = true; }


/* Reports the outcome to the host. */
static void run_ended (void) {
  if (run.interrupted) {
    run.outcome.tag = SCRIPT_OUTCOME_FAILED;
    run.outcome.val.failed.cause = SCRIPT_FAILURE_CAUSE_CANCELLED;
  }
  lua_close(run.L);  /* finalizers run, as at the end of the standalone interpreter */
  exports_script_run_return(run.outcome);
}

/* }====================================================== */


/* {======================================================
** Beginning
** ======================================================= */

static void push_arguments (lua_State *L) {
  size_t i;
  lua_createtable(L, (int)settings()->arguments.len, 1);
  lua_pushlstring(L, (const char *)settings()->name.ptr, settings()->name.len);
  lua_rawseti(L, -2, 0);
  for (i = 0; i < settings()->arguments.len; i++) {
    script_list_u8_t *argument = &settings()->arguments.ptr[i];
    lua_pushlstring(L, (const char *)argument->ptr, argument->len);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setglobal(L, "arg");
}


/* Opens everything and leaves the main chunk and its arguments on the stack; runs protected. */
static int prepare (lua_State *L) {
  size_t i;
  globals_open(L);
  landmarks_tell(L);
  push_arguments(L);
  modules_load_script(L);
  luaL_checkstack(L, (int)settings()->arguments.len + 8, "too many arguments");
  for (i = 0; i < settings()->arguments.len; i++) {
    script_list_u8_t *argument = &settings()->arguments.ptr[i];
    lua_pushlstring(L, (const char *)argument->ptr, argument->len);
  }
  if (!settings()->check_only)
    task_spawn(L, (int)settings()->arguments.len, main_ended)->is_main = true;
  return 0;
}


static int out_of_memory_at_start (void) {
  run.outcome.tag = SCRIPT_OUTCOME_FAILED;
  run.outcome.val.failed.cause = SCRIPT_FAILURE_CAUSE_MEMORY;
  run.outcome.val.failed.message = copy_bytes("not enough memory", 17);
  exports_script_run_return(run.outcome);
  return SCRIPT_CALLBACK_CODE_EXIT;
}


script_callback_code_t exports_script_run (script_start_t *start) {
  static const LoopRun loop_run = {run_interrupted, run_ended};
  unsigned seed = 0;
  settings_set(start);
  run.outcome.tag = SCRIPT_OUTCOME_DONE;
  allocator_init(start->heap_limit > SIZE_MAX ? SIZE_MAX : (size_t)start->heap_limit);
  if (getentropy(&seed, sizeof(seed)) != 0) abort();
  run.L = lua_newstate(allocator_lua, NULL, seed);
  if (run.L == NULL) return out_of_memory_at_start();
  coroutine_mark(run.L) = TASK_RUNS;  /* finalizers may run on it and see it; it is not theirs */
  task_open(run.L, start->task_limit);
  lua_pushcfunction(run.L, prepare);
  if (lua_pcall(run.L, 0, 0, 0) != LUA_OK) {
    set_failed(run.L, lua_gettop(run.L), "");
    run_ended();
    return SCRIPT_CALLBACK_CODE_EXIT;
  }
  if (start->check_only) {
    run_ended();
    return SCRIPT_CALLBACK_CODE_EXIT;
  }
  return event_loop_start(run.L, &loop_run);
}


script_callback_code_t exports_script_run_callback (script_event_t *event) {
  return event_loop_continue(event);
}

/* }====================================================== */
