/*
** Lua's allocator with a cap, and 'cabi_realloc' with a reserve.
**
** The cap lies below the limit of the linear memory, so that a script meets a Lua error that it can
** handle before it meets the wall. Behind the wall a value the host lowers has nowhere to go and
** the instance traps; the reserve makes room for one full crossing when Lua has taken the rest.
*/
#include "allocator.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RESERVE (128u * 1024)

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  size_t used;
  size_t limit;
  void *reserve;
} heap;


/* mimalloc takes memory in segments of this size and alignment. */
#define SEGMENT (4u << 20)

/* Most that is taken at once: the 'sbrk' below mimalloc has a signed argument. */
#define MAX_REGION (1u << 30)

/* What the host keeps back from Lua, of a memory of at least four times as much. */
#define RESERVED_BY_HOST (8u << 20)

/* Of mimalloc, whose header cannot stand beside a 'malloc' that is a macro. */
int mi_reserve_os_memory (size_t size, bool commit, bool allow_large);


/*
** Takes one region for all segments: the whole memory, of which 'limit' is what Lua may have (the host keeps
** back a quarter, at most 8 MiB: host/src/run/instance.rs). mimalloc cannot return memory to the system
** here: what it takes outside a region is lost once it is freed. What is reserved costs the machine nothing until
** it is written.
*/
static void reserve_region (size_t limit) {
  size_t begin = __builtin_wasm_memory_size(0) * 65536;
  size_t size;
  begin = (begin + SEGMENT - 1) & ~(size_t)(SEGMENT - 1);
  if (limit < 3 * RESERVED_BY_HOST) size = limit / 3 * 4;
  else size = limit > MAX_REGION ? limit : limit + RESERVED_BY_HOST;
  size = size > begin ? size - begin : 0;
  if (size > MAX_REGION) size = MAX_REGION;
  for (; size >= SEGMENT; size /= 2)  /* a machine may have less than the operator allows */
    if (mi_reserve_os_memory(size & ~(size_t)(SEGMENT - 1), true, false) == 0) break;
}


void allocator_init (size_t limit) {
  heap.limit = limit;
  reserve_region(limit);
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


/* Asks for what cannot be had: Lua then collects as it does in need, without running finalizers. */
static int provoke_collection (lua_State *L) {
  lua_newuserdatauv(L, heap.limit, 0);
  return 0;
}


/* 'ud' is the Lua state, but not when a block is freed: the state may be gone by then. */
static void *collect_and_retry (void *ud, void *block, size_t old_size, size_t new_size) {
  void *moved = allocator_lua(NULL, block, old_size, new_size);
  if (moved == NULL && new_size > 0 && lua_checkstack((lua_State *)ud, 2)) {
    lua_State *L = ud;
    lua_pushcfunction(L, provoke_collection);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
    moved = allocator_lua(NULL, block, old_size, new_size);
  }
  return moved;
}


lua_Alloc allocator_collecting (lua_State *L, void **ud) {
  *ud = L;
  return collect_and_retry;
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


/* {======================================================
** What mimalloc would ask the system. 'cabi_realloc' runs while the host lowers a value, and then every
** call out of the instance traps.
** ======================================================= */

int allocator_clock_gettime (clockid_t clock, struct timespec *time);
char *allocator_getenv (const char *name);
int allocator_fputs (const char *text, FILE *stream);


/* Time is for giving memory back, which a wasm memory cannot. */
int allocator_clock_gettime (clockid_t clock, struct timespec *time) {
  (void)clock;
  time->tv_sec = 0;
  time->tv_nsec = 0;
  return 0;
}


char *allocator_getenv (const char *name) {
  (void)name;
  return NULL;
}


int allocator_fputs (const char *text, FILE *stream) {
  (void)text; (void)stream;
  return 0;
}

/* }====================================================== */
