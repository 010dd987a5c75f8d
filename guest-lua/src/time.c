/*
** Clocks and 'sleep' (wit/time.wit).
*/
#include "time.h"

#include <stddef.h>
#include <string.h>

#include "lauxlib.h"

#include "script.h"
#include "timer.h"
#include "wait.h"

/* Longer sleeps are as good as endless; the sum with the clock must not overflow. */
#define LONGEST_SLEEP 1e9

typedef struct Sleep {
  Wait wait;
  Timer timer;
} Sleep;


static void sleep_over (Timer *timer) {
  wait_resolve((Wait *)((char *)timer - offsetof(Sleep, timer)));
}


static void sleep_abandon (Wait *wait) {
  timer_clear(&((Sleep *)wait)->timer);
}


static int sleep_finish (lua_State *L, Wait *wait) {
  (void)L; (void)wait;
  return 0;
}


static int time_sleep (lua_State *L) {
  Sleep *sleep;
  lua_Number seconds;
  int is_number;
  seconds = lua_tonumberx(L, 1, &is_number);
  if (!is_number || !(seconds >= 0)) {
    return luaL_error(L, "sleep: seconds must be a number >= 0, got %s",
                      luaL_tolstring(L, 1, NULL));
  }
  wait_begin(L, "sleep");
  if (seconds > LONGEST_SLEEP) seconds = LONGEST_SLEEP;
  sleep = lua_newuserdatauv(L, sizeof(Sleep), 0);
  memset(sleep, 0, sizeof(Sleep));
  sleep->wait.fn = "sleep";
  sleep->wait.finish = sleep_finish;
  sleep->wait.abandon = sleep_abandon;
  sleep->timer.fire = sleep_over;
  timer_set(L, &sleep->timer, tidelock_script_time_monotonic() + (uint64_t)(seconds * 1e9));
  return wait_suspend(L, &sleep->wait);
}


static int time_now (lua_State *L) {
  lua_pushnumber(L, tidelock_script_time_now());
  return 1;
}


static int time_monotonic (lua_State *L) {
  lua_pushnumber(L, (lua_Number)tidelock_script_time_monotonic() / 1e9);
  return 1;
}


int luaopen_time (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"now", time_now},
    {"monotonic", time_monotonic},
    {NULL, NULL}
  };
  lua_pushcfunction(L, time_sleep);
  lua_setglobal(L, "sleep");
  luaL_newlib(L, functions);
  lua_createtable(L, 0, 1);  /* 'time()' is 'time.now()' */
  lua_pushcfunction(L, time_now);
  lua_setfield(L, -2, "__call");
  lua_setmetatable(L, -2);
  return 1;
}
