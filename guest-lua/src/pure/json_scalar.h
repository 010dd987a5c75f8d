/*
** json_scalar.h - appends the JSON text of one number or string.
*/

#ifndef pure_json_scalar_h
#define pure_json_scalar_h

#include "lua.h"

#include "buf.h"

void json_put_integer (Buf *b, lua_Integer n);

/* 'f' is finite; the text always shows that it is a float. */
void json_put_float (Buf *b, double f);

/*
** With the quotes. Returns 0, or the position (from 1) of the first byte
** that is not valid UTF-8.
*/
size_t json_put_string (Buf *b, const char *s, size_t len);

#endif
