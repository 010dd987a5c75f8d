/*
** The HTTP server (wit/http-server.wit): requests become tasks, what handlers return becomes
** responses. Routing and the functions that scripts call are in prelude/http_server.lua.
*/
#include "http_server.h"

#include <stddef.h>
#include <string.h>

#include "lauxlib.h"

#include "call.h"
#include "event_loop.h"
#include "failure.h"
#include "http_failure.h"
#include "http_request.h"
#include "http_response.h"
#include "http_stream.h"
#include "script.h"
#include "task.h"
#include "wait.h"

#define SERVER "tidelock.http_server"

typedef struct Server Server;

/* The wait of the coroutine that blocks in 'http.serve'. */
typedef struct Serving {
  Wait wait;
  Server *server;
} Serving;

struct Server {
  lua_State *L;  /* the main thread */
  int dispatch;  /* reference to the prelude's function */
  tidelock_script_http_server_own_server_t own;  /* handle 0: closed */
  Subtask next_call;
  tidelock_script_http_server_list_event_t events;  /* result of 'next' */
  size_t taken;  /* events already handled */
  Serving *serving;
  size_t handlers;  /* tasks that have not ended */
  bool asking;  /* 'next' is to be called */
  bool stopped;  /* the host has said so */
  Server *next, **link;  /* all servers that serve */
};

static Server *servers;

/* How long the function of a stream may go on after its client was lost, if it does not write. */
#define LOSS_TIME 5000000000ull


static tidelock_script_http_server_borrow_server_t borrow (const Server *server) {
  tidelock_script_http_server_borrow_server_t borrowed = {server->own.__handle};
  return borrowed;
}


static Server *to_server (lua_State *L, int index) {
  return luaL_checkudata(L, index, SERVER);
}


/* {======================================================
** Handlers
** ======================================================= */

static void release_if_idle (Server *server);

static void handler_ended (Task *task, lua_State *co, Ending ending) {
  Server *server = task->owner;
  if (ending.failed && server->own.__handle != 0 && !task->cancelled) {
    if (!task->lost) http_failure_tell(server->L, borrow(server), task, co);
    else if (!task->streams)  /* it may be there, and have sent what is no body */
      http_response_send_text(borrow(server), task->id, 400, "the request body is broken\n");
  }
  server->handlers--;
  release_if_idle(server);
}

/* }====================================================== */


/* {======================================================
** Events
** ======================================================= */

/* Nobody serves and nothing runs any more: the server may be collected. Keeps 'handlers' readable. */
static void release_if_idle (Server *server) {
  if (server->link != NULL || server->handlers > 0) return;
  lua_pushnil(server->L);
  lua_rawsetp(server->L, LUA_REGISTRYINDEX, server);
}


static void begin_handler (lua_State *L, Server *server,
                           const tidelock_script_http_server_request_t *request) {
  Task *task;
  lua_rawgeti(L, LUA_REGISTRYINDEX, server->dispatch);
  http_request_push(L, request, borrow(server));
  lua_pushinteger(L, (lua_Integer)request->id);
  task = task_spawn(L, 2, handler_ended);
  task->owner = server;
  task->id = request->id;
  server->handlers++;
}


static void client_gone (Server *server, uint64_t id) {
  Task *task;
  for (task = task_first(); task != NULL; task = task->next) {
    if (task->owner == server && task->id == id) {
      if (task->streams) task_cancel_after(server->L, task, LOSS_TIME);
      else task_cancel(task);
      return;
    }
  }
}


/* Handles the events from 'taken' on; runs protected. */
static int take_events (lua_State *L) {
  Server *server = lua_touserdata(L, 1);
  while (server->taken < server->events.len) {
    tidelock_script_http_server_event_t *event = &server->events.ptr[server->taken++];
    switch (event->tag) {
      case TIDELOCK_SCRIPT_HTTP_SERVER_EVENT_REQUEST:
        begin_handler(L, server, &event->val.request);
        break;
      case TIDELOCK_SCRIPT_HTTP_SERVER_EVENT_GONE:
        client_gone(server, event->val.gone);
        break;
      default:
        server->stopped = true;
    }
  }
  return 0;
}


/* A request that cannot become a task: too many of them, or no memory. */
static void refuse (Server *server) {
  tidelock_script_http_server_event_t *event = &server->events.ptr[server->taken - 1];
  if (event->tag == TIDELOCK_SCRIPT_HTTP_SERVER_EVENT_REQUEST)
    http_response_send_text(borrow(server), event->val.request.id, 503, "overloaded\n");
}


static void take_all_events (Server *server) {
  lua_State *L = server->L;
  server->taken = 0;
  while (server->taken < server->events.len) {
    lua_pushcfunction(L, take_events);
    lua_pushlightuserdata(L, server);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
      lua_pop(L, 1);
      refuse(server);
    }
  }
  tidelock_script_http_server_list_event_free(&server->events);
}


static void unlink_server (Server *server) {
  if (server->link == NULL) return;
  *server->link = server->next;
  if (server->next) server->next->link = server->link;
  server->link = NULL;
}


static void next_returned (Subtask *subtask) {
  Server *server = (Server *)((char *)subtask - offsetof(Server, next_call));
  take_all_events(server);
  server->asking = true;
}


/* Asks for the next events; takes them at once if there are some. */
static void ask (Server *server) {
  script_subtask_status_t status;
  server->asking = false;
  if (server->stopped) {
    wait_resolve(&server->serving->wait);
    return;
  }
  server->next_call.returned = next_returned;
  status = tidelock_script_http_server_method_server_next(borrow(server), &server->events);
  if (subtask_watch(server->L, &server->next_call, status)) next_returned(&server->next_call);
}


/* True if there is a server that can be asked again: what it gave made perhaps no task ready. */
static bool ask_all (void) {
  Server *server, *next;
  bool more = false;
  for (server = servers; server != NULL; server = next) {
    next = server->next;
    if (server->asking) ask(server);
    more |= server->asking;
  }
  return more;
}


static bool stop_all (void) {
  Server *server;
  bool any = servers != NULL;
  for (server = servers; server != NULL; server = server->next)
    tidelock_script_http_server_method_server_stop(borrow(server));
  return any;
}

/* }====================================================== */


/* {======================================================
** Serving
** ======================================================= */

static void close_server (Server *server) {
  tidelock_script_http_server_own_server_t own = server->own;
  if (own.__handle == 0) return;
  if (subtask_cancel(&server->next_call))
    tidelock_script_http_server_list_event_free(&server->events);
  unlink_server(server);
  server->own.__handle = 0;
  tidelock_script_http_server_server_drop_own(own);
  luaL_unref(server->L, LUA_REGISTRYINDEX, server->dispatch);
  server->dispatch = LUA_NOREF;
}


/* 'http.serve' ended: its handlers have nobody left to answer. */
static void end_serving (Server *server) {
  Task *task;
  for (task = task_first(); task != NULL; task = task->next)
    if (task->owner == server) task_cancel(task);
  close_server(server);
  release_if_idle(server);
}


static void serving_abandon (Wait *wait) {
  end_serving(((Serving *)wait)->server);
}


static int serving_finish (lua_State *L, Wait *wait) {
  (void)L;
  end_serving(((Serving *)wait)->server);
  return 0;
}


/* listen(port, bodies_come): a server, its address. */
static int server_listen (lua_State *L) {
  lua_Integer port = luaL_checkinteger(L, 1);
  tidelock_script_http_server_own_server_t own;
  tidelock_script_http_server_error_t error;
  script_string_t address;
  Server *server = lua_newuserdatauv(L, sizeof(Server), 0);
  memset(server, 0, sizeof(Server));
  server->dispatch = LUA_NOREF;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  server->L = lua_tothread(L, -1);
  lua_pop(L, 1);
  luaL_setmetatable(L, SERVER);
  if (!tidelock_script_http_server_static_server_listen((uint16_t)port, lua_toboolean(L, 2), &own, &error))
    return failure_raise(L, "http.serve", "http.serve", &error);
  server->own = own;
  tidelock_script_http_server_method_server_address(borrow(server), &address);
  lua_pushlstring(L, (const char *)address.ptr, address.len);
  script_string_free(&address);
  return 2;
}


/* serve(server, dispatch): returns when the server has stopped. 'dispatch' gets request and id. */
static int server_serve (lua_State *L) {
  Server *server = to_server(L, 1);
  Serving *serving;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  wait_begin(L, "http.serve");
  serving = lua_newuserdatauv(L, sizeof(Serving), 0);
  memset(serving, 0, sizeof(Serving));
  serving->wait.fn = "http.serve";
  serving->wait.finish = serving_finish;
  serving->wait.abandon = serving_abandon;
  serving->server = server;
  lua_pushvalue(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, server);  /* alive as long as it has handlers */
  lua_pushvalue(L, 2);
  server->dispatch = luaL_ref(L, LUA_REGISTRYINDEX);
  server->serving = serving;
  server->next = servers;
  server->link = &servers;
  if (servers) servers->link = &server->next;
  servers = server;
  server->asking = true;
  return wait_suspend(L, &serving->wait);
}


/* stop(server): graceful. */
static int server_stop (lua_State *L) {
  Server *server = to_server(L, 1);
  if (server->own.__handle != 0)
    tidelock_script_http_server_method_server_stop(borrow(server));
  return 0;
}


/* reply(server, id, response): true if the response goes on after its head; then nothing was sent. */
static int server_reply (lua_State *L) {
  Server *server = to_server(L, 1);
  lua_Integer id = luaL_checkinteger(L, 2);
  lua_pushboolean(L, server->own.__handle != 0
                     && !http_response_send(L, 3, borrow(server), (uint64_t)id));
  return 1;
}


/* The task that runs is a handler which has answered with a stream. */
static void now_streams (void) {
  if (task_current() != NULL) task_current()->streams = true;
}


/* start(server, id, response, kind): what writes the body; nil if the request is gone. */
static int server_start (lua_State *L) {
  Server *server = to_server(L, 1);
  lua_Integer id = luaL_checkinteger(L, 2);
  if (server->own.__handle == 0 || !http_stream_start(L, 3, 4, borrow(server), (uint64_t)id)) {
    lua_pushnil(L);
    return 1;
  }
  now_streams();
  return 1;
}


/* upgrade(server, id, response): holder, peer and subprotocol of a connection; nil if it was refused. */
static int server_upgrade (lua_State *L) {
  Server *server = to_server(L, 1);
  lua_Integer id = luaL_checkinteger(L, 2);
  if (server->own.__handle == 0 || !http_stream_upgrade(L, 3, borrow(server), (uint64_t)id)) {
    lua_pushnil(L);
    return 1;
  }
  now_streams();
  return 3;
}


/* open_body(server, id): what reads a body that is on its way. */
static int server_open_body (lua_State *L) {
  Server *server = to_server(L, 1);
  lua_Integer id = luaL_checkinteger(L, 2);
  if (server->own.__handle == 0) return 0;
  http_stream_open_body(L, borrow(server), (uint64_t)id);
  return 1;
}


typedef struct Collect {
  CallWait call;
  bool result;
} Collect;


static void collect_release (CallWait *call) { (void)call; }


/* The arguments are still on the stack; the server may have been closed since. */
static int collect_finish (lua_State *L, Wait *wait) {
  Server *server = to_server(L, 1);
  bool collected = ((Collect *)wait)->result && server->own.__handle != 0;
  if (collected) http_request_set_body(L, 3, borrow(server), (uint64_t)lua_tointeger(L, 2));
  lua_pushboolean(L, collected);
  return 1;
}


/* collect_body(server, id, request): waits for the body and sets it; false if the host has answered. */
static int server_collect_body (lua_State *L) {
  Server *server = to_server(L, 1);
  lua_Integer id = luaL_checkinteger(L, 2);
  Collect *collect;
  lua_settop(L, 3);
  if (server->own.__handle == 0) return 0;
  wait_begin(L, "http.serve");
  collect = (Collect *)call_new(L, "http.serve", sizeof(Collect), collect_finish, collect_release);
  return call_suspend(L, &collect->call,
    tidelock_script_http_server_method_server_collect_body(borrow(server), (uint64_t)id, &collect->result));
}


static int server_close (lua_State *L) {
  end_serving(to_server(L, 1));
  return 0;
}


void http_server_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"listen", server_listen},
    {"serve", server_serve},
    {"stop", server_stop},
    {"reply", server_reply},
    {"start", server_start},
    {"upgrade", server_upgrade},
    {"open_body", server_open_body},
    {"collect_body", server_collect_body},
    {NULL, NULL}
  };
  static const LoopHook hook = {ask_all, NULL, stop_all};
  event_loop_hook(&hook);
  luaL_newmetatable(L, SERVER);
  lua_pushcfunction(L, server_close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, server_close);
  lua_setfield(L, -2, "__close");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  http_request_open(L);
  http_stream_internals(L);
  luaL_setfuncs(L, functions, 0);
}

/* }====================================================== */
