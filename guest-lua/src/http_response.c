/*
** What a handler returns, as a response. The host checks status and headers again: it is the one that
** writes them.
*/
#include "http_response.h"

#include <string.h>

#include "lauxlib.h"

#include "failure.h"
#include "header_block.h"
#include "pure/json.h"

#define FN "http.serve"

/* Default fields as header blocks; their last NUL is the string's own. */
static const char text_fields[] = "content-type\0text/plain; charset=utf-8";
static const char json_fields[] = "content-type\0application/json";
static const char binary_fields[] = "content-type\0application/octet-stream";
static const char event_fields[] = "content-type\0text/event-stream\0cache-control\0no-cache";


static script_list_u8_t bytes_of (const char *text, size_t length) {
  script_list_u8_t bytes = {(uint8_t *)text, length};
  return bytes;
}


static void send (lua_State *L, tidelock_script_http_server_borrow_server_t server, uint64_t request,
                  lua_Integer status, script_list_u8_t headers, script_list_u8_t body) {
  tidelock_script_http_server_header_block_t block = {headers.ptr, headers.len};
  script_string_t reason;
  if (!tidelock_script_http_server_method_server_respond(server, request, (uint16_t)status, &block,
                                                          &body, &reason)) {
    lua_pushlstring(L, (const char *)reason.ptr, reason.len);
    script_string_free(&reason);
    failure_error(L, FN ": %s", lua_tostring(L, -1));
  }
}


/* Whether the headers at 'index' have this field, in any spelling of its name. */
static bool has_field (lua_State *L, int index, const char *wanted, size_t wanted_length) {
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
      size_t length;
      const char *name = lua_tolstring(L, -1, &length);
      if (length == wanted_length && strncasecmp(name, wanted, length) == 0) {
        lua_pop(L, 1);
        return true;
      }
    }
  }
  return false;
}


/* Pushes the header block: the response's own headers, and those of the defaults it does not have. */
static script_list_u8_t push_headers (lua_State *L, int headers, const char *defaults, size_t length) {
  script_list_u8_t bytes;
  const char *end = defaults + length;
  if (lua_isnil(L, headers)) return bytes_of(defaults, length);
  header_block_push(L, headers, FN);
  while (defaults < end) {
    size_t name = strlen(defaults), field = name + 1 + strlen(defaults + name + 1) + 1;
    if (!has_field(L, headers, defaults, name)) {
      lua_pushlstring(L, defaults, field);
      lua_concat(L, 2);
    }
    defaults += field;
  }
  bytes.ptr = (uint8_t *)lua_tolstring(L, -1, &bytes.len);
  return bytes;
}


static lua_Integer status_at (lua_State *L, int index) {
  int is_integer;
  lua_Integer status;
  if (lua_isnil(L, index)) return 200;
  status = lua_tointegerx(L, index, &is_integer);
  if (!is_integer || status < 200 || status > 599)
    failure_error(L, FN ": status must be an integer from 200 to 599, got %s", luaL_tolstring(L, index, NULL));
  return status;
}


/* The response's fields, in the order in which they are pushed. */
static const char *const fields[] = {"status", "headers", "json", "body", "ws", "sse", "stream"};
enum { STATUS = 1, HEADERS, JSON, BODY, WS, SSE, STREAM };


static bool send_table (lua_State *L, int index, tidelock_script_http_server_borrow_server_t server,
                        uint64_t request) {
  int base = lua_gettop(L), i;
  script_list_u8_t headers, body;
  lua_Integer status;
  for (i = 0; i < STREAM; i++) lua_getfield(L, index, fields[i]);
  if (!lua_isnil(L, base + WS) || !lua_isnil(L, base + SSE) || !lua_isnil(L, base + STREAM)) {
    lua_settop(L, base);
    return false;
  }
  status = status_at(L, base + STATUS);
  if (!lua_isnil(L, base + JSON)) {
    json_encode_value(L, base + JSON, FN);
    lua_replace(L, base + BODY);
    headers = push_headers(L, base + HEADERS, json_fields, sizeof(json_fields));
  }
  else {
    if (!lua_isnil(L, base + BODY) && !lua_isstring(L, base + BODY))
      failure_error(L, FN ": body must be a string, got %s", luaL_typename(L, base + BODY));
    /* 204, 205 and 304 have no content, so no type either */
    bool empty = lua_isnil(L, base + BODY) && (status == 204 || status == 205 || status == 304);
    headers = push_headers(L, base + HEADERS, text_fields, empty ? 0 : sizeof(text_fields));
  }
  body.ptr = (uint8_t *)lua_tolstring(L, base + BODY, &body.len);
  if (body.ptr == NULL) body.len = 0;
  send(L, server, request, status, headers, body);
  lua_settop(L, base);
  return true;
}


script_list_u8_t http_response_push_head (lua_State *L, int index, StreamFields kind, lua_Integer *status) {
  index = lua_absindex(L, index);
  lua_getfield(L, index, "status");
  *status = status_at(L, -1);
  lua_getfield(L, index, "headers");
  switch (kind) {
    case FIELDS_OF_EVENTS:
      return push_headers(L, lua_gettop(L), event_fields, sizeof(event_fields));
    case FIELDS_OF_BYTES:
      return push_headers(L, lua_gettop(L), binary_fields, sizeof(binary_fields));
    default:
      return push_headers(L, lua_gettop(L), NULL, 0);
  }
}


bool http_response_send (lua_State *L, int index, tidelock_script_http_server_borrow_server_t server,
                         uint64_t request) {
  luaL_checkstack(L, 16, FN);
  index = lua_absindex(L, index);
  if (lua_istable(L, index)) return send_table(L, index, server, request);
  if (lua_type(L, index) == LUA_TSTRING) {
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    send(L, server, request, 200, bytes_of(text_fields, sizeof(text_fields)), bytes_of(text, length));
  }
  else
    failure_error(L, FN ": a handler must return a table or a string, got %s", luaL_typename(L, index));
  return true;
}


void http_response_send_text (tidelock_script_http_server_borrow_server_t server, uint64_t request,
                              uint16_t status, const char *text) {
  tidelock_script_http_server_header_block_t block = {(uint8_t *)text_fields, sizeof(text_fields)};
  script_list_u8_t body = bytes_of(text, strlen(text));
  script_string_t reason;
  if (!tidelock_script_http_server_method_server_respond(server, request, status, &block, &body, &reason))
    script_string_free(&reason);
}
