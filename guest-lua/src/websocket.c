/*
** WebSocket connections (wit/websocket.wit). The functions that scripts call are in prelude/websocket.lua.
*/
#include "websocket.h"

#include <string.h>

#include "lauxlib.h"

#include "call.h"
#include "failure.h"
#include "header_block.h"
#include "script.h"

#define CONNECTION "tidelock.websocket"

/* Longer waits are as good as endless, in seconds. */
#define LONGEST_WAIT 1e9

typedef struct Holder {
  int32_t handle;  /* of the host; 0 when closed */
  bool holding;  /* 'incoming' is to be freed */
  tidelock_script_websocket_incoming_t incoming;
} Holder;


static Holder *to_holder (lua_State *L, int index) {
  return luaL_checkudata(L, index, CONNECTION);
}


static tidelock_script_websocket_borrow_connection_t borrow (lua_State *L, int index) {
  tidelock_script_websocket_borrow_connection_t borrowed = {to_holder(L, index)->handle};
  if (borrowed.__handle == 0) luaL_error(L, "the connection was not opened");
  return borrowed;
}


int32_t *websocket_push (lua_State *L) {
  Holder *holder = lua_newuserdatauv(L, sizeof(Holder), 0);
  memset(holder, 0, sizeof(Holder));
  luaL_setmetatable(L, CONNECTION);
  return &holder->handle;
}


static void release_incoming (Holder *holder) {
  if (!holder->holding) return;
  holder->holding = false;
  tidelock_script_websocket_incoming_free(&holder->incoming);
}


static int holder_gc (lua_State *L) {
  Holder *holder = to_holder(L, 1);
  tidelock_script_websocket_own_connection_t own = {holder->handle};
  release_incoming(holder);
  holder->handle = 0;
  if (own.__handle != 0) tidelock_script_websocket_connection_drop_own(own);
  return 0;
}


static script_list_u8_t bytes_at (lua_State *L, int index) {
  script_list_u8_t bytes = {NULL, 0};
  bytes.ptr = (uint8_t *)lua_tolstring(L, index, &bytes.len);
  return bytes;
}


/* A number of seconds at 'index', as nanoseconds; none if there is no value. */
static script_option_u64_t time_at (lua_State *L, int index, const char *fn) {
  script_option_u64_t time = {false, 0};
  lua_Number seconds;
  if (lua_isnoneornil(L, index)) return time;
  seconds = lua_tonumber(L, index);
  if (lua_type(L, index) != LUA_TNUMBER || !(seconds >= 0))
    failure_error(L, "%s: timeout must be a number of seconds >= 0, got %s", fn,
                  luaL_tolstring(L, index, NULL));
  time.is_some = true;
  time.val = (uint64_t)((seconds < LONGEST_WAIT ? seconds : LONGEST_WAIT) * 1e9);
  return time;
}


/* {======================================================
** Connecting
** ======================================================= */

typedef struct Connect {
  CallWait call;
  tidelock_script_websocket_request_t request;
  tidelock_script_websocket_result_own_connection_failure_t result;
} Connect;


static void connect_release (CallWait *call) {
  Connect *connect = (Connect *)call;
  if (connect->result.is_err)
    tidelock_script_websocket_failure_free(&connect->result.val.err);
  else if (connect->result.val.ok.__handle != 0)
    tidelock_script_websocket_connection_drop_own(connect->result.val.ok);
}


void websocket_push_ends (lua_State *L, int32_t handle) {
  tidelock_script_websocket_borrow_connection_t connection = {handle};
  script_string_t text;
  tidelock_script_websocket_method_connection_peer(connection, &text);
  lua_pushlstring(L, (const char *)text.ptr, text.len);
  script_string_free(&text);
  if (tidelock_script_websocket_method_connection_protocol(connection, &text)) {
    lua_pushlstring(L, (const char *)text.ptr, text.len);
    script_string_free(&text);
  }
  else
    lua_pushnil(L);
}


/* Raises why there is no connection, with the status of the response if that was it. */
static int raise_failure (lua_State *L, const char *fn, tidelock_script_websocket_failure_t *failure) {
  const char *lead = lua_pushfstring(L, "%s failed", fn);
  if (!failure->status.is_some) return failure_raise(L, fn, lead, &failure->error);
  failure_push_error(L, lead, &failure->error);
  lua_pushinteger(L, failure->status.val);
  lua_setfield(L, -2, "status");
  return lua_error(L);
}


static int connect_finish (lua_State *L, Wait *wait) {
  Connect *connect = (Connect *)wait;
  int32_t *handle;
  if (connect->result.is_err) {
    connect->call.released = true;  /* by whoever raises it */
    return raise_failure(L, wait->fn, &connect->result.val.err);
  }
  handle = websocket_push(L);
  *handle = connect->result.val.ok.__handle;
  connect->result.val.ok.__handle = 0;
  websocket_push_ends(L, *handle);
  return 3;
}


/*
** ws_connect(url, headers, protocols, timeout, ca_cert): holder, peer address, protocol. 'protocols' are
** names, each followed by a NUL.
*/
static int ws_connect (lua_State *L) {
  static const char fn[] = "ws.connect";
  script_option_u64_t timeout = time_at(L, 4, fn);
  script_list_u8_t headers;
  Connect *connect;
  lua_settop(L, 5);
  wait_begin(L, fn);
  header_block_push(L, 2, fn);
  lua_replace(L, 2);
  headers = bytes_at(L, 2);
  connect = (Connect *)call_new(L, fn, sizeof(Connect), connect_finish, connect_release);
  connect->request.url = bytes_at(L, 1);
  connect->request.headers.ptr = headers.ptr;
  connect->request.headers.len = headers.len;
  connect->request.protocols = bytes_at(L, 3);
  connect->request.timeout = timeout.val;
  connect->request.ca_certificates.is_some = !lua_isnil(L, 5);
  connect->request.ca_certificates.val = bytes_at(L, 5);
  return call_suspend(L, &connect->call,
    tidelock_script_websocket_static_connection_connect(&connect->request, &connect->result));
}

/* }====================================================== */


/* {======================================================
** Reading
** ======================================================= */

/* Pushes a message; what does not cross at once is pulled into memory that Lua allocated. */
static void push_message (lua_State *L, tidelock_script_websocket_borrow_connection_t connection,
                          const tidelock_script_websocket_message_t *message) {
  size_t total = message->data.len + (size_t)message->rest, filled = message->data.len;
  script_list_u8_t piece;
  luaL_Buffer buffer;
  char *room;
  if (message->rest == 0) {
    lua_pushlstring(L, (const char *)message->data.ptr, message->data.len);
    return;
  }
  room = luaL_buffinitsize(L, &buffer, total);
  memcpy(room, message->data.ptr, filled);
  while (filled < total) {
    size_t count;
    tidelock_script_websocket_method_connection_rest(connection, &piece);
    count = piece.len < total - filled ? piece.len : total - filled;
    memcpy(room + filled, piece.ptr, count);
    script_list_u8_free(&piece);
    filled += count;
    if (count == 0) break;
  }
  luaL_pushresultsize(&buffer, filled);
}


/*
** ws_take(holder): a message and its kind; or false, the code and the reason of the end; or nothing, if
** 'ws_wait' has to be called.
*/
static int ws_take (lua_State *L) {
  static const char *const kinds[] = {"text", "binary"};  /* in the order of the contract */
  tidelock_script_websocket_borrow_connection_t connection = borrow(L, 1);
  Holder *holder = to_holder(L, 1);
  int results;
  wait_begin(L, "conn:read");
  release_incoming(holder);  /* memory ran out when it was pushed */
  if (wait_turn_is_over()) return 0;
  if (!tidelock_script_websocket_method_connection_take(connection, &holder->incoming)) return 0;
  holder->holding = true;
  if (holder->incoming.tag == TIDELOCK_SCRIPT_WEBSOCKET_INCOMING_MESSAGE) {
    tidelock_script_websocket_message_t *message = &holder->incoming.val.message;
    push_message(L, connection, message);
    lua_pushstring(L, kinds[message->kind == TIDELOCK_SCRIPT_WEBSOCKET_MESSAGE_KIND_BINARY]);
    results = 2;
  }
  else {
    tidelock_script_websocket_closed_t *closed = &holder->incoming.val.closed;
    lua_pushboolean(L, 0);
    lua_pushinteger(L, closed->code);
    lua_pushlstring(L, (const char *)closed->reason.ptr, closed->reason.len);
    results = 3;
  }
  release_incoming(holder);
  return results;
}

/* }====================================================== */


/* {======================================================
** Calls without a result
** ======================================================= */

typedef struct Call {
  CallWait call;
  tidelock_script_websocket_result_void_error_t result;
} Call;


static void call_free (CallWait *call) {
  tidelock_script_websocket_result_void_error_free(&((Call *)call)->result);
}


static int call_finish (lua_State *L, Wait *wait) {
  Call *call = (Call *)wait;
  if (call->result.is_err) {
    call->call.released = true;  /* by whoever raises it */
    return failure_raise(L, wait->fn, wait->fn, &call->result.val.err);
  }
  call_release(&call->call);
  return 0;
}


static Call *new_call (lua_State *L, const char *fn) {
  return (Call *)call_new(L, fn, sizeof(Call), call_finish, call_free);
}


/* ws_wait(holder, timeout): until 'ws_take' gives something. */
static int ws_wait (lua_State *L) {
  static const char fn[] = "conn:read";
  tidelock_script_websocket_borrow_connection_t connection = borrow(L, 1);
  script_option_u64_t timeout = time_at(L, 2, fn);
  Call *call;
  wait_begin(L, fn);
  call = new_call(L, fn);
  return call_suspend(L, &call->call,
    tidelock_script_websocket_method_connection_readable(connection, timeout, &call->result));
}


/* ws_write(holder, data, binary) */
static int ws_write (lua_State *L) {
  static const char fn[] = "conn:write";
  tidelock_script_websocket_borrow_connection_t connection = borrow(L, 1);
  tidelock_script_websocket_message_kind_t kind = lua_toboolean(L, 3)
    ? TIDELOCK_SCRIPT_WEBSOCKET_MESSAGE_KIND_BINARY : TIDELOCK_SCRIPT_WEBSOCKET_MESSAGE_KIND_TEXT;
  Call *call;
  if (!lua_isstring(L, 2))
    return failure_error(L, "%s: data must be a string, got %s", fn, luaL_typename(L, 2));
  wait_begin(L, fn);
  call = new_call(L, fn);
  return call_suspend(L, &call->call,
    tidelock_script_websocket_method_connection_write(connection, kind, bytes_at(L, 2), &call->result));
}


/* ws_close(holder, code, reason): code and reason may be nil. */
static int ws_close (lua_State *L) {
  static const char fn[] = "conn:close";
  tidelock_script_websocket_borrow_connection_t connection = borrow(L, 1);
  int is_integer = 1;
  lua_Integer code = lua_isnoneornil(L, 2) ? 1000 : lua_tointegerx(L, 2, &is_integer);
  Call *call;
  lua_settop(L, 3);
  if (!is_integer || code < 0 || code > UINT16_MAX)
    return failure_error(L, "%s: code must be an integer from 1000 to 4999, got %s", fn,
                         luaL_tolstring(L, 2, NULL));
  if (!lua_isnil(L, 3) && lua_type(L, 3) != LUA_TSTRING)
    return failure_error(L, "%s: reason must be a string, got %s", fn, luaL_typename(L, 3));
  wait_begin(L, fn);
  call = new_call(L, fn);
  return call_suspend(L, &call->call, tidelock_script_websocket_method_connection_close(
    connection, (uint16_t)code, bytes_at(L, 3), &call->result));
}

/* }====================================================== */


void websocket_begin_close (lua_State *L, int index, uint16_t code) {
  script_list_u8_t reason = {NULL, 0};
  tidelock_script_websocket_method_connection_begin_close(borrow(L, index), code, &reason);
}


bool websocket_is_closed (lua_State *L, int index) {
  return tidelock_script_websocket_method_connection_is_closed(borrow(L, index));
}


/* ws_begin_close(holder): with 1000. */
static int ws_begin_close (lua_State *L) {
  websocket_begin_close(L, 1, 1000);
  return 0;
}


/* ws_is_closed(holder) */
static int ws_is_closed (lua_State *L) {
  lua_pushboolean(L, websocket_is_closed(L, 1));
  return 1;
}


/* ws_fail(message): raises it with the position of the script's call. */
static int ws_fail (lua_State *L) {
  return failure_error(L, "%s", luaL_checkstring(L, 1));
}


void websocket_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"ws_connect", ws_connect},
    {"ws_take", ws_take},
    {"ws_wait", ws_wait},
    {"ws_write", ws_write},
    {"ws_close", ws_close},
    {"ws_begin_close", ws_begin_close},
    {"ws_is_closed", ws_is_closed},
    {"ws_fail", ws_fail},
    {NULL, NULL}
  };
  luaL_newmetatable(L, CONNECTION);
  lua_pushcfunction(L, holder_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}


int luaopen_ws (lua_State *L) {
  lua_newtable(L);
  return 1;
}
