/*
** What the host set for the run (wit/world.wit, 'start').
*/
#include "settings.h"

static script_start_t current;


void settings_set (const script_start_t *start) { current = *start; }
const script_start_t *settings (void) { return &current; }
