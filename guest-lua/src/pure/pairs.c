/*
** pairs.c - walks a table in the ways the encoders need.
** The fourth value of `__pairs` (a value to close) is not used.
*/

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"

#include "args.h"
#include "pairs.h"

/* how keys of different types sort */
enum { RANK_INTEGER, RANK_STRING, RANK_OTHER };

struct PairKey {
  int rank;
  lua_Integer n;  /* the key itself, if an integer */
  const char *s;  /* its bytes, if a string (kept alive by the list) */
  size_t len;
  lua_Integer at;  /* where the list has the key; its value comes next */
};


static int cmpkeys (const void *pa, const void *pb) {
  const PairKey *a = pa, *b = pb;
  if (a->rank != b->rank)
    return a->rank - b->rank;
  if (a->rank == RANK_INTEGER)
    return (a->n > b->n) - (a->n < b->n);
  if (a->rank == RANK_STRING) {
    size_t len = (a->len < b->len) ? a->len : b->len;
    int c = memcmp(a->s, b->s, len);
    return (c != 0) ? c : (a->len > b->len) - (a->len < b->len);
  }
  return 0;
}


/*
** Starts the plain walk. The three slots are those of a generic 'for':
** iterator (nil when it is 'next'), state and control.
*/
static void openplain (lua_State *L, Pairs *it, int t) {
  it->base = lua_gettop(L) + 1;
  it->order = NULL;
  it->i = it->n = 0;
  it->lazy = (luaL_getmetafield(L, t, "__pairs") != LUA_TNIL);
  if (it->lazy) {
    lua_pushvalue(L, t);
    lua_call(L, 1, 3);
  }
  else {
    lua_pushnil(L);
    lua_pushvalue(L, t);
    lua_pushnil(L);
  }
}


static void fillkey (lua_State *L, PairKey *k, lua_Integer at) {
  memset(k, 0, sizeof(*k));
  k->at = at;
  if (lua_isinteger(L, -1)) {
    k->rank = RANK_INTEGER;
    k->n = lua_tointeger(L, -1);
  }
  else if (lua_type(L, -1) == LUA_TSTRING) {
    k->rank = RANK_STRING;
    k->s = lua_tolstring(L, -1, &k->len);
  }
  else
    k->rank = RANK_OTHER;
}


/*
** Turns a plain walk into a sorted one: its pairs go to a list
** {k1, v1, k2, v2, ...} and an array of PairKey says their order.
*/
static void sortpairs (lua_State *L, Pairs *it) {
  size_t i, n = 0;
  int list;
  lua_newtable(L);
  list = lua_gettop(L);
  while (pairs_next(L, it)) {
    lua_rawseti(L, list, (lua_Integer)(2 * n + 2));
    lua_rawseti(L, list, (lua_Integer)(2 * n + 1));
    n++;
  }
  if (n > SIZE_MAX / sizeof(PairKey) / 2)
    arg_error(L, "table has too many keys to sort");
  it->order = lua_newuserdatauv(L, (n > 0 ? n : 1) * sizeof(PairKey), 0);
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, list, (lua_Integer)(2 * i + 1));
    fillkey(L, &it->order[i], (lua_Integer)(2 * i + 1));
    lua_pop(L, 1);
  }
  qsort(it->order, n, sizeof(PairKey), cmpkeys);
  it->n = n;
  lua_replace(L, it->base);  /* anchor for 'order' */
  lua_replace(L, it->base + 1);  /* list of pairs */
}


void pairs_open (lua_State *L, Pairs *it, int t, int sorted) {
  luaL_checkstack(L, 10, "too many nested tables");
  openplain(L, it, t);
  if (sorted)
    sortpairs(L, it);
}


int pairs_next (lua_State *L, Pairs *it) {
  if (it->order != NULL) {
    const PairKey *k;
    if (it->i == it->n)
      return 0;
    k = &it->order[it->i++];
    lua_rawgeti(L, it->base + 1, k->at);
    lua_rawgeti(L, it->base + 1, k->at + 1);
    return 1;
  }
  if (it->lazy) {
    lua_pushvalue(L, it->base);
    lua_pushvalue(L, it->base + 1);
    lua_pushvalue(L, it->base + 2);
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) {
      lua_pop(L, 2);
      return 0;
    }
  }
  else {
    lua_pushvalue(L, it->base + 2);
    if (!lua_next(L, it->base + 1))
      return 0;
  }
  lua_copy(L, -2, it->base + 2);  /* new control */
  return 1;
}


lua_Integer pairs_seqlen (lua_State *L, int t) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, t);
  lua_Integer count = 0;
  lua_pushnil(L);
  while (lua_next(L, t)) {
    lua_pop(L, 1);  /* value */
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 ||
        lua_tointeger(L, -1) > n)
      return -1;
    count++;
  }
  if (count != n) {  /* 'n' is a border beyond a hole */
    lua_pushnil(L);
    return -1;
  }
  return n;
}
