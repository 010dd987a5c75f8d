/*
** Where the interpreter keeps what a traceback is made of (wit/world.wit, 'landmarks'). The compiler
** knows the layout of its structures; the host learns it from here and has no copy to keep right.
*/
#define _WASI_EMULATED_SIGNAL  /* lstate.h has a type of it; Lua is compiled so too */

#include "landmarks.h"

#include <stddef.h>
#include <stdint.h>

#include "lauxlib.h"
#include "lobject.h"
#include "lstate.h"

#include "script.h"
#include "task.h"
#include "wait.h"

#define ADDRESS(pointer) ((uint32_t)(uintptr_t)(pointer))


void landmarks_tell (lua_State *L) {
  script_landmarks_t marks = {
    .current_task = ADDRESS(task_current_address()),
    .task_thread = offsetof(Task, co),
    .resuming = ADDRESS(resuming_address()),
    .resuming_to = offsetof(Resuming, to),
    .resuming_from = offsetof(Resuming, from),
    .resuming_up = offsetof(Resuming, up),
    .thread_frame = offsetof(lua_State, ci),
    .thread_base = offsetof(lua_State, base_ci),
    .frame_function = offsetof(CallInfo, func),
    .frame_previous = offsetof(CallInfo, previous),
    .frame_pc = offsetof(CallInfo, u.l.savedpc),
    .frame_flags = offsetof(CallInfo, callstatus),
    .frame_in_c = CIST_C,
    .frame_tail_call = CIST_TAIL,
    .value_tag = offsetof(TValue, tt_),
    .lua_function = ctb(LUA_VLCL),
    .table = ctb(LUA_VTABLE),
    .short_string = ctb(LUA_VSHRSTR),
    .function_prototype = offsetof(LClosure, p),
    .prototype_code = offsetof(Proto, code),
    .prototype_source = offsetof(Proto, source),
    .prototype_line = offsetof(Proto, linedefined),
    .prototype_steps = offsetof(Proto, lineinfo),
    .prototype_steps_count = offsetof(Proto, sizelineinfo),
    .prototype_lines = offsetof(Proto, abslineinfo),
    .prototype_lines_count = offsetof(Proto, sizeabslineinfo),
    .string_short_length = offsetof(TString, shrlen),
    .string_long_length = offsetof(TString, u.lnglen),
    .string_contents = offsetof(TString, contents),
    .table_log_size = offsetof(Table, lsizenode),
    .table_nodes = offsetof(Table, node),
    .node_size = sizeof(Node),
    .node_key_tag = offsetof(Node, u.key_tt),
    .node_key = offsetof(Node, u.key_val),
  };
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  marks.main_thread = ADDRESS(lua_tothread(L, -1));
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  marks.loaded = ADDRESS(lua_topointer(L, -1));
  lua_pop(L, 2);
  script_tell_landmarks(&marks);
}
