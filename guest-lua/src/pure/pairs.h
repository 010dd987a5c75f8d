/*
** pairs.h - walks a table in the ways the encoders need: as it lies,
** through its `__pairs`, or with its keys sorted.
*/

#ifndef pure_pairs_h
#define pure_pairs_h

#include <stddef.h>

#include "lua.h"

typedef struct PairKey PairKey;

typedef struct Pairs {
  int base;  /* first of the three stack slots of the walk */
  int lazy;  /* true if the table's `__pairs` is called */
  PairKey *order;  /* sorted keys, or NULL */
  size_t i, n;  /* position in 'order' and its length */
} Pairs;

/*
** Starts a walk over the table at absolute index 't'; pushes three values.
** Sorted: integer keys first, then strings by their bytes.
*/
void pairs_open (lua_State *L, Pairs *it, int t, int sorted);

/*
** Pushes the next key and value and returns 1, or pushes nothing and
** returns 0. The caller pops both and may change the copy of the key.
*/
int pairs_next (lua_State *L, Pairs *it);

/*
** Returns n if the raw keys of the table at 't' are exactly 1..n. If not,
** returns -1 and pushes a key that is too many (nil if one is missing).
*/
lua_Integer pairs_seqlen (lua_State *L, int t);

#endif
