/*
** json_encode.c - Lua values to RFC 8259 text.
** Errors name the path to the value that could not be encoded.
*/

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"

#include "args.h"
#include "buf.h"
#include "json.h"
#include "json_scalar.h"
#include "pairs.h"

/* One step of the path from the outermost table to the current value. */
typedef struct Step {
  const struct Step *up;
  int key;  /* stack index of an object's key, 0 in an array */
  lua_Integer index;  /* position in an array */
} Step;

typedef struct Encoder {
  lua_State *L;
  const char *fn;
  Buf out;
  const char *indent;  /* text of one level */
  size_t indentlen;  /* 0: compact */
  const Step *path;
  int depth;
} Encoder;

typedef enum { SHAPE_FREE, SHAPE_ARRAY, SHAPE_OBJECT } Shape;

/* limits for errors: steps of a path, bytes of an index and of a key */
#define MAXSTEPS	16
#define INDEXSIZE	32
#define MAXKEYTEXT	40

static void e_value (Encoder *E, int idx);


/* {== Errors == */

static void e_addkey (luaL_Buffer *b, const char *s, size_t len) {
  size_t i, ident = 0;
  while (ident < len && (s[ident] == '_' ||
         (unsigned)((s[ident] | 0x20) - 'a') < 26 ||
         (ident > 0 && (unsigned)(s[ident] - '0') < 10)))
    ident++;
  if (len > 0 && ident == len && len <= MAXKEYTEXT) {
    luaL_addchar(b, '.');
    luaL_addlstring(b, s, len);
    return;
  }
  luaL_addstring(b, "[\"");
  for (i = 0; i < len && i < MAXKEYTEXT; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\')
      luaL_addchar(b, (char)c);
    else {
      char hex[8];
      snprintf(hex, sizeof(hex), "\\x%02X", c);
      luaL_addstring(b, hex);
    }
  }
  luaL_addstring(b, (i < len) ? "...\"]" : "\"]");
}


/* Pushes the path to the current value; the stack is not read later on. */
static void e_pushpath (Encoder *E) {
  const Step *steps[JSON_MAXDEPTH];
  const Step *s;
  int n = 0, i;
  luaL_Buffer b;
  for (s = E->path; s != NULL && n < JSON_MAXDEPTH; s = s->up)
    steps[n++] = s;
  luaL_checkstack(E->L, 10, "path too long");
  luaL_buffinit(E->L, &b);
  if (n == 0)
    luaL_addstring(&b, "the top level");
  for (i = n - 1; i >= 0 && i >= n - MAXSTEPS; i--) {
    if (steps[i]->key == 0) {
      char index[INDEXSIZE];
      snprintf(index, sizeof(index), "[%lld]", (long long)steps[i]->index);
      luaL_addstring(&b, index);
    }
    else {
      size_t len;
      const char *key = lua_tolstring(E->L, steps[i]->key, &len);
      e_addkey(&b, key, len);
    }
  }
  if (i >= 0)
    luaL_addstring(&b, "...");
  luaL_pushresult(&b);
}


_Noreturn static void e_fail (Encoder *E, const char *what) {
  e_pushpath(E);
  arg_error(E->L, "%s: %s at %s", E->fn, what, lua_tostring(E->L, -1));
}


/*
** Raises for a table with the key at the top, which fits neither an array
** nor an object (nil: an element is missing).
*/
_Noreturn static void e_failkey (Encoder *E, Shape shape) {
  lua_State *L = E->L;
  const char *wanted = (shape == SHAPE_ARRAY) ? "exactly 1..n"
                     : (shape == SHAPE_OBJECT) ? "strings or integers"
                     : "all strings or exactly 1..n";
  luaL_checkstack(L, 10, "path too long");
  if (lua_isnil(L, -1))
    lua_pushliteral(L, "an element is missing");
  else if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_Buffer b;
    size_t len;
    const char *s = lua_tolstring(L, -1, &len);
    luaL_buffinit(L, &b);
    luaL_addstring(&b, "it has the key ");
    e_addkey(&b, s, len);
    luaL_pushresult(&b);
  }
  else if (lua_type(L, -1) == LUA_TNUMBER)
    lua_pushfstring(L, "it has the key [%s]", lua_tostring(L, -1));
  else
    lua_pushfstring(L, "it has a %s key", luaL_typename(L, -1));
  e_fail(E, lua_pushfstring(L, "cannot encode a table whose keys are not %s "
                            "(%s)", wanted, lua_tostring(L, -1)));
}

/* }== */


/* {== Scalars == */

static void e_float (Encoder *E, double f) {
  if (isnan(f))
    e_fail(E, "cannot encode NaN");
  if (isinf(f))
    e_fail(E, "cannot encode an infinity");
  json_put_float(&E->out, f);
}


static void e_string (Encoder *E, const char *s, size_t len,
                      const char *what) {
  size_t bad = json_put_string(&E->out, s, len);
  if (bad > 0) {
    luaL_checkstack(E->L, 4, what);
    e_fail(E, lua_pushfstring(E->L, "cannot encode a %s that is not valid "
                              "UTF-8 (byte %I)", what, (LUAI_UACINT)bad));
  }
}

/* }== */


/* {== Tables == */

/* A line break and the indentation of the current depth. */
static void e_newline (Encoder *E) {
  int i;
  if (E->indentlen == 0)
    return;
  buf_char(&E->out, '\n');
  for (i = 0; i < E->depth; i++)
    buf_add(&E->out, E->indent, E->indentlen);
}


/* What comes before element or member number 'n' (from 1). */
static void e_separator (Encoder *E, lua_Integer n, char open) {
  buf_char(&E->out, (n == 1) ? open : ',');
  e_newline(E);
}


/* What comes after the last of 'n'. */
static void e_close (Encoder *E, lua_Integer n, const char *brackets) {
  E->depth--;
  if (n == 0)
    buf_char(&E->out, brackets[0]);
  else
    e_newline(E);
  buf_char(&E->out, brackets[1]);
}


/* Writes the value on the top as the one that 'step' leads to; pops it. */
static void e_child (Encoder *E, Step *step) {
  step->up = E->path;
  E->path = step;
  e_value(E, lua_gettop(E->L));
  E->path = step->up;
  lua_pop(E->L, 1);
}


/* A table without `__pairs` whose keys must be 1..n. */
static void e_sequence (Encoder *E, int t, Shape shape) {
  lua_Integer i, n = pairs_seqlen(E->L, t);
  if (n < 0)
    e_failkey(E, shape);
  for (i = 1; i <= n; i++) {
    Step step = {NULL, 0, i};
    e_separator(E, i, '[');
    lua_rawgeti(E->L, t, i);
    e_child(E, &step);
  }
  e_close(E, n, "[]");
}


/* The key at 'key' and a colon. */
static void e_key (Encoder *E, int key, Shape shape) {
  size_t len;
  const char *s;
  if (lua_type(E->L, key) != LUA_TSTRING &&
      !(shape == SHAPE_OBJECT && lua_isinteger(E->L, key))) {
    lua_pushvalue(E->L, key);
    e_failkey(E, shape);
  }
  s = lua_tolstring(E->L, key, &len);  /* changes the copy of an integer */
  e_string(E, s, len, "key");
  buf_add(&E->out, ": ", (E->indentlen > 0) ? 2 : 1);
}


/*
** Any other table. One that has `__pairs` shows its shape only while it is
** walked: it is an array if it starts with 1 and goes on with 2, 3...
*/
static void e_pairs (Encoder *E, int t, Shape shape) {
  lua_State *L = E->L;
  Pairs it;
  lua_Integer n = 0;
  int isarray = (shape == SHAPE_ARRAY);
  int top = lua_gettop(L);
  pairs_open(L, &it, t, E->indentlen > 0);
  while (pairs_next(L, &it)) {
    Step step = {NULL, 0, ++n};
    int key = lua_gettop(L) - 1;
    int expected = lua_isinteger(L, key) && lua_tointeger(L, key) == n;
    if (n == 1 && it.lazy && shape == SHAPE_FREE)
      isarray = expected;
    e_separator(E, n, isarray ? '[' : '{');
    if (!isarray) {
      e_key(E, key, shape);
      step.key = key;
    }
    else if (!expected) {
      lua_pushvalue(L, key);
      e_failkey(E, shape);
    }
    e_child(E, &step);
    lua_pop(L, 1);  /* key */
  }
  lua_settop(L, top);
  e_close(E, n, isarray ? "[]" : "{}");
}


/* Reads `__jsontype`, and whether there is `__pairs`. */
static Shape e_shape (lua_State *L, int t, int *lazy) {
  Shape shape = SHAPE_FREE;
  *lazy = 0;
  if (!lua_getmetatable(L, t))
    return shape;
  lua_pushliteral(L, "__jsontype");
  if (lua_rawget(L, -2) == LUA_TSTRING) {
    const char *s = lua_tostring(L, -1);
    if (strcmp(s, "array") == 0)
      shape = SHAPE_ARRAY;
    else if (strcmp(s, "object") == 0)
      shape = SHAPE_OBJECT;
  }
  lua_pushliteral(L, "__pairs");
  *lazy = (lua_rawget(L, -3) != LUA_TNIL);
  lua_pop(L, 3);
  return shape;
}


static void e_table (Encoder *E, int t) {
  int lazy;
  Shape shape;
  luaL_checkstack(E->L, 12, "too many nested tables");
  if (++E->depth > JSON_MAXDEPTH)
    e_fail(E, lua_pushfstring(E->L, "nesting deeper than %d levels (a cycle?)",
                              JSON_MAXDEPTH));
  shape = e_shape(E->L, t, &lazy);
  if (!lazy && (shape == SHAPE_ARRAY ||
                (shape == SHAPE_FREE && lua_rawlen(E->L, t) > 0)))
    e_sequence(E, t, shape);
  else
    e_pairs(E, t, shape);
}

/* }== */


static void e_value (Encoder *E, int idx) {
  lua_State *L = E->L;
  switch (lua_type(L, idx)) {
    case LUA_TNIL:
      buf_add(&E->out, "null", 4);
      break;
    case LUA_TBOOLEAN:
      if (lua_toboolean(L, idx)) buf_add(&E->out, "true", 4);
      else buf_add(&E->out, "false", 5);
      break;
    case LUA_TNUMBER:
      if (lua_isinteger(L, idx))
        json_put_integer(&E->out, lua_tointeger(L, idx));
      else
        e_float(E, (double)lua_tonumber(L, idx));
      break;
    case LUA_TSTRING: {
      size_t len;
      const char *s = lua_tolstring(L, idx, &len);
      e_string(E, s, len, "string");
      break;
    }
    case LUA_TTABLE:
      e_table(E, idx);
      break;
    case LUA_TFUNCTION:
      e_fail(E, "cannot encode a function");
    case LUA_TTHREAD:
      e_fail(E, "cannot encode a coroutine");
    default:
      if (!json_is_null(L, idx))
        e_fail(E, "cannot encode a userdata");
      buf_add(&E->out, "null", 4);
  }
}


void json_encode_indented (lua_State *L, int idx, const char *fn,
                           const char *indent, size_t len) {
  Encoder E;
  E.L = L;
  E.fn = fn;
  E.indent = indent;
  E.indentlen = len;
  E.path = NULL;
  E.depth = 0;
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 10, "too many nested tables");
  buf_init(&E.out, L, fn);
  e_value(&E, idx);
  buf_push(&E.out);
  lua_replace(L, E.out.slot);  /* the text takes its place */
}


void json_encode_value (lua_State *L, int idx, const char *fn) {
  json_encode_indented(L, idx, fn, "", 0);
}
