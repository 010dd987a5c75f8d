/*
** One run of a script: the interpreter's state, the main task, the outcome.
*/
#ifndef run_h
#define run_h

#include <stdint.h>

/* The run was told to stop: a cancelled main chunk is not the script's failure. */
void run_interrupted (void);

/* Reports the outcome to the host; the loop has ended. */
void run_end (void);

/* Limits the operator set, for those who must obey them. */
uint32_t run_source_limit (void);
uint32_t run_require_depth (void);

#endif
