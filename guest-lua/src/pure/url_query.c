/*
** url_query.c - percent-encoding and query strings.
*/

#include <math.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"

#include "args.h"
#include "buf.h"
#include "pairs.h"
#include "url.h"
#include "url_codec.h"


static int isunreserved (unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
         (c >= 'a' && c <= 'z') ||
         c == '-' || c == '.' || c == '_' || c == '~';
}


void url_put_encoded (Buf *b, const char *s, size_t len, int plus) {
  static const char hex[] = "0123456789ABCDEF";
  size_t i;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    char *o = buf_need(b, 3);
    if (isunreserved(c)) {
      o[0] = (char)c;
      b->n++;
    }
    else if (plus && c == ' ') {
      o[0] = '+';
      b->n++;
    }
    else {
      o[0] = '%';
      o[1] = hex[c >> 4];
      o[2] = hex[c & 15];
      b->n += 3;
    }
  }
}


/* Value of a hexadecimal digit, -1 if it is none. */
static int hexvalue (unsigned char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


void url_put_decoded (Buf *b, const char *s, size_t len, int plus) {
  char *start, *o;
  size_t i;
  if (len == 0)
    return;
  start = o = buf_need(b, len);  /* it never grows */
  for (i = 0; i < len; i++) {
    if (s[i] == '%' && len - i > 2 &&
        hexvalue((unsigned char)s[i + 1]) >= 0 &&
        hexvalue((unsigned char)s[i + 2]) >= 0) {
      *o++ = (char)(hexvalue((unsigned char)s[i + 1]) << 4 |
                    hexvalue((unsigned char)s[i + 2]));
      i += 2;
    }
    else
      *o++ = (plus && s[i] == '+') ? ' ' : s[i];
  }
  b->n += (size_t)(o - start);
}


static void pushdecoded (Buf *b, const char *s, size_t len) {
  b->n = 0;
  url_put_decoded(b, s, len, 1);
  buf_push(b);
}


/* Adds one decoded `name=value` to the table at 't'. */
static void addparam (lua_State *L, int t, Buf *b, const char *s, size_t len,
                      int all) {
  const char *eq = memchr(s, '=', len);
  size_t namelen = (eq != NULL) ? (size_t)(eq - s) : len;
  size_t skip = (eq != NULL) ? namelen + 1 : len;
  pushdecoded(b, s, namelen);
  if (all) {
    lua_pushvalue(L, -1);
    if (lua_rawget(L, t) == LUA_TNIL) {  /* the first value? */
      lua_pop(L, 1);
      lua_newtable(L);
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, t);
    }
    pushdecoded(b, s + skip, len - skip);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 2);
  }
  else {
    pushdecoded(b, s + skip, len - skip);
    lua_rawset(L, t);
  }
}


void url_push_params (lua_State *L, const char *query, size_t len, int all) {
  const char *end = query + len;
  Buf b;
  int t;
  luaL_checkstack(L, 10, "too many values");
  buf_init(&b, L, "url.decode");
  lua_newtable(L);
  t = lua_gettop(L);
  while (query < end) {
    const char *amp = memchr(query, '&', (size_t)(end - query));
    const char *stop = (amp != NULL) ? amp : end;
    if (stop > query)
      addparam(L, t, &b, query, (size_t)(stop - query), all);
    query = stop + (amp != NULL);
  }
  lua_replace(L, b.slot);  /* the table takes its place */
}


/* Where a query is being written, and for which name. */
typedef struct Query {
  lua_State *L;
  const char *fn;
  Buf out;
  const char *name;
  size_t namelen;
} Query;


_Noreturn static void failvalue (Query *q, const char *got) {
  arg_error(q->L, "%s: value of '%s' must be a string, a number, a boolean "
            "or an array of these, got %s", q->fn, q->name, got);
}


/* Adds `name=value` for the value on the top. */
static void addvalue (Query *q) {
  lua_State *L = q->L;
  size_t len = 0;
  const char *s = NULL;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, -1, &len);
      break;
    case LUA_TNUMBER:
      if (!isfinite(lua_tonumber(L, -1)))
        failvalue(q, "a number that is not finite");
      s = lua_tolstring(L, -1, &len);
      break;
    case LUA_TBOOLEAN:
      s = lua_toboolean(L, -1) ? "true" : "false";
      len = strlen(s);
      break;
    default:
      failvalue(q, luaL_typename(L, -1));
  }
  if (q->out.n > 0)
    buf_char(&q->out, '&');
  url_put_encoded(&q->out, q->name, q->namelen, 1);
  buf_char(&q->out, '=');
  url_put_encoded(&q->out, s, len, 1);
}


void url_push_query (lua_State *L, int idx, const char *fn) {
  Query q;
  Pairs it;
  idx = lua_absindex(L, idx);
  q.L = L;
  q.fn = fn;
  luaL_checkstack(L, 20, "too many values");
  buf_init(&q.out, L, fn);
  pairs_open(L, &it, idx, 1);
  while (pairs_next(L, &it)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      arg_error(L, "%s: names must be strings, got %s", fn,
                luaL_typename(L, -2));
    q.name = lua_tolstring(L, -2, &q.namelen);
    if (lua_istable(L, -1)) {
      lua_Integer i, n = pairs_seqlen(L, lua_gettop(L));
      if (n < 0)
        failvalue(&q, "a table that is no array");
      for (i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        addvalue(&q);
        lua_pop(L, 1);
      }
    }
    else
      addvalue(&q);
    lua_pop(L, 2);
  }
  lua_settop(L, q.out.slot);
  buf_push(&q.out);
  lua_replace(L, q.out.slot);  /* the text takes its place */
}
