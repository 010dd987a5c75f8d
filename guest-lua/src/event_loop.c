/*
** The event loop. One waitable set holds every host call under way; the instance returns to the host
** to wait for it, and nowhere else.
**
** A turn: what the host finished is handed to its waiter; timers that are due fire; tasks that are
** ready run until they wait again. Then the next turn, or the host's.
*/
#include "event_loop.h"

#include <string.h>

#include "allocator.h"
#include "call.h"
#include "timer.h"

/* Host events taken in one turn before tasks get theirs. */
#define EVENTS_PER_TURN 64

/* Turns before a busy instance lets the host in. */
#define ROUNDS 16

/* Hooks there is room for: every capability could have one. */
#define HOOKS 16

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  lua_State *L;
  const LoopRun *run;
  const LoopHook *hooks[HOOKS];
  size_t hook_count;
  Subtask sleep;  /* the host sleep behind the timers */
  uint64_t sleep_until;
  Subtask stop_request;
  bool stopping;
} loop;


/* {======================================================
** The host sleep behind the timers
** ======================================================= */

static void sleep_returned (Subtask *subtask) { (void)subtask; }


/* Fires what is due and makes the host wake us for the next. */
static void tend_timers (void) {
  for (;;) {
    uint64_t next = timer_next();
    if (next == 0) {
      subtask_cancel(&loop.sleep);
      return;
    }
    if (next <= tidelock_script_time_monotonic()) {
      timer_fire_due(tidelock_script_time_monotonic());
      continue;
    }
    if (loop.sleep.handle != 0 && loop.sleep_until == next) return;
    subtask_cancel(&loop.sleep);
    loop.sleep_until = next;
    loop.sleep.returned = sleep_returned;
    if (!subtask_watch(loop.L, &loop.sleep, tidelock_script_time_wait_until(next))) return;
    /* its moment came while we asked: once more */
  }
}

/* }====================================================== */


/* {======================================================
** Turns
** ======================================================= */

void event_loop_hook (const LoopHook *hook) {
  if (loop.hook_count < HOOKS) loop.hooks[loop.hook_count++] = hook;
}


static bool run_turn_hooks (void) {
  bool more = false;
  size_t i;
  for (i = 0; i < loop.hook_count; i++)
    if (loop.hooks[i]->turn) more |= loop.hooks[i]->turn();
  return more;
}


static void run_idle_hooks (void) {
  size_t i;
  for (i = 0; i < loop.hook_count; i++)
    if (loop.hooks[i]->idle) loop.hooks[i]->idle(loop.L);
}


/* The operator asked the run to stop. If no hook sees to it, everything is cancelled. */
static void stop_requested (Subtask *subtask) {
  bool seen_to = false;
  size_t i;
  (void)subtask;
  for (i = 0; i < loop.hook_count; i++)
    if (loop.hooks[i]->stop) seen_to |= loop.hooks[i]->stop();
  if (!seen_to) {
    loop.run->interrupted();
    task_close();
    task_cancel_all();
  }
}


void event_loop_stop (void) {
  loop.stopping = true;
  task_close();
  task_cancel_all();
}


static script_callback_code_t turn (void) {
  int taken, round;
  for (round = 0; ; round++) {
    script_event_t event;
    bool more;
    tend_timers();
    task_run_ready();
    more = run_turn_hooks();
    if (loop.stopping && task_count() == 0) {
      loop.run->ended();
      return SCRIPT_CALLBACK_CODE_EXIT;
    }
    for (taken = 0; taken < EVENTS_PER_TURN; taken++) {
      memset(&event, 0, sizeof(event));
      script_waitable_set_poll(call_set(), &event);
      if (event.event == SCRIPT_EVENT_NONE) break;
      call_dispatch(&event);
    }
    allocator_refill();
    if (!task_any_ready() && !more && taken == 0) {
      run_idle_hooks();
      tend_timers();
      if (!task_any_ready()) return SCRIPT_CALLBACK_CODE_WAIT(call_set());
    }
    if (round == ROUNDS) return SCRIPT_CALLBACK_CODE_YIELD;  /* busy with itself: let the host breathe */
  }
}


script_callback_code_t event_loop_start (lua_State *L, const LoopRun *run) {
  loop.L = L;
  loop.run = run;
  loop.stop_request.returned = stop_requested;
  if (subtask_watch(L, &loop.stop_request, script_stop_requested()))
    stop_requested(&loop.stop_request);
  return turn();
}


script_callback_code_t event_loop_continue (script_event_t *event) {
  call_dispatch(event);
  return turn();
}

/* }====================================================== */
