/*
** Why the last operation on a file failed: what Lua's own 'io' library asks 'errno' and 'strerror' for.
*/
#ifndef files_failure_h
#define files_failure_h

#include <stdbool.h>

#include "lua.h"

#include "files_stream.h"
#include "script.h"

/* As 'errno'; the last failure's number in the words of Linux, 0 for none. */
int *file_error (void);

/* Sets the last failure, of 'file' if it is of one. */
void file_fail_as (File *file, int code, const char *text);

/* The same from the host's failure, and frees it. */
void file_fail (tidelock_script_files_failure_t *failure);
void file_fail_stream (File *file, tidelock_script_types_error_t *error);

/* As 'luaL_fileresult', for the last failure. */
int file_result (lua_State *L, int ok, const char *name);

/* For callers that raise why 'file_open' failed: the words for it, or raises the denial itself. */
const char *file_why_not (lua_State *L);

/* The same for callers that report it. A denial's text names the path. */
const char *file_why_not_text (void);
bool file_is_denied (void);

#endif
