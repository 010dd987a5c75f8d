/*
** Tasks: what runs and how it ends.
**
** A task is a coroutine that the event loop resumes: the main chunk, a handler, a spawned function.
** A task that must wait yields to the loop with a Wait (wait.h); whoever resolves the Wait makes the
** task ready again. A script's own coroutines run inside tasks; a wait in one of them suspends the
** whole chain (coroutine.c), never just the innermost.
*/
#ifndef task_h
#define task_h

#include <stdbool.h>
#include <stdint.h>

#include "lua.h"

typedef struct Task Task;
typedef struct Wait Wait;
typedef struct Timer Timer;

/* A moment at which something happens; lives in the heap of time.c. */
struct Timer {
  uint64_t deadline;  /* nanoseconds of the monotonic clock */
  size_t position;  /* index + 1 in the heap; 0: not set */
  void (*fire) (Timer *timer);
};

/* How a task ended, told once. What it left is at the end of its coroutine's stack. */
typedef struct Ending {
  bool failed;
  int results;  /* how many values it returned, the last on top; 3 if it failed: the error, the
                   traceback (a string) and the first argument of its function */
} Ending;

typedef void (*TaskEnd) (Task *task, lua_State *L, Ending ending);

struct Task {
  lua_State *co;
  int reference;  /* keeps 'co' alive */
  uintptr_t number;  /* no other task has it at this time */
  uintptr_t suspension;  /* the mark of its suspension, until it is resumed; 0: none */
  Wait *wait;  /* what it waits for; NULL while ready or running */
  Task *next_ready;
  Task *previous, *next;  /* all tasks */
  int arguments;  /* values on the stack for the first resumption; -1 once it has begun */
  bool cancelled;
  unsigned chain;  /* coroutines of the script in the suspension */
  unsigned closed;  /* the place of the outermost of them that was closed; those further in are orphans */
  unsigned unsuspended;  /* waits that were over at once, since it was resumed */
  bool suspending;  /* a wait is on its way from the innermost coroutine to the task */
  bool unwinding;  /* an error is on its way to whoever catches it: only '__close' handlers run */
  bool exposed;  /* the script has seen the coroutine: do not reuse it */
  bool is_main;
  bool streams;  /* a handler that has answered with a stream, which tells of a client that is gone */
  bool lost;  /* a handler that ends because its client is gone, which is no failure */
  bool failed;  /* set when the function of the task has failed */
  TaskEnd end;
  void *owner;  /* for 'end' */
  uint64_t id;  /* for 'end' */
  uint64_t closing_until;  /* set once a cancelled task waits in a '__close' */
  Timer closing_timer;
  Timer loss_timer;  /* cancels it, a while after its client was lost */
};

/* Prepares the scheduler. 'limit' bounds tasks and timers. */
void task_open (lua_State *L, uint32_t limit);

/*
** Makes a task of the function and 'arguments' values on top of L's stack, which are popped. It runs
** at the loop's next turn. Raises a failure of kind 'limit' if there are too many.
*/
Task *task_spawn (lua_State *L, int arguments, TaskEnd end);

/* Raises the failure that 'task_spawn' would raise for too many tasks. */
void task_check_limit (lua_State *L);

/* From now on tasks are cancelled before they begin: the run is ending. */
void task_close (void);

/* The task that runs now. */
Task *task_current (void);

/* Where the pointer to it is, for landmarks.c. */
void *task_current_address (void);

/* The first of all tasks; go on with 'next'. */
Task *task_first (void);

size_t task_count (void);

/* Puts a task at the end of the ones that can go on. */
void task_ready (Task *task);

/* Runs what is ready now, each task until it waits again. False if nothing was ready. */
bool task_run_ready (void);

/* Whether there is something for 'task_run_ready' to do. */
bool task_any_ready (void);

/*
** What a coroutine is to the tasks, kept in its extra space: 0 if nothing, TASK_RUNS or TASK_ENDED if
** it is the coroutine of a task, else the mark of the suspension it is part of and, as it is one of a
** chain, its place in it: the innermost is 1. The mark leaves room for the place, and for being even.
*/
#define coroutine_mark(L) (*(uintptr_t *)lua_getextraspace(L))
#define TASK_RUNS 1
#define TASK_ENDED 3
#define MARK_STEP 512
#define mark_place(mark) (((mark) % MARK_STEP) / 2)

/* Whether 'L' is the coroutine of a task, which no script has made. */
#define is_task(L) ((coroutine_mark(L) & 1) != 0)

/* The task that is suspended with a coroutine of this mark; NULL if there is none any more. */
Task *task_suspended (uintptr_t mark);

/* A mark for another suspension of a task. */
uintptr_t task_new_mark (void);

#endif
