/*
** Tells the host where the interpreter keeps what a traceback is made of.
*/
#ifndef landmarks_h
#define landmarks_h

#include "lua.h"

/* Call once, when the libraries are open. */
void landmarks_tell (lua_State *L);

#endif
