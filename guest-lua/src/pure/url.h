/*
** url.h - query strings, for the `url` library and the HTTP bindings.
*/

#ifndef pure_url_h
#define pure_url_h

#include <stddef.h>

#include "lua.h"

/*
** Pushes a table with the decoded parameters of a query (no '?'), which
** must outlive the call. With 'all' each name maps to the array of its
** values, otherwise to the last one.
*/
void url_push_params (lua_State *L, const char *query, size_t len, int all);

/*
** Pushes the query text for the table at 'idx': names to strings, numbers,
** booleans or arrays of these, sorted by name.
*/
void url_push_query (lua_State *L, int idx, const char *fn);

int luaopen_url (lua_State *L);

#endif
