/*
** url.c - library `url`: parse, encode, decode.
** Strict where parsers disagree about which host a URL names.
*/

#include <string.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#include "args.h"
#include "buf.h"
#include "url.h"
#include "url_codec.h"

#define MAXPORT	65535

/* A piece of the text; 's' is NULL if the URL does not have it. */
typedef struct Slice {
  const char *s;
  size_t len;
} Slice;

/* Schemes that need a host, and the port that they imply. */
typedef struct WebScheme {
  const char *name;
  lua_Integer port;
} WebScheme;

static const WebScheme webschemes[] = {
  {"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}, {NULL, 0}
};


_Noreturn static void url_fail (lua_State *L, const char *what) {
  arg_error(L, "url.parse: %s", what);
}


static int isalphachar (char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}


static int isdigitchar (char c) {
  return c >= '0' && c <= '9';
}


/* Cuts 'rest' at the first 'c'; returns what came after it. */
static Slice cut (Slice *rest, char c) {
  Slice after = {NULL, 0};
  const char *at = (rest->len > 0) ? memchr(rest->s, c, rest->len) : NULL;
  if (at != NULL) {
    after.s = at + 1;
    after.len = (size_t)(rest->s + rest->len - after.s);
    rest->len = (size_t)(at - rest->s);
  }
  return after;
}


static void skip (Slice *rest, size_t n) {
  rest->s += n;
  rest->len -= n;
}


static int startswith (Slice x, const char *prefix) {
  size_t n = strlen(prefix);
  return x.len >= n && memcmp(x.s, prefix, n) == 0;
}


static void setslice (lua_State *L, int t, const char *field, Slice x) {
  if (x.s == NULL)
    return;
  lua_pushlstring(L, x.s, x.len);
  lua_setfield(L, t, field);
}


/* Sets a field in lower case; pushes the text and leaves it there. */
static const char *setlower (lua_State *L, int t, const char *field,
                             Slice x) {
  luaL_Buffer b;
  char *o = luaL_buffinitsize(L, &b, x.len);
  size_t i;
  for (i = 0; i < x.len; i++)
    o[i] = (x.s[i] >= 'A' && x.s[i] <= 'Z') ? (char)(x.s[i] | 0x20) : x.s[i];
  luaL_pushresultsize(&b, x.len);
  lua_pushvalue(L, -1);
  lua_setfield(L, t, field);
  return lua_tostring(L, -1);
}


static void setdecoded (lua_State *L, int t, const char *field, Slice x) {
  Buf b;
  if (x.s == NULL)
    return;
  buf_init(&b, L, "url.parse");
  url_put_decoded(&b, x.s, x.len, 0);
  buf_push(&b);
  lua_setfield(L, t, field);
  lua_pop(L, 1);
}


/* Length of the scheme that 'rest' starts with, 0 if there is none. */
static size_t schemelen (Slice rest) {
  size_t n = 0;
  if (rest.len == 0 || !isalphachar(rest.s[0]))
    return 0;
  while (n < rest.len && (isalphachar(rest.s[n]) || isdigitchar(rest.s[n]) ||
         rest.s[n] == '+' || rest.s[n] == '-' || rest.s[n] == '.'))
    n++;
  return (n < rest.len && rest.s[n] == ':') ? n : 0;
}


static void setport (lua_State *L, int t, Slice digits) {
  lua_Integer port = 0;
  size_t i;
  if (digits.len == 0)  /* as in "host:" */
    return;
  for (i = 0; i < digits.len && port <= MAXPORT; i++) {
    if (!isdigitchar(digits.s[i]))
      url_fail(L, "port must be a number from 0 to 65535");
    port = port * 10 + (digits.s[i] - '0');
  }
  if (port > MAXPORT)
    url_fail(L, "port must be a number from 0 to 65535");
  lua_pushinteger(L, port);
  lua_setfield(L, t, "port");
}


/* A name or an IPv4 address. */
static void checkname (lua_State *L, Slice host) {
  size_t i;
  for (i = 0; i < host.len; i++) {
    char c = host.s[i];
    if (!isalphachar(c) && !isdigitchar(c) && (unsigned char)c < 0x80 &&
        strchr("-._~!$&'()*+,;=%", c) == NULL)
      url_fail(L, "host has a character that must not be in it");
  }
}


/* What is between the brackets of an IPv6 address. */
static void checkipv6 (lua_State *L, Slice host) {
  size_t i;
  int colons = 0;
  for (i = 0; i < host.len; i++) {
    char c = host.s[i];
    colons += (c == ':');
    if (!isdigitchar(c) && c != ':' && c != '.' &&
        !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
      url_fail(L, "host in brackets must be an IPv6 address");
  }
  if (colons < 2)
    url_fail(L, "host in brackets must be an IPv6 address");
}


/* `user:password@host:port`, all but the host optional. */
static void setauthority (lua_State *L, int t, Slice rest) {
  Slice host = rest;
  Slice after = cut(&host, '@');
  Slice port = {NULL, 0};
  if (after.s != NULL) {
    Slice user = host, password = cut(&user, ':');
    if (after.len > 0 && memchr(after.s, '@', after.len) != NULL)
      url_fail(L, "more than one '@' before the path");
    setdecoded(L, t, "username", user);
    setdecoded(L, t, "password", password);
    host = after;
  }
  if (startswith(host, "[")) {
    skip(&host, 1);
    after = cut(&host, ']');
    if (after.s == NULL)
      url_fail(L, "expected ']' after an IPv6 address");
    checkipv6(L, host);
    if (after.len > 0 && after.s[0] != ':')
      url_fail(L, "expected ':' after an IPv6 address");
    if (after.len > 0) {
      skip(&after, 1);
      port = after;
    }
  }
  else {
    port = cut(&host, ':');
    checkname(L, host);
  }
  setport(L, t, port);
  if (host.len > 0) {
    setlower(L, t, "host", host);
    lua_pop(L, 1);
  }
  else if (port.len > 0)
    url_fail(L, "a port without a host");
}


/* What a web URL must have, and what it has without saying so. */
static void checkweb (lua_State *L, int t, const WebScheme *web) {
  if (lua_getfield(L, t, "host") == LUA_TNIL)
    arg_error(L, "url.parse: a %s URL needs a host", web->name);
  if (lua_getfield(L, t, "port") == LUA_TNIL) {
    lua_pushinteger(L, web->port);
    lua_setfield(L, t, "port");
  }
  lua_pop(L, 2);
}


static const WebScheme *webscheme (const char *scheme) {
  const WebScheme *w;
  for (w = webschemes; w->name != NULL; w++) {
    if (strcmp(w->name, scheme) == 0)
      return w;
  }
  return NULL;
}


static void checkbytes (lua_State *L, Slice x) {
  size_t i;
  if (x.len == 0)
    url_fail(L, "the text is empty");
  for (i = 0; i < x.len; i++) {
    unsigned char c = (unsigned char)x.s[i];
    if (c <= ' ' || c == 0x7F || c == '\\')
      arg_error(L, "url.parse: byte %I is a space, a control character or a "
                "backslash", (LUAI_UACINT)(i + 1));
  }
}


/* A URL, or a path that starts with '/'. */
static int url_parse (lua_State *L) {
  Slice rest, query, fragment;
  const WebScheme *web = NULL;
  size_t n;
  int t;
  rest.s = arg_string(L, 1, "url.parse", &rest.len);
  checkbytes(L, rest);
  lua_settop(L, 1);
  lua_createtable(L, 0, 8);
  t = lua_gettop(L);
  fragment = cut(&rest, '#');
  query = cut(&rest, '?');
  n = schemelen(rest);
  if (n > 0) {
    Slice scheme = {rest.s, n};
    web = webscheme(setlower(L, t, "scheme", scheme));
    skip(&rest, n + 1);
  }
  else if (!startswith(rest, "/") || startswith(rest, "//"))
    url_fail(L, "expected a scheme (as in https://) or a path from '/'");
  if (startswith(rest, "//")) {
    Slice authority;
    skip(&rest, 2);
    authority = rest;
    cut(&authority, '/');
    skip(&rest, authority.len);
    setauthority(L, t, authority);
  }
  if (web != NULL) {
    checkweb(L, t, web);
    if (rest.len == 0) {
      rest.s = "/";
      rest.len = 1;
    }
  }
  setslice(L, t, "path", rest);
  setslice(L, t, "query", query);
  setslice(L, t, "fragment", fragment);
  url_push_params(L, query.s ? query.s : "", query.len, 0);
  lua_setfield(L, t, "params");
  lua_settop(L, t);
  return 1;
}


static int url_encode (lua_State *L) {
  size_t len;
  const char *s;
  Buf b;
  if (lua_istable(L, 1)) {
    url_push_query(L, 1, "url.encode");
    return 1;
  }
  s = lua_tolstring(L, 1, &len);
  if (s == NULL)
    arg_fail(L, 1, "url.encode", "a string or a table");
  buf_init(&b, L, "url.encode");
  url_put_encoded(&b, s, len, 0);
  buf_push(&b);
  return 1;
}


static int url_decode (lua_State *L) {
  size_t len;
  const char *s = arg_string(L, 1, "url.decode", &len);
  Buf b;
  buf_init(&b, L, "url.decode");
  url_put_decoded(&b, s, len, 1);
  buf_push(&b);
  return 1;
}


static const luaL_Reg url_funcs[] = {
  {"decode", url_decode},
  {"encode", url_encode},
  {"parse", url_parse},
  {NULL, NULL}
};


int luaopen_url (lua_State *L) {
  luaL_newlib(L, url_funcs);
  return 1;
}
