/*
** The script's log (wit/log.wit).
*/
#ifndef tidelock_log_h
#define tidelock_log_h

#include "lua.h"
#include "script.h"

#define SCRIPT_LEVEL_INFO TIDELOCK_SCRIPT_LOG_LEVEL_INFO
#define SCRIPT_LEVEL_WARN TIDELOCK_SCRIPT_LOG_LEVEL_WARN
#define SCRIPT_LEVEL_ERROR TIDELOCK_SCRIPT_LOG_LEVEL_ERROR

int luaopen_log (lua_State *L);

/* Logs "<count><text>"; needs no Lua. */
void log_count (tidelock_script_log_level_t level, int count, const char *text);

/* Logs 'what' with what a failed task left on 'co' (task.h, 'Ending'). Never raises. */
void log_error_of (lua_State *L, lua_State *co, const char *what);

/*
** Pushes the text of the error that a failed task left on 'co', and its traceback, as one string. A
** function for lua_pcall: its argument is 'co' as a light userdata.
*/
int log_describe_error (lua_State *L);

#endif
