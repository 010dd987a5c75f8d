/*
** The event loop: the only place where the instance waits for the host.
*/
#ifndef event_loop_h
#define event_loop_h

#include "lua.h"
#include "script.h"
#include "wait.h"

/* A host call under way. */
typedef struct Subtask {
  uint32_t handle;  /* 0: none */
  void (*returned) (struct Subtask *subtask);  /* its result is there */
} Subtask;

/* A wait for a host call, for coroutines; the result lies in the structure that starts with it. */
typedef struct CallWait {
  Wait wait;
  Subtask subtask;
  void (*release) (struct CallWait *call);  /* frees a result that nobody will read */
} CallWait;

/*
** Creates a CallWait of 'size' bytes on the stack, zeroed. Call 'wait_begin' first; then start the
** host call with result memory inside the structure, then 'return call_suspend(L, call, status)'.
*/
CallWait *call_new (lua_State *L, const char *fn, size_t size,
                    int (*finish) (lua_State *L, Wait *wait),
                    void (*release) (CallWait *call));

/* Goes on at once if the call has returned, else suspends until it does. */
int call_suspend (lua_State *L, CallWait *call, script_subtask_status_t status);

/*
** For callers that are not coroutines: watches a call that has just been started. True if it has
** returned already ('returned' is not called then).
*/
bool subtask_watch (lua_State *L, Subtask *subtask, script_subtask_status_t status);

/* Cancels a call under way. True if it had returned meanwhile: its result must be released. */
bool subtask_cancel (Subtask *subtask);

/* Starts the loop; returns what 'run' returns to the host. */
script_callback_code_t event_loop_start (lua_State *L);

/* Goes on after an event. */
script_callback_code_t event_loop_continue (script_event_t *event);

/* The main task's last act: what is still running is cancelled and the loop ends after it. */
void event_loop_stop (void);

#endif
