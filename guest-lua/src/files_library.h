/*
** Lua's own 'io' library, compiled over the files of files_stream.h.
*/
#ifndef files_library_h
#define files_library_h

#include "lua.h"

#include "files_stream.h"

/* Pushes the table of the library. */
void library_open (lua_State *L);

/* Reads one format, the argument, of what has arrived on standard input; its results. */
int library_read_one (lua_State *L);

/* Pushes a handle and opens the file that the string at index 1 names, to be read; NULL if that failed. */
File *library_push_file (lua_State *L);

/* Closes the file of the handle at this index. */
void library_close_file (lua_State *L, int index);

#endif
