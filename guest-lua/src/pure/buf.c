/*
** buf.c - a growing byte buffer that lives in one slot of the Lua stack.
*/

#include <limits.h>

#include "lua.h"

#include "args.h"
#include "buf.h"

/* smallest block worth allocating */
#define BUF_MINCAP	256

/* lengths stay below what fits an 'int', in 32-bit guests too */
#define BUF_MAXCAP	((size_t)INT_MAX - 64)


void buf_init (Buf *b, lua_State *L, const char *fn) {
  b->L = L;
  b->fn = fn;
  b->data = NULL;
  b->n = b->cap = 0;
  lua_pushnil(L);
  b->slot = lua_gettop(L);
}


void buf_grow (Buf *b, size_t extra) {
  size_t cap = b->cap;
  char *data;
  if (extra > BUF_MAXCAP - b->n)
    arg_error(b->L, "%s: result too large", b->fn);
  cap = (cap > BUF_MAXCAP / 2) ? BUF_MAXCAP : cap * 2;
  if (cap < b->n + extra)
    cap = b->n + extra;
  if (cap < BUF_MINCAP)
    cap = BUF_MINCAP;
  data = lua_newuserdatauv(b->L, cap, 0);
  if (b->n > 0)
    memcpy(data, b->data, b->n);
  lua_replace(b->L, b->slot);  /* the old block becomes garbage */
  b->data = data;
  b->cap = cap;
}


void buf_push (Buf *b) {
  lua_pushlstring(b->L, b->data ? b->data : "", b->n);
}
