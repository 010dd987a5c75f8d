/*
** Waits: how a task is suspended, woken and cancelled.
*/
#ifndef wait_h
#define wait_h

#include <stdbool.h>

#include "lua.h"

#include "task.h"

/* Something a task waits for. Lives on the waiting coroutine's stack, as a userdata. */
struct Wait {
  Task *task;  /* the task that waits; NULL before and after */
  enum { WAIT_PENDING, WAIT_DONE, WAIT_CANCELLED } state;
  const char *fn;  /* the function that waits, for messages; outlives the wait */
  int (*finish) (lua_State *L, Wait *wait);  /* when done: pushes results, returns how many */
  void (*abandon) (Wait *wait);  /* stops what is pending; must not call Lua */
};

/*
** First step of every function that waits: raises if the caller cannot wait here (inside a
** comparator or a callback of the C library, which is named) or is cancelled.
*/
void wait_begin (lua_State *L, const char *fn);

/* Last step: 'return wait_suspend(L, wait)'. Comes back through 'wait->finish'. */
int wait_suspend (lua_State *L, Wait *wait);

/*
** Counts a wait that is over at once. True if there were so many that the task must let others have
** their turn: a peer that always has something to say would keep it running.
*/
bool wait_turn_is_over (void);

/* The wait is over; its task becomes ready. */
void wait_resolve (Wait *wait);

/* Ends the wait early; the waiting function raises a failure of kind 'cancelled'. */
void wait_cancel (Wait *wait);

/* Ends a task at its current wait, or at its next one. Does not run Lua. */
void task_cancel (Task *task);

/* As 'task_cancel', but in so many nanoseconds; at once if there is no memory for the timer. */
void task_cancel_after (lua_State *L, Task *task, uint64_t nanoseconds);

/* Cancels all tasks. */
void task_cancel_all (void);

/* For coroutine.c: a coroutine 'co' is being resumed from 'from'. */
typedef struct Resuming {
  lua_State *from, *to;
  struct Resuming *up;
  bool pinned;
} Resuming;

void resuming_enter (Resuming *resuming, lua_State *from, lua_State *to);
void resuming_leave (Resuming *resuming);

/* Where the pointer to the innermost of them is, for landmarks.c. */
void *resuming_address (void);

#endif
