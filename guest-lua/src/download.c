/*
** Downloads (wit/download.wit). The functions that scripts call are in prelude/download.lua.
*/
#include "download.h"

#include "lauxlib.h"

#include "call.h"
#include "failure.h"
#include "header_block.h"
#include "http_client.h"
#include "script.h"

#define TRANSFER "tidelock.transfer"

/* The names of the results of 'next'. */
#define PROGRESS "progress"
#define FINISHED "finished"

typedef tidelock_script_download_own_transfer_t Transfer;


static script_list_u8_t bytes_at (lua_State *L, int index) {
  script_list_u8_t bytes = {NULL, 0};
  bytes.ptr = (uint8_t *)lua_tolstring(L, index, &bytes.len);
  return bytes;
}


static uint64_t nanoseconds_at (lua_State *L, int index) {
  return (uint64_t)(lua_tonumber(L, index) * 1e9);
}


/*
** start(fn, client, url, path, headers, sha256?, timeout?, idle_timeout, connect_timeout?, follow,
** max_size, progress): a download under way.
*/
static int download_start (lua_State *L) {
  const char *fn = luaL_checkstring(L, 1);
  tidelock_script_download_borrow_client_t client = {http_client_handle(L, 2, fn)};
  tidelock_script_download_request_t request;
  tidelock_script_download_error_t error;
  script_list_u8_t headers;
  Transfer *transfer, started;
  lua_settop(L, 12);
  header_block_push(L, 5, fn);
  lua_replace(L, 5);
  request.url = bytes_at(L, 3);
  request.path = bytes_at(L, 4);
  headers = bytes_at(L, 5);
  request.headers.ptr = headers.ptr;
  request.headers.len = headers.len;
  request.sha256.is_some = !lua_isnil(L, 6);
  request.sha256.val = bytes_at(L, 6);
  request.timeout.is_some = !lua_isnil(L, 7);
  request.timeout.val = nanoseconds_at(L, 7);
  request.idle_timeout = nanoseconds_at(L, 8);
  request.connect_timeout.is_some = !lua_isnil(L, 9);
  request.connect_timeout.val = nanoseconds_at(L, 9);
  request.follow_redirects = lua_toboolean(L, 10);
  request.max_size = (uint64_t)lua_tointeger(L, 11);
  request.progress = lua_toboolean(L, 12);
  transfer = lua_newuserdatauv(L, sizeof(Transfer), 0);
  transfer->__handle = 0;
  luaL_setmetatable(L, TRANSFER);
  if (!tidelock_script_download_static_transfer_start(client, &request, &started, &error))
    return failure_raise(L, fn, fn, &error);
  *transfer = started;
  return 1;
}


static int transfer_close (lua_State *L) {
  Transfer *transfer = luaL_checkudata(L, 1, TRANSFER);
  Transfer own = *transfer;
  transfer->__handle = 0;
  if (own.__handle != 0) tidelock_script_download_transfer_drop_own(own);
  return 0;
}


/* {======================================================
** Waiting
** ======================================================= */

typedef struct Next {
  CallWait call;
  tidelock_script_download_result_step_failure_t result;
} Next;


static void next_release (CallWait *call) {
  tidelock_script_download_result_step_failure_free(&((Next *)call)->result);
}


/* Raises the failure of a download, with the status of the response if there is one. */
static int raise_failure (lua_State *L, const char *fn, tidelock_script_download_failure_t *failure) {
  if (!failure->status.is_some) return failure_raise(L, fn, fn, &failure->error);
  failure_push_error(L, fn, &failure->error);
  lua_pushinteger(L, failure->status.val);
  lua_setfield(L, -2, "status");
  return lua_error(L);
}


static int next_finish (lua_State *L, Wait *wait) {
  Next *next = (Next *)wait;
  tidelock_script_download_step_t *step = &next->result.val.ok;
  if (next->result.is_err) {
    next->call.released = true;  /* by whoever raises it */
    return raise_failure(L, wait->fn, &next->result.val.err);
  }
  if (step->tag == TIDELOCK_SCRIPT_DOWNLOAD_STEP_FINISHED) {
    lua_pushliteral(L, FINISHED);
    lua_pushinteger(L, (lua_Integer)step->val.finished);
    lua_pushnil(L);
  }
  else {
    lua_pushliteral(L, PROGRESS);
    lua_pushinteger(L, (lua_Integer)step->val.progress.done);
    if (step->val.progress.total.is_some)
      lua_pushinteger(L, (lua_Integer)step->val.progress.total.val);
    else
      lua_pushnil(L);
  }
  call_release(&next->call);
  return 3;
}


/* next(fn, transfer): "progress", bytes that arrived and bytes there will be; or "finished" and bytes. */
static int transfer_next (lua_State *L) {
  const char *fn = luaL_checkstring(L, 1);
  Transfer *transfer = luaL_checkudata(L, 2, TRANSFER);
  tidelock_script_download_borrow_transfer_t borrowed = {transfer->__handle};
  Next *next;
  if (transfer->__handle == 0) return luaL_error(L, "%s: already closed", fn);
  wait_begin(L, fn);
  next = (Next *)call_new(L, fn, sizeof(Next), next_finish, next_release);
  return call_suspend(L, &next->call,
                      tidelock_script_download_method_transfer_next(borrowed, &next->result));
}

/* }====================================================== */


void download_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"start_download", download_start},
    {"next_of_download", transfer_next},
    {NULL, NULL}
  };
  luaL_newmetatable(L, TRANSFER);
  lua_pushcfunction(L, transfer_close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, transfer_close);
  lua_setfield(L, -2, "__close");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
