/*
** What is told about a handler that failed: its client gets a status, the log gets the reason.
*/
#include "http_failure.h"

#include "lauxlib.h"

#include "http_request.h"
#include "http_response.h"
#include "log.h"


/* Pushes "METHOD path" of the request that 'co' was handling: its first argument. */
static void push_route (lua_State *L, lua_State *co) {
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "method");
    lua_getfield(L, -2, "path");
    if (lua_isstring(L, -1) && lua_isstring(L, -2)) {
      lua_pushfstring(L, "%s %s", lua_tostring(L, -2), lua_tostring(L, -1));
      return;
    }
  }
  lua_pushliteral(L, "unknown route");
}


/* Whether it was the client who sent what could not be used. */
static bool is_bad_request (lua_State *L, lua_State *co) {
  bool is;
  lua_pushvalue(co, -3);
  lua_xmove(co, L, 1);
  is = http_request_is_bad_json(L, lua_gettop(L));
  lua_pop(L, 1);
  return is;
}


typedef struct Failed {
  tidelock_script_http_server_borrow_server_t server;
  const Task *task;
  lua_State *co;
} Failed;


/* Pushes what is to be said about the failure, even if the error's own '__tostring' fails. */
static void push_report (lua_State *L, lua_State *co) {
  lua_pushcfunction(L, log_describe_error);
  lua_pushlightuserdata(L, co);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
  lua_pop(L, 1);
  lua_pushfstring(L, "(error object is a %s value)\n%s", luaL_typename(co, -3), lua_tostring(co, -2));
}


/* Tells the host that a handler failed; runs protected. */
static int report_failure (lua_State *L) {
  Failed *failed = lua_touserdata(L, 1);
  script_list_u8_t route, report;
  if (!failed->task->streams && is_bad_request(L, failed->co)) {
    http_response_send_text(failed->server, failed->task->id, 400, "bad request: the body is not valid JSON\n");
    return 0;
  }
  push_report(L, failed->co);
  report.ptr = (uint8_t *)lua_tolstring(L, -1, &report.len);
  push_route(L, failed->co);
  route.ptr = (uint8_t *)lua_tolstring(L, -1, &route.len);
  if (failed->task->streams)
    tidelock_script_http_server_method_server_report(failed->server, &route, &report);
  else
    tidelock_script_http_server_method_server_fail(failed->server, failed->task->id, &route, &report);
  return 0;
}


void http_failure_tell (lua_State *L, tidelock_script_http_server_borrow_server_t server,
                        const Task *task, lua_State *co) {
  Failed failed = {server, task, co};
  lua_pushcfunction(L, report_failure);
  lua_pushlightuserdata(L, &failed);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {  /* no memory left to describe it */
    static const char text[] = "the handler failed and there was no memory left to say how";
    script_list_u8_t route = {NULL, 0}, report = {(uint8_t *)text, sizeof(text) - 1};
    if (task->streams) tidelock_script_http_server_method_server_report(server, &route, &report);
    else tidelock_script_http_server_method_server_fail(server, task->id, &route, &report);
    lua_pop(L, 1);
  }
}
