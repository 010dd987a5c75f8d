/*
** The request table of a handler. What nearly every handler reads is there from the start; what costs
** something to take apart (headers, parameters) is made when it is first asked for.
*/
#include "http_request.h"

#include <string.h>

#include "lauxlib.h"

#include "failure.h"
#include "header_block.h"
#include "pure/buf.h"
#include "pure/json.h"
#include "pure/url.h"

#define REQUEST "tidelock.http_request"

/* The key under which a request keeps its head until all of it has been taken apart. */
static char head_key;

/* The NUL-terminated parts before the header block, in the order of wit/http-server.wit. */
enum { METHOD, PATH, QUERY, VERSION, PEER, PARTS };


/* Finds the parts of a head; returns where the header block begins, or NULL. */
static const char *split_head (const char *head, size_t length, const char *parts[PARTS],
                               size_t lengths[PARTS]) {
  const char *end = head + length;
  int i;
  for (i = 0; i < PARTS; i++) {
    const char *stop = memchr(head, 0, (size_t)(end - head));
    if (stop == NULL) return NULL;
    parts[i] = head;
    lengths[i] = (size_t)(stop - head);
    head = stop + 1;
  }
  return head;
}


/* {======================================================
** Fields made on demand
** ======================================================= */

/* The key that marks the failure of 'req.json': the one that is the client's. */
static char bad_json_key;


/* Parses the body at 1. */
static int request_json (lua_State *L) {
  size_t length;
  const char *body = lua_tolstring(L, 1, &length);
  json_parse_bytes(L, body, length, "req.json");
  return 1;
}


static int protected_json (lua_State *L) {
  int status;
  lua_pushcfunction(L, request_json);
  if (lua_getfield(L, lua_upvalueindex(1), "body") != LUA_TSTRING)
    return failure_error(L, "req.json: the body is a %s value", luaL_typename(L, -1));
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_OK) return 1;
  if (status != LUA_ERRRUN || lua_type(L, -1) != LUA_TSTRING) return lua_error(L);
  failure_push(L, "protocol", "%s", lua_tostring(L, -1));
  lua_pushinteger(L, 400);  /* what the client gets if the script does not catch this */
  lua_setfield(L, -2, "status");
  lua_pushboolean(L, 1);
  lua_rawsetp(L, -2, &bad_json_key);
  return lua_error(L);
}


bool http_request_is_bad_json (lua_State *L, int index) {
  bool is;
  if (failure_kind(L, index) == NULL) return false;
  is = lua_rawgetp(L, index, &bad_json_key) == LUA_TBOOLEAN;
  lua_pop(L, 1);
  return is;
}


/* Pushes the field 'key' of the request at 1, or nothing and returns false. */
static bool push_field (lua_State *L, const char *key) {
  const char *parts[PARTS], *head, *block;
  size_t lengths[PARTS], length;
  if (strcmp(key, "json") == 0) {
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, protected_json, 1);
    return true;
  }
  if (strcmp(key, "path_params") == 0) {
    lua_newtable(L);
    return true;
  }
  lua_rawgetp(L, 1, &head_key);
  head = lua_tolstring(L, -1, &length);
  block = head ? split_head(head, length, parts, lengths) : NULL;
  if (block == NULL) return false;
  length -= (size_t)(block - head);
  if (strcmp(key, "headers") == 0) header_block_push_joined(L, block, length);
  else if (strcmp(key, "headers_all") == 0) header_block_push_all(L, block, length);
  else if (strcmp(key, "params") == 0) url_push_params(L, parts[QUERY], lengths[QUERY], 0);
  else if (strcmp(key, "params_all") == 0) url_push_params(L, parts[QUERY], lengths[QUERY], 1);
  else if (strcmp(key, "peer_addr") == 0) lua_pushlstring(L, parts[PEER], lengths[PEER]);
  else if (strcmp(key, "version") == 0) lua_pushlstring(L, parts[VERSION], lengths[VERSION]);
  else return false;
  return true;
}


static int request_index (lua_State *L) {
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
  luaL_checktype(L, 1, LUA_TTABLE);
  if (key == NULL || !push_field(L, key)) return 0;
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);  /* the next time it is just there */
  return 1;
}


/* Makes all fields before anybody walks over them. */
static int request_pairs (lua_State *L) {
  static const char *const lazy[] = {
    "headers", "headers_all", "params", "params_all", "peer_addr", "version", "path_params", "json",
    NULL
  };
  const char *const *key;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  for (key = lazy; *key != NULL; key++) {
    if (lua_getfield(L, 1, *key) == LUA_TNIL) { /* removed by the script */ }
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  lua_rawsetp(L, 1, &head_key);
  lua_getglobal(L, "next");
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* }====================================================== */


/* A piece of a body on its way into Lua; freed with its userdata if memory runs out meanwhile. */
#define PIECE "tidelock.http_piece"


static int piece_gc (lua_State *L) {
  script_list_u8_t *piece = luaL_checkudata(L, 1, PIECE);
  script_list_u8_free(piece);
  memset(piece, 0, sizeof(*piece));
  return 0;
}


/* Pushes a body of about 'size' bytes: 'first', then the rest in pieces. */
static void push_body (lua_State *L, const script_list_u8_t *first, size_t size,
                       tidelock_script_http_server_borrow_server_t server, uint64_t id) {
  Buf body;
  script_list_u8_t *piece;
  buf_init(&body, L, "http.serve");
  piece = lua_newuserdatauv(L, sizeof(*piece), 0);
  memset(piece, 0, sizeof(*piece));
  luaL_setmetatable(L, PIECE);
  buf_need(&body, size);
  buf_add(&body, first->ptr, first->len);
  for (;;) {
    tidelock_script_http_server_method_server_read_body(server, id, piece);
    if (piece->len == 0) break;
    buf_add(&body, piece->ptr, piece->len);
    script_list_u8_free(piece);
    memset(piece, 0, sizeof(*piece));
  }
  buf_push(&body);
  lua_replace(L, body.slot);
  lua_settop(L, body.slot);
}


void http_request_push (lua_State *L, const tidelock_script_http_server_request_t *request,
                        tidelock_script_http_server_borrow_server_t server) {
  const char *parts[PARTS];
  size_t lengths[PARTS];
  const char *head = (const char *)request->head.ptr;
  if (split_head(head, request->head.len, parts, lengths) == NULL)
    luaL_error(L, "http.serve: the host sent a malformed head");
  lua_createtable(L, 0, 8);
  lua_pushlstring(L, parts[METHOD], lengths[METHOD]);
  lua_setfield(L, -2, "method");
  lua_pushlstring(L, parts[PATH], lengths[PATH]);
  lua_setfield(L, -2, "path");
  lua_pushlstring(L, parts[QUERY], lengths[QUERY]);
  lua_setfield(L, -2, "query");
  if (!request->body_coming) {
    if (request->body_rest == 0)
      lua_pushlstring(L, (const char *)request->body.ptr, request->body.len);
    else {
      size_t rest = request->body_rest < SIZE_MAX / 2 ? (size_t)request->body_rest : 0;
      push_body(L, &request->body, request->body.len + rest, server, request->id);
    }
    lua_setfield(L, -2, "body");
  }
  lua_pushlstring(L, head, request->head.len);
  lua_rawsetp(L, -2, &head_key);
  luaL_setmetatable(L, REQUEST);
}


void http_request_set_body (lua_State *L, int index,
                            tidelock_script_http_server_borrow_server_t server, uint64_t id) {
  script_list_u8_t nothing = {NULL, 0};
  index = lua_absindex(L, index);
  push_body(L, &nothing, 0, server, id);
  lua_setfield(L, index, "body");
}


void http_request_open (lua_State *L) {
  static const luaL_Reg metamethods[] = {
    {"__index", request_index},
    {"__pairs", request_pairs},
    {NULL, NULL}
  };
  luaL_newmetatable(L, PIECE);
  lua_pushcfunction(L, piece_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newmetatable(L, REQUEST);
  luaL_setfuncs(L, metamethods, 0);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
