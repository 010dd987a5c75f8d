/*
** Bodies that go on after the head of their message.
*/
#include "http_stream.h"

#include <string.h>

#include "lauxlib.h"

#include "call.h"
#include "failure.h"
#include "http_response.h"
#include "pure/event_text.h"
#include "task.h"
#include "wait.h"
#include "websocket.h"

#define OUTGOING "tidelock.outgoing_body"
#define INCOMING "tidelock.incoming_body"

#define FN "http.serve"

/* Largest piece the host takes at once (MAX_STREAM_WRITE); what is larger is cut. */
#define LARGEST_WRITE (1024 * 1024)

/* Largest piece the host gives at once. */
#define LARGEST_READ (64 * 1024)


/* A body of either direction; 0 when closed. */
typedef struct Body {
  int32_t handle;
  bool ended;  /* outgoing: the script has ended it */
  bool lost;  /* a call has found its client gone */
} Body;


/* Creates a holder, closed, before the handle exists: nothing leaks if memory runs out. */
static Body *new_body (lua_State *L, const char *metatable) {
  Body *body = lua_newuserdatauv(L, sizeof(Body), 0);
  memset(body, 0, sizeof(Body));
  luaL_setmetatable(L, metatable);
  return body;
}


/* {======================================================
** Responses
** ======================================================= */

bool http_stream_start (lua_State *L, int response, int kind,
                        tidelock_script_http_server_borrow_server_t server, uint64_t request) {
  bool events = strcmp(luaL_checkstring(L, kind), "events") == 0;
  tidelock_script_http_server_option_own_outgoing_body_t own;
  tidelock_script_http_server_header_block_t block;
  script_list_u8_t headers;
  script_string_t reason;
  lua_Integer status;
  Body *body;
  headers = http_response_push_head(L, response, events ? FIELDS_OF_EVENTS : FIELDS_OF_BYTES, &status);
  block.ptr = headers.ptr;
  block.len = headers.len;
  body = new_body(L, OUTGOING);
  if (!tidelock_script_http_server_method_server_start(server, request, (uint16_t)status, &block,
        events ? TIDELOCK_SCRIPT_HTTP_SERVER_STREAM_KIND_EVENTS
               : TIDELOCK_SCRIPT_HTTP_SERVER_STREAM_KIND_BYTES, &own, &reason)) {
    lua_pushlstring(L, (const char *)reason.ptr, reason.len);
    script_string_free(&reason);
    failure_error(L, FN ": %s", lua_tostring(L, -1));
  }
  if (!own.is_some) return false;
  body->handle = own.val.__handle;
  return true;
}


typedef struct Write {
  CallWait call;
  script_list_u8_t bytes;
  tidelock_script_http_server_result_void_error_t result;
} Write;


static void write_release (CallWait *call) {
  tidelock_script_http_server_result_void_error_free(&((Write *)call)->result);
}


static int write_finish (lua_State *L, Wait *wait) {
  Write *write = (Write *)wait;
  tidelock_script_http_server_error_t *error = &write->result.val.err;
  if (write->result.is_err) {
    write->call.released = true;  /* by whoever raises it */
    if (error->kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_CLOSED) {
      tidelock_script_types_error_free(error);
      ((Body *)lua_touserdata(L, 1))->lost = true;
      failure_push(L, "closed", strcmp(wait->fn, "send") == 0 ? "SSE stream closed" : "stream closed");
      return lua_error(L);
    }
    return failure_raise(L, wait->fn, wait->fn, error);
  }
  return 0;
}


/* Hands the string at 'index' over, from 'from' on, at most as much as the host takes at once. */
static int write_piece (lua_State *L, const char *fn, Body *body, int index, size_t from) {
  tidelock_script_http_server_borrow_outgoing_body_t borrowed = {body->handle};
  size_t length;
  const char *bytes = lua_tolstring(L, index, &length);
  Write *write;
  wait_begin(L, fn);
  if (body->ended) {
    failure_push(L, "closed", strcmp(fn, "send") == 0 ? "SSE stream closed" : "stream closed");
    return lua_error(L);
  }
  write = (Write *)call_new(L, fn, sizeof(Write), write_finish, write_release);
  write->bytes.ptr = (uint8_t *)bytes + from;
  write->bytes.len = length - from < LARGEST_WRITE ? length - from : LARGEST_WRITE;
  return call_suspend(L, &write->call,
    tidelock_script_http_server_method_outgoing_body_write(borrowed, write->bytes, &write->result));
}


/* write(body, bytes, from): at most 1 MiB of 'bytes', behind the first 'from' of them. */
static int body_write (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, OUTGOING);
  lua_settop(L, 3);
  return write_piece(L, "write", body, 2, (size_t)lua_tointeger(L, 3));
}


/* send(body, event): an event, whole. */
static int body_send (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, OUTGOING);
  size_t length;
  lua_settop(L, 2);
  event_text_push(L, 2, "send");
  lua_tolstring(L, -1, &length);
  if (length > LARGEST_WRITE) {
    failure_push(L, "too_large", "send: the event has %I bytes, more than the %d an event can have",
                 (LUAI_UACINT)length, LARGEST_WRITE);
    return lua_error(L);
  }
  return write_piece(L, "send", body, lua_gettop(L), 0);
}


/* Whether the value at 'index' is the failure of kind 'closed' that a function gave up with. */
static bool is_closed_failure (lua_State *L, int index) {
  const char *kind = failure_kind(L, index);
  return kind != NULL && strcmp(kind, "closed") == 0;
}


/* Ends a body: complete, or broken off if an error is why (the second value of '__close'). */
static int outgoing_close (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, OUTGOING);
  tidelock_script_http_server_borrow_outgoing_body_t borrowed = {body->handle};
  if (body->handle == 0 || body->ended) return 0;
  body->ended = true;
  if (body->lost && is_closed_failure(L, 2) && task_current() != NULL) task_current()->lost = true;
  if (lua_isnoneornil(L, 2)) tidelock_script_http_server_method_outgoing_body_finish(borrowed);
  else tidelock_script_http_server_method_outgoing_body_abort(borrowed);
  return 0;
}


/* The handle itself goes last: a write that is pending holds on to it. */
static int outgoing_gc (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, OUTGOING);
  tidelock_script_http_server_own_outgoing_body_t own = {body->handle};
  body->handle = 0;
  body->ended = true;
  if (own.__handle != 0) tidelock_script_http_server_outgoing_body_drop_own(own);
  return 0;
}

/* }====================================================== */


/* {======================================================
** Requests
** ======================================================= */

void http_stream_open_body (lua_State *L, tidelock_script_http_server_borrow_server_t server,
                            uint64_t request) {
  Body *body = new_body(L, INCOMING);
  body->handle = tidelock_script_http_server_method_server_open_body(server, request).__handle;
}


typedef struct Read {
  CallWait call;
  tidelock_script_http_server_result_list_u8_error_t result;
} Read;


static void read_release (CallWait *call) {
  tidelock_script_http_server_result_list_u8_error_free(&((Read *)call)->result);
}


static int read_finish (lua_State *L, Wait *wait) {
  Read *read = (Read *)wait;
  if (read->result.is_err) {
    read->call.released = true;  /* by whoever raises it */
    if (read->result.val.err.kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_CLOSED)
      ((Body *)lua_touserdata(L, 1))->lost = true;
    return failure_raise(L, wait->fn, wait->fn, &read->result.val.err);
  }
  lua_pushlstring(L, (const char *)read->result.val.ok.ptr, read->result.val.ok.len);
  call_release(&read->call);
  return 1;
}


/* read(body, max?): the next piece; empty at the end. */
static int body_read (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, INCOMING);
  tidelock_script_http_server_borrow_incoming_body_t borrowed = {body->handle};
  lua_Integer max = luaL_optinteger(L, 2, LARGEST_READ);
  Read *read;
  lua_settop(L, 2);
  if (body->handle == 0) return failure_error(L, "req:read: the body is closed");
  wait_begin(L, "req:read");
  read = (Read *)call_new(L, "req:read", sizeof(Read), read_finish, read_release);
  return call_suspend(L, &read->call,
    tidelock_script_http_server_method_incoming_body_read(borrowed,
      (uint32_t)(max < LARGEST_READ ? max : LARGEST_READ), &read->result));
}


static int incoming_close (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, INCOMING);
  tidelock_script_http_server_borrow_incoming_body_t borrowed = {body->handle};
  if (body->lost && is_closed_failure(L, 2) && task_current() != NULL) task_current()->lost = true;
  if (body->handle != 0) tidelock_script_http_server_method_incoming_body_close(borrowed);
  return 0;
}


static int incoming_gc (lua_State *L) {
  Body *body = luaL_checkudata(L, 1, INCOMING);
  tidelock_script_http_server_own_incoming_body_t own = {body->handle};
  body->handle = 0;
  if (own.__handle != 0) tidelock_script_http_server_incoming_body_drop_own(own);
  return 0;
}

/* }====================================================== */


/* {======================================================
** WebSockets
** ======================================================= */

/* Pushes the names of a list, each followed by a NUL; 'what' is the field it comes from. */
static void push_names (lua_State *L, int index, const char *what, script_list_u8_t *list) {
  int base = lua_gettop(L);
  lua_Integer i, count;
  list->ptr = NULL;
  list->len = 0;
  if (lua_isnil(L, index)) return;
  if (!lua_istable(L, index))
    failure_error(L, FN ": %s must be an array of strings, got %s", what, luaL_typename(L, index));
  count = luaL_len(L, index);
  lua_pushliteral(L, "");
  for (i = 1; i <= count; i++) {
    size_t length;
    const char *name;
    if (lua_geti(L, index, i) != LUA_TSTRING)
      failure_error(L, FN ": %s must be an array of strings, got a %s in it", what, luaL_typename(L, -1));
    name = lua_tolstring(L, -1, &length);
    if (length == 0 || strlen(name) != length)
      failure_error(L, FN ": %s must not hold an empty string or a NUL", what);
    lua_pushlstring(L, "", 1);
    lua_concat(L, 3);
  }
  list->ptr = (uint8_t *)lua_tolstring(L, base + 1, &list->len);
}


bool http_stream_upgrade (lua_State *L, int response,
                          tidelock_script_http_server_borrow_server_t server, uint64_t request) {
  tidelock_script_http_server_upgrade_options_t options;
  tidelock_script_http_server_option_own_connection_t own;
  script_string_t reason;
  script_list_u8_t headers;
  lua_Integer status;
  int32_t *handle;
  headers = http_response_push_head(L, response, FIELDS_OF_UPGRADE, &status);
  options.headers.ptr = headers.ptr;
  options.headers.len = headers.len;
  lua_getfield(L, response, "protocols");
  push_names(L, lua_gettop(L), "protocols", &options.protocols);
  lua_getfield(L, response, "origins");
  options.origins.is_some = !lua_isnil(L, -1);
  push_names(L, lua_gettop(L), "origins", &options.origins.val);
  handle = websocket_push(L);
  if (!tidelock_script_http_server_method_server_upgrade(server, request, &options, &own, &reason)) {
    lua_pushlstring(L, (const char *)reason.ptr, reason.len);
    script_string_free(&reason);
    failure_error(L, FN ": %s", lua_tostring(L, -1));
  }
  if (!own.is_some) return false;
  *handle = own.val.__handle;
  websocket_push_ends(L, *handle);
  return true;
}

/* }====================================================== */


/* end_socket(holder, failure): what 'outgoing_close' is for a body. The connection closes with the function
   it was for: 1000 if that has returned, 1011 if it has failed (RFC 6455, section 7.4.1). */
static int end_socket (lua_State *L) {
  if (websocket_is_closed(L, 1) && is_closed_failure(L, 2) && task_current() != NULL)
    task_current()->lost = true;
  websocket_begin_close(L, 1, lua_isnil(L, 2) ? 1000 : 1011);
  return 0;
}


static void new_holder (lua_State *L, const char *name, lua_CFunction closer, lua_CFunction collector) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, closer);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, collector);
  lua_setfield(L, -2, "__gc");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}


void http_stream_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"write_body", body_write},
    {"send_event", body_send},
    {"read_request", body_read},
    {"end_socket", end_socket},
    {NULL, NULL}
  };
  new_holder(L, OUTGOING, outgoing_close, outgoing_gc);
  new_holder(L, INCOMING, incoming_close, incoming_gc);
  luaL_setfuncs(L, functions, 0);
}
