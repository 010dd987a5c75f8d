/*
** The event loop: the only place where the instance waits for the host.
**
** The loop knows calls, timers and tasks. What a capability has to do at certain moments it says here.
*/
#ifndef event_loop_h
#define event_loop_h

#include <stdbool.h>

#include "lua.h"

#include "script.h"

/* What to do at moments of the loop; each may be NULL. */
typedef struct LoopHook {
  bool (*turn) (void);  /* after the ready tasks have run; true to get another turn */
  void (*idle) (lua_State *L);  /* nothing is left to do: the instance is about to wait */
  bool (*stop) (void);  /* the operator asks the run to stop: true if that is being seen to */
} LoopHook;

/* Adds a hook, which must live as long as the loop. */
void event_loop_hook (const LoopHook *hook);

/* What the loop tells the run. */
typedef struct LoopRun {
  void (*interrupted) (void);  /* asked to stop, and no hook sees to it: all tasks are cancelled */
  void (*ended) (void);  /* after 'event_loop_stop', the last task has ended */
} LoopRun;

/* Starts the loop; returns what 'run' returns to the host. */
script_callback_code_t event_loop_start (lua_State *L, const LoopRun *run);

/* Goes on after an event. */
script_callback_code_t event_loop_continue (script_event_t *event);

/* The main task's last act: what is still running is cancelled and the loop ends after it. */
void event_loop_stop (void);

#endif
