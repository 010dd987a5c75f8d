/*
** Host calls under way: who waits for which, in one waitable set.
*/
#include "call.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"

#include "allocator.h"

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  script_waitable_set_t set;
  Subtask **watched;  /* by handle */
  uint32_t room;
} calls;


script_waitable_set_t call_set (void) {
  if (calls.set == 0) calls.set = script_waitable_set_new();
  return calls.set;
}


static bool watch_room (uint32_t handle) {
  uint32_t room = calls.room ? calls.room : 64;
  Subtask **watched;
  while (room <= handle) room *= 2;
  if (room == calls.room) return true;
  watched = realloc(calls.watched, room * sizeof(Subtask *));
  if (watched == NULL) return false;
  memset(watched + calls.room, 0, (room - calls.room) * sizeof(Subtask *));
  calls.watched = watched;
  calls.room = room;
  return true;
}


bool subtask_watch (lua_State *L, Subtask *subtask, script_subtask_status_t status) {
  if (SCRIPT_SUBTASK_STATE(status) == SCRIPT_SUBTASK_RETURNED) return true;
  subtask->handle = SCRIPT_SUBTASK_HANDLE(status);
  if (!watch_room(subtask->handle)) {  /* nobody would hear of its end */
    script_subtask_cancel(subtask->handle);
    script_subtask_drop(subtask->handle);
    subtask->handle = 0;
    raise_out_of_memory(L);
  }
  calls.watched[subtask->handle] = subtask;
  script_waitable_join(subtask->handle, call_set());
  return false;
}


static void forget (Subtask *subtask) {
  calls.watched[subtask->handle] = NULL;
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
  if (subtask_cancel(&call->subtask)) call_release(call);
}


void call_release (CallWait *call) {
  if (call->released) return;
  call->released = true;
  call->release(call);
}


/* The coroutine that waited was closed, or memory ran out while it took the result. */
static int call_gc (lua_State *L) {
  CallWait *call = lua_touserdata(L, 1);
  call_abandon(&call->wait);
  if (call->wait.state == WAIT_DONE) call_release(call);
  return 0;
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
  if (luaL_newmetatable(L, "tidelock.call")) {
    lua_pushcfunction(L, call_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return call;
}


int call_suspend (lua_State *L, CallWait *call, script_subtask_status_t status) {
  if (subtask_watch(L, &call->subtask, status)) call->wait.state = WAIT_DONE;
  return wait_suspend(L, &call->wait);
}


void call_dispatch (const script_event_t *event) {
  Subtask *subtask;
  if (event->event != SCRIPT_EVENT_SUBTASK || event->waitable >= calls.room) return;
  if ((event->code & 0xf) != SCRIPT_SUBTASK_RETURNED) return;  /* it has only started */
  subtask = calls.watched[event->waitable];
  if (subtask == NULL) return;
  forget(subtask);
  subtask->returned(subtask);
}
