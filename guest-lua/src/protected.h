/*
** Protected calls: 'pcall', 'xpcall' and the body of every task.
*/
#ifndef protected_h
#define protected_h

#include <stdbool.h>

#include "lua.h"

/* Replaces the global 'pcall', 'xpcall' and 'error'. */
void protected_open (lua_State *L);

/* Whether an error is on its way in the current task. */
bool protected_unwinding (void);

/* Whoever catches errors takes the mark back to what it was before. */
void protected_caught (bool was_unwinding);

/*
** The body of a task: calls its first argument with the others and returns what it returns. If that
** fails, notes it in the task and returns the error, the traceback and the first of the arguments.
*/
int protected_body (lua_State *L);

#endif
