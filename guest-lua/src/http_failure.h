/*
** What is told about a handler that failed.
*/
#ifndef http_failure_h
#define http_failure_h

#include "lua.h"

#include "script.h"
#include "task.h"

/*
** Answers the request of a handler that failed, or if it has answered with a stream, logs why. 'co' is
** its coroutine, with what Ending (task.h) promises at the end of its stack.
*/
void http_failure_tell (lua_State *L, tidelock_script_http_server_borrow_server_t server,
                        const Task *task, lua_State *co);

#endif
