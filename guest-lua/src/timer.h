/*
** Timers: a heap by deadline behind the one sleep of the host.
*/
#ifndef timer_h
#define timer_h

#include "task.h"

/* Sets a timer; raises a memory error if there is no room. A set timer is moved. */
void timer_set (lua_State *L, Timer *timer, uint64_t deadline);

/* Takes a timer out, if it is set. */
void timer_clear (Timer *timer);

/* Fires what is due at 'now'. */
void timer_fire_due (uint64_t now);

/* The earliest deadline, or 0 if no timer is set. */
uint64_t timer_next (void);

#endif
