/*
** Lua's allocator with a cap, and 'cabi_realloc' with a reserve.
**
** The cap lies below the limit of the linear memory, so that a script meets a Lua error that it can
** handle before it meets the wall. Behind the wall a value the host lowers has nowhere to go and
** the instance traps; the reserve makes room for one full crossing when Lua has taken the rest.
*/
#include "allocator.h"

#include <stdlib.h>

#define RESERVE (128u * 1024)

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  size_t used;
  size_t limit;
  void *reserve;
} heap;


void allocator_init (size_t limit) {
  heap.limit = limit;
  heap.reserve = malloc(RESERVE);
}


void *allocator_lua (void *ud, void *block, size_t old_size, size_t new_size) {
  void *moved;
  (void)ud;
  if (block == NULL) old_size = 0;  /* Lua passes the kind of object instead */
  if (new_size == 0) {
    free(block);
    heap.used -= old_size;
    return NULL;
  }
  if (new_size > old_size && new_size - old_size > heap.limit - heap.used)
    return NULL;
  moved = realloc(block, new_size);
  if (moved != NULL)
    heap.used = heap.used - old_size + new_size;
  return moved;
}


int raise_out_of_memory (lua_State *L) {
  lua_pushliteral(L, "not enough memory");  /* the text of Lua's own, without a position */
  return lua_error(L);
}


void allocator_refill (void) {
  if (heap.reserve == NULL)
    heap.reserve = malloc(RESERVE);
}


/*
** Memory for what the host lowers; replaces the weak one of the generated bindings. There is no way
** to report failure to the host, so an empty reserve traps.
*/
__attribute__((__export_name__("cabi_realloc")))
void *cabi_realloc (void *block, size_t old_size, size_t align, size_t new_size) {
  void *moved;
  (void)old_size;
  if (new_size == 0) return (void *)align;
  moved = realloc(block, new_size);
  if (moved == NULL && heap.reserve != NULL) {
    free(heap.reserve);
    heap.reserve = NULL;
    moved = realloc(block, new_size);
  }
  if (moved == NULL) abort();
  return moved;
}
