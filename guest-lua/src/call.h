/*
** Host calls under way: who waits for which, in one waitable set.
*/
#ifndef call_h
#define call_h

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
  void (*release) (struct CallWait *call);  /* frees a result; see 'call_release' */
  bool released;
} CallWait;

/* Frees the result, once. A call that is collected with its result unread does it by itself. */
void call_release (CallWait *call);

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

/* The waitable set of all calls that are watched. */
script_waitable_set_t call_set (void);

/* Hands the result of a call, which the host has reported, to its waiter. */
void call_dispatch (const script_event_t *event);

#endif
