/*
** json.h - JSON for the `json` library and for the HTTP bindings.
** 'fn' is the name that errors start with. The library must be open.
*/

#ifndef pure_json_h
#define pure_json_h

#include <stddef.h>

#include "lua.h"

/* Nesting allowed both ways; also what bounds the recursion in C. */
#define JSON_MAXDEPTH	256

/* Pushes the compact JSON text of the value at 'idx'. */
void json_encode_value (lua_State *L, int idx, const char *fn);

/*
** The same with line breaks and sorted keys; 'indent' is the text of one
** level, empty for compact output, and must outlive the call.
*/
void json_encode_indented (lua_State *L, int idx, const char *fn,
                           const char *indent, size_t len);

/* Parses 'len' bytes, which must outlive the call, and pushes the value. */
void json_parse_bytes (lua_State *L, const char *s, size_t len,
                       const char *fn);

/* Pushes `json.null`. */
void json_push_null (lua_State *L);

/* True if the value at 'idx' is `json.null`. */
int json_is_null (lua_State *L, int idx);

/* Gives the table on the top the metatable of a pinned array or object. */
void json_pin_array (lua_State *L);
void json_pin_object (lua_State *L);

int luaopen_json (lua_State *L);

#endif
