/*
** Error objects: what a script catches when the outside world fails.
**
** A failure is a table { kind, message, … } whose metatable gives it a text, so that it can be
** printed and concatenated like the string an existing script expects.
*/
#ifndef failure_h
#define failure_h

#include "lua.h"
#include "script.h"

/* Creates the metatable. */
void failure_open (lua_State *L);

/* Pushes a failure; 'kind' is a name of api's list, 'format' as lua_pushfstring. */
void failure_push (lua_State *L, const char *kind, const char *format, ...);

/*
** Pushes the failure that 'error' describes, its text led by 'lead' ("http.get failed"), and frees
** 'error'.
*/
void failure_push_error (lua_State *L, const char *lead, tidelock_script_types_error_t *error);

/*
** Raises what 'error' describes and frees it: an argument error with the caller's position if the
** kind is 'invalid' (led by 'fn'), else a failure (led by 'lead').
*/
int failure_raise (lua_State *L, const char *fn, const char *lead,
                   tidelock_script_types_error_t *error);

/* As luaL_error, but with the position of the script's call, past the functions of the preludes. */
int failure_error (lua_State *L, const char *format, ...);

/* The kind of the failure at 'index', or NULL if it is none. */
const char *failure_kind (lua_State *L, int index);

#endif
