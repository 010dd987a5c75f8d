/*
** The event loop. One waitable set holds every host call under way; the instance returns to the host
** to wait for it, and nowhere else.
**
** A turn: what the host finished is handed to its waiter; timers that are due fire; tasks that are
** ready run until they wait again. Then the next turn, or the host's.
*/
#include "event_loop.h"

#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"

#include "allocator.h"
#include "async.h"
#include "files.h"
#include "http_server.h"
#include "run.h"
#include "timer.h"

/* Host events taken in one turn before tasks get theirs. */
#define EVENTS_PER_TURN 64

/* Turns before a busy instance lets the host in. */
#define ROUNDS 16

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  lua_State *L;
  script_waitable_set_t set;
  Subtask **watched;  /* by handle */
  uint32_t room;
  Subtask sleep;  /* the host sleep behind the timers */
  uint64_t sleep_until;
  Subtask stop_request;
  bool stopping;
} loop;


/* {======================================================
** Host calls
** ======================================================= */

static void watch_room (lua_State *L, uint32_t handle) {
  uint32_t room = loop.room ? loop.room : 64;
  Subtask **watched;
  while (room <= handle) room *= 2;
  if (room == loop.room) return;
  watched = realloc(loop.watched, room * sizeof(Subtask *));
  if (watched == NULL) raise_out_of_memory(L);
  memset(watched + loop.room, 0, (room - loop.room) * sizeof(Subtask *));
  loop.watched = watched;
  loop.room = room;
}


bool subtask_watch (lua_State *L, Subtask *subtask, script_subtask_status_t status) {
  if (SCRIPT_SUBTASK_STATE(status) == SCRIPT_SUBTASK_RETURNED) return true;
  subtask->handle = SCRIPT_SUBTASK_HANDLE(status);
  watch_room(L, subtask->handle);
  loop.watched[subtask->handle] = subtask;
  script_waitable_join(subtask->handle, loop.set);
  return false;
}


static void forget (Subtask *subtask) {
  loop.watched[subtask->handle] = NULL;
  script_subtask_drop(subtask->handle);
  subtask->handle = 0;
}


bool subtask_cancel (Subtask *subtask) {
  script_subtask_status_t status;
  if (subtask->handle == 0) return false;
  script_waitable_join(subtask->handle, 0);  /* cancelling a joined subtask traps */
  status = script_subtask_cancel(subtask->handle);
  forget(subtask);
  return SCRIPT_SUBTASK_STATE(status) == SCRIPT_SUBTASK_RETURNED;
}


static void call_returned (Subtask *subtask) {
  wait_resolve((Wait *)((char *)subtask - offsetof(CallWait, subtask)));
}


static void call_abandon (Wait *wait) {
  CallWait *call = (CallWait *)wait;
  if (subtask_cancel(&call->subtask) && call->release) call->release(call);
}


CallWait *call_new (lua_State *L, const char *fn, size_t size,
                    int (*finish) (lua_State *L, Wait *wait),
                    void (*release) (CallWait *call)) {
  CallWait *call = lua_newuserdatauv(L, size, 0);
  memset(call, 0, size);
  call->wait.fn = fn;
  call->wait.finish = finish;
  call->wait.abandon = call_abandon;
  call->subtask.returned = call_returned;
  call->release = release;
  return call;
}


int call_suspend (lua_State *L, CallWait *call, script_subtask_status_t status) {
  if (subtask_watch(L, &call->subtask, status)) call->wait.state = WAIT_DONE;
  return wait_suspend(L, &call->wait);
}

/* }====================================================== */


/* {======================================================
** The host sleep behind the timers
** ======================================================= */

static void sleep_returned (Subtask *subtask) { (void)subtask; }


/* Fires what is due and makes the host wake us for the next. */
static void tend_timers (void) {
  uint64_t next = timer_next();
  if (next == 0) {
    subtask_cancel(&loop.sleep);
    return;
  }
  if (next <= tidelock_script_time_monotonic()) {
    timer_fire_due(tidelock_script_time_monotonic());
    next = timer_next();
  }
  if (next != 0 && (loop.sleep.handle == 0 || loop.sleep_until != next)) {
    subtask_cancel(&loop.sleep);
    loop.sleep_until = next;
    loop.sleep.returned = sleep_returned;
    subtask_watch(loop.L, &loop.sleep, tidelock_script_time_wait_until(next));
  }
}

/* }====================================================== */


/* {======================================================
** Turns
** ======================================================= */

/*
** The operator asked the run to stop: servers stop politely and the script goes on after
** 'http.serve'; without a server everything is cancelled.
*/
static void stop_requested (Subtask *subtask) {
  (void)subtask;
  if (!http_server_stop_all()) {
    run_interrupted();
    task_cancel_all();
  }
}


void event_loop_stop (void) {
  loop.stopping = true;
  task_cancel_all();
}


static void dispatch (script_event_t *event) {
  Subtask *subtask;
  if (event->event != SCRIPT_EVENT_SUBTASK || event->waitable >= loop.room) return;
  if ((event->code & 0xf) != SCRIPT_SUBTASK_RETURNED) return;  /* it has only started */
  subtask = loop.watched[event->waitable];
  if (subtask == NULL) return;
  forget(subtask);
  subtask->returned(subtask);
}


static script_callback_code_t turn (void) {
  int taken, round;
  for (round = 0; ; round++) {
    script_event_t event;
    tend_timers();
    task_run_ready();
    http_server_ask();
    if (loop.stopping && task_count() == 0) {
      run_end();
      return SCRIPT_CALLBACK_CODE_EXIT;
    }
    for (taken = 0; taken < EVENTS_PER_TURN; taken++) {
      memset(&event, 0, sizeof(event));
      script_waitable_set_poll(loop.set, &event);
      if (event.event == SCRIPT_EVENT_NONE) break;
      dispatch(&event);
    }
    allocator_refill();
    if (task_any_ready()) {
      if (round == ROUNDS) return SCRIPT_CALLBACK_CODE_YIELD;  /* busy with itself: let the host breathe */
    }
    else if (taken == 0) {
      async_idle(loop.L);
      tend_timers();
      if (!task_any_ready()) {
        files_flush_output();
        return SCRIPT_CALLBACK_CODE_WAIT(loop.set);
      }
    }
  }
}


script_callback_code_t event_loop_start (lua_State *L) {
  loop.L = L;
  loop.set = script_waitable_set_new();
  loop.stop_request.returned = stop_requested;
  if (subtask_watch(L, &loop.stop_request, script_stop_requested()))
    stop_requested(&loop.stop_request);
  return turn();
}


script_callback_code_t event_loop_continue (script_event_t *event) {
  dispatch(event);
  return turn();
}

/* }====================================================== */
