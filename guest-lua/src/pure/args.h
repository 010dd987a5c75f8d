/*
** args.h - argument checks shared by the library files.
** Every message reads `<fn>: argument #N must be <what>, got <type>` and
** carries the position of the caller.
*/

#ifndef pure_args_h
#define pure_args_h

#include <stddef.h>

#include "lua.h"

/* Raises `<position> <message>`; 'fmt' as in lua_pushfstring. */
_Noreturn void arg_error (lua_State *L, const char *fmt, ...);

/* Raises for argument 'arg', which was expected to be 'what'. */
_Noreturn void arg_fail (lua_State *L, int arg, const char *fn,
                         const char *what);

/* A string argument (a number counts, as in Lua's own libraries). */
const char *arg_string (lua_State *L, int arg, const char *fn, size_t *len);

/* An integer argument from 'min' to 'max'; 'def' if it is nil or absent. */
lua_Integer arg_optinteger (lua_State *L, int arg, const char *fn,
                            lua_Integer min, lua_Integer max,
                            lua_Integer def);

/* A boolean argument; false if it is nil or absent. */
int arg_optboolean (lua_State *L, int arg, const char *fn);

/* True for a table, false for nil or nothing, otherwise raises. */
int arg_opttable (lua_State *L, int arg, const char *fn);

/* Boolean field 'name' of the optional table argument 'arg'. */
int arg_flag (lua_State *L, int arg, const char *fn, const char *name);

#endif
