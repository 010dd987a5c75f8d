/*
** What the host set for the run (wit/world.wit, 'start').
*/
#ifndef settings_h
#define settings_h

#include "script.h"

/* Takes them over; 'settings' then gives them. */
void settings_set (const script_start_t *start);

const script_start_t *settings (void);

#endif
