/*
** buf.h - a growing byte buffer that lives in one slot of the Lua stack.
** Unlike a luaL_Buffer it does not need to be on the top, so a recursive
** writer can use it while it pushes and pops values.
*/

#ifndef pure_buf_h
#define pure_buf_h

#include <stddef.h>
#include <string.h>

#include "lua.h"

typedef struct Buf {
  lua_State *L;
  const char *fn;  /* who to blame when it becomes too large */
  char *data;
  size_t n;  /* bytes in use */
  size_t cap;
  int slot;  /* stack index of the userdata that holds 'data' */
} Buf;

/* Starts an empty buffer; pushes its slot. */
void buf_init (Buf *b, lua_State *L, const char *fn);

/* Makes room for 'extra' more bytes; needs one free stack slot. */
void buf_grow (Buf *b, size_t extra);

/* Pushes the contents as a string; the buffer stays usable. */
void buf_push (Buf *b);


static inline char *buf_need (Buf *b, size_t extra) {
  if (b->cap - b->n < extra)
    buf_grow(b, extra);
  return b->data + b->n;
}

static inline void buf_char (Buf *b, char c) {
  *buf_need(b, 1) = c;
  b->n++;
}

static inline void buf_add (Buf *b, const void *s, size_t len) {
  if (len > 0) {  /* 's' may be NULL otherwise */
    memcpy(buf_need(b, len), s, len);
    b->n += len;
  }
}

#endif
