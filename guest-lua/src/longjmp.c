/*
** setjmp and longjmp as wasm exceptions: what clang's '-wasm-enable-sjlj' calls. The libcs differ in
** whether they bring this and how it must be linked; these few lines serve all of them.
*/
#include <stdint.h>

/* What a jmp_buf holds. */
typedef struct State {
  void *invocation;  /* the call of the function that called setjmp */
  uint32_t label;  /* which setjmp of that function */
  struct { void *env; int value; } thrown;  /* what the exception carries */
} State;

/* clang's number for the tag of longjmp (longjmp_tag.s). */
#define LONGJMP_TAG 1


void __wasm_setjmp (void *env, uint32_t label, void *invocation) {
  State *state = env;
  state->invocation = invocation;
  state->label = label;
}


/* The label to continue at if 'env' was set by this invocation, else 0. */
uint32_t __wasm_setjmp_test (void *env, void *invocation) {
  State *state = env;
  return state->label != 0 && state->invocation == invocation ? state->label : 0;
}


_Noreturn void __wasm_longjmp (void *env, int value) {
  State *state = env;
  state->thrown.env = env;
  state->thrown.value = value != 0 ? value : 1;
  __builtin_wasm_throw(LONGJMP_TAG, &state->thrown);
}
