/* What a script answers a request with, as an mh_answer: its headers, and its body in Lua's strings. */
#ifndef BINDINGS_SERVE_ANSWER_H
#define BINDINGS_SERVE_ANSWER_H

#include <lua.h>

#include "io/serve.h"

enum { MH_SERVE_HEADERS = 100 };

/* Headers while they are collected: their strings are on the stack. */
typedef struct mh_serve_headers {
  const char *who; /* the public function, for errors */
  mh_header headers[MH_SERVE_HEADERS];
  size_t count;
} mh_serve_headers;

/* The table at `index`, or nothing. Leaves on the stack what the headers point to. */
void mh_serve_collect_headers(lua_State *L, int index, mh_serve_headers *c);

/* Fills the segments of an answer from a string, a list of strings or nothing. They point into Lua's
 * own strings. What is allocated stays on the stack. `one`: room for the segment of a string. Returns
 * the bytes of all. */
size_t mh_serve_collect_body(lua_State *L, int index, mh_answer *a, uv_buf_t *one);

/* Keeps those strings until the answer has been sent. */
void mh_serve_keep_body(lua_State *L, int index, mh_answer *a);

#endif
