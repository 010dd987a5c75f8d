/*
** HTTP requests (wit/http-client.wit). The functions that scripts call are in prelude/http_client.lua.
*/
#include "http_client.h"

#include <string.h>

#include "lauxlib.h"

#include "call.h"
#include "failure.h"
#include "header_block.h"
#include "script.h"
#include "settings.h"

#define CLIENT "tidelock.http_client"
#define BODY "tidelock.http_body"

/* A handle of the host; 0 when closed. */
typedef struct Held {
  int32_t handle;
} Held;


static int32_t checked_handle (lua_State *L, int index, const char *metatable, const char *fn) {
  Held *held = luaL_checkudata(L, index, metatable);
  if (held->handle == 0) luaL_error(L, "%s: already closed", fn);
  return held->handle;
}


/* Creates a holder, closed, before the handle exists: nothing leaks if memory runs out. */
static Held *new_held (lua_State *L, const char *metatable) {
  Held *held = lua_newuserdatauv(L, sizeof(Held), 0);
  held->handle = 0;
  luaL_setmetatable(L, metatable);
  return held;
}


int32_t http_client_handle (lua_State *L, int index, const char *fn) {
  return checked_handle(L, index, CLIENT, fn);
}


/* {======================================================
** Sending
** ======================================================= */

typedef struct Send {
  CallWait call;
  tidelock_script_http_client_method_client_send_args_t arguments;
  tidelock_script_http_client_result_response_error_t result;
} Send;


static void send_release (CallWait *call) {
  tidelock_script_http_client_result_response_error_t *result = &((Send *)call)->result;
  if (!result->is_err && result->val.ok.rest.is_some)
    tidelock_script_http_client_body_drop_own(result->val.ok.rest.val);
  tidelock_script_http_client_result_response_error_free(result);
}


static script_list_u8_t bytes_at (lua_State *L, int index) {
  script_list_u8_t bytes = {NULL, 0};
  bytes.ptr = (uint8_t *)lua_tolstring(L, index, &bytes.len);
  return bytes;
}


/* nil and a failure, for the prelude to raise with the caller's position; or the response. */
static int send_finish (lua_State *L, Wait *wait) {
  Send *send = (Send *)wait;
  tidelock_script_http_client_response_t *response = &send->result.val.ok;
  Held *rest;
  if (send->result.is_err) {
    const char *lead = lua_pushfstring(L, "%s failed", wait->fn);
    tidelock_script_http_client_error_t *error = &send->result.val.err;
    send->call.released = true;  /* by whoever raises it */
    return failure_raise(L, wait->fn, lead, error);
  }
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, response->status);
  lua_setfield(L, -2, "status");
  lua_pushlstring(L, (const char *)response->version.ptr, response->version.len);
  lua_setfield(L, -2, "version");
  lua_pushlstring(L, (const char *)response->url.ptr, response->url.len);
  lua_setfield(L, -2, "url");
  header_block_push_joined(L, (const char *)response->headers.ptr, response->headers.len);
  lua_setfield(L, -2, "headers");
  header_block_push_all(L, (const char *)response->headers.ptr, response->headers.len);
  lua_setfield(L, -2, "headers_all");
  lua_pushlstring(L, (const char *)response->body.ptr, response->body.len);
  lua_setfield(L, -2, "body");
  if (response->rest.is_some) {
    rest = new_held(L, BODY);
    rest->handle = response->rest.val.__handle;
    response->rest.is_some = false;
  }
  else
    lua_pushnil(L);
  lua_pushboolean(L, response->in_pieces);
  call_release(&send->call);
  return 3;
}


/*
** send(fn, client, method, url, headers, body, timeout, connect_timeout, follow, max_size, taking):
** the response, what reads the rest if its body has not ended, and whether it is taken in pieces.
** 'taking' is "whole", "pieces" or "events".
*/
static int client_send (lua_State *L) {
  static const char *const takings[] = {"whole", "pieces", "events", NULL};  /* in the order of the contract */
  const char *fn = luaL_checkstring(L, 1);
  int32_t client = checked_handle(L, 2, CLIENT, fn);
  tidelock_script_http_client_request_t *request;
  script_list_u8_t headers;
  Send *send;
  lua_settop(L, 11);
  wait_begin(L, fn);
  header_block_push(L, 5, fn);
  lua_replace(L, 5);
  send = (Send *)call_new(L, fn, sizeof(Send), send_finish, send_release);
  send->arguments.self.__handle = client;
  request = &send->arguments.request;
  request->method = bytes_at(L, 3);
  request->url = bytes_at(L, 4);
  headers = bytes_at(L, 5);
  request->headers.ptr = headers.ptr;
  request->headers.len = headers.len;
  request->body.is_some = !lua_isnil(L, 6);
  if (request->body.is_some) request->body.val = bytes_at(L, 6);
  request->taking = (tidelock_script_http_client_taking_t)luaL_checkoption(L, 11, "whole", takings);
  request->timeout = (uint64_t)(lua_tonumber(L, 7) * 1e9);
  request->connect_timeout.is_some = !lua_isnil(L, 8);
  request->connect_timeout.val = (uint64_t)(lua_tonumber(L, 8) * 1e9);
  request->follow_redirects = lua_toboolean(L, 9);
  request->max_size.is_some = !lua_isnil(L, 10);
  request->max_size.val = (uint64_t)lua_tointeger(L, 10);
  return call_suspend(L, &send->call,
    tidelock_script_http_client_method_client_send(&send->arguments, &send->result));
}

/* }====================================================== */


/* {======================================================
** Reading
** ======================================================= */

typedef struct Read {
  CallWait call;
  tidelock_script_http_client_result_list_u8_error_t result;
} Read;


static void read_release (CallWait *call) {
  tidelock_script_http_client_result_list_u8_error_free(&((Read *)call)->result);
}


static int read_finish (lua_State *L, Wait *wait) {
  Read *read = (Read *)wait;
  if (read->result.is_err) {
    const char *lead = lua_pushfstring(L, "%s failed", wait->fn);
    read->call.released = true;  /* by whoever raises it */
    return failure_raise(L, wait->fn, lead, &read->result.val.err);
  }
  lua_pushlstring(L, (const char *)read->result.val.ok.ptr, read->result.val.ok.len);
  call_release(&read->call);
  return 1;
}


/* read(fn, body): the next piece; empty at the end. */
static int body_read (lua_State *L) {
  const char *fn = luaL_checkstring(L, 1);
  tidelock_script_http_client_borrow_body_t body;
  Read *read;
  body.__handle = checked_handle(L, 2, BODY, fn);
  wait_begin(L, fn);
  read = (Read *)call_new(L, fn, sizeof(Read), read_finish, read_release);
  return call_suspend(L, &read->call,
                      tidelock_script_http_client_method_body_read(body, &read->result));
}


static int body_close (lua_State *L) {
  Held *held = luaL_checkudata(L, 1, BODY);
  tidelock_script_http_client_own_body_t body = {held->handle};
  held->handle = 0;
  if (body.__handle != 0) tidelock_script_http_client_body_drop_own(body);
  return 0;
}

/* }====================================================== */


/* Clients that are open: each is a handle, and memory of the host. */
static size_t open_clients;


/* Raises a failure if there are as many clients as may be, garbage not counted. */
static void check_limit (lua_State *L, const char *fn) {
  if (open_clients < settings()->task_limit) return;
  lua_gc(L, LUA_GCCOLLECT);
  if (open_clients < settings()->task_limit) return;
  failure_push(L, "limit", "%s: %d clients are open (raise --max-tasks)", fn, (int)open_clients);
  lua_error(L);
}


/* open(fn, ca_certificates?, ca_certificate_file?): a client. */
static int client_open (lua_State *L) {
  const char *fn = luaL_checkstring(L, 1);
  tidelock_script_http_client_client_options_t options;
  tidelock_script_http_client_own_client_t client;
  tidelock_script_http_client_error_t error;
  Held *held;
  lua_settop(L, 3);
  options.ca_certificates.is_some = !lua_isnil(L, 2);
  options.ca_certificates.val = bytes_at(L, 2);
  options.ca_certificate_file.is_some = !lua_isnil(L, 3);
  options.ca_certificate_file.val = bytes_at(L, 3);
  held = new_held(L, CLIENT);
  check_limit(L, fn);
  if (!tidelock_script_http_client_static_client_open(&options, &client, &error))
    return failure_raise(L, fn, fn, &error);
  held->handle = client.__handle;
  open_clients++;
  return 1;
}


static int client_close (lua_State *L) {
  Held *held = luaL_checkudata(L, 1, CLIENT);
  tidelock_script_http_client_own_client_t client = {held->handle};
  held->handle = 0;
  if (client.__handle != 0) {
    tidelock_script_http_client_client_drop_own(client);
    open_clients--;
  }
  return 0;
}


static void new_holder (lua_State *L, const char *name, lua_CFunction closer) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, closer);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, closer);
  lua_setfield(L, -2, "__close");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}


void http_client_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"close_body", body_close},
    {"open_client", client_open},
    {"send", client_send},
    {"read_body", body_read},
    {NULL, NULL}
  };
  new_holder(L, CLIENT, client_close);
  new_holder(L, BODY, body_close);
  luaL_setfuncs(L, functions, 0);
}


int luaopen_http (lua_State *L) {
  lua_newtable(L);
  return 1;
}
