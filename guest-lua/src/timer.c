/*
** Timers: a binary heap, each node knowing its place so that it can be taken out.
*/
#include "timer.h"

#include <stdlib.h>

#include "allocator.h"

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  Timer **nodes;
  size_t count;
  size_t room;
} heap;


static void put (size_t index, Timer *timer) {
  heap.nodes[index] = timer;
  timer->position = index + 1;
}


static void sift_up (size_t index) {
  Timer *timer = heap.nodes[index];
  while (index > 0) {
    size_t parent = (index - 1) / 2;
    if (heap.nodes[parent]->deadline <= timer->deadline) break;
    put(index, heap.nodes[parent]);
    index = parent;
  }
  put(index, timer);
}


static void sift_down (size_t index) {
  Timer *timer = heap.nodes[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap.count) break;
    if (child + 1 < heap.count && heap.nodes[child + 1]->deadline < heap.nodes[child]->deadline)
      child++;
    if (timer->deadline <= heap.nodes[child]->deadline) break;
    put(index, heap.nodes[child]);
    index = child;
  }
  put(index, timer);
}


void timer_clear (Timer *timer) {
  size_t index = timer->position;
  Timer *last;
  if (index-- == 0) return;
  timer->position = 0;
  last = heap.nodes[--heap.count];
  if (last == timer) return;
  put(index, last);
  sift_up(index);
  sift_down(last->position - 1);
}


void timer_set (lua_State *L, Timer *timer, uint64_t deadline) {
  timer_clear(timer);
  if (heap.count == heap.room) {
    size_t room = heap.room ? heap.room * 2 : 16;
    Timer **nodes = realloc(heap.nodes, room * sizeof(Timer *));
    if (nodes == NULL) raise_out_of_memory(L);
    heap.nodes = nodes;
    heap.room = room;
  }
  timer->deadline = deadline;
  put(heap.count++, timer);
  sift_up(heap.count - 1);
}


uint64_t timer_next (void) {
  return heap.count ? heap.nodes[0]->deadline : 0;
}


void timer_fire_due (uint64_t now) {
  while (heap.count > 0 && heap.nodes[0]->deadline <= now) {
    Timer *timer = heap.nodes[0];
    timer_clear(timer);
    timer->fire(timer);
  }
}
