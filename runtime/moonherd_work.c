/* Work that the host does for functions of its own. See moonherd_lua.h.
 *
 * A job has two owners: the script's side, from moonherd_begin to the end of its function, and the
 * host's, until moonherd_ready. The last to let go frees it. The host may be later than the handle:
 * between the two stands a gate, which lives as long as any job and knows whether the loop is there.
 *
 *                 begin                     ready                        gate
 *   script's side ------ mh_op, waits ----- done list --- loop thread: mh_op_ready
 *   host's side   ------ job ------------------^ */
#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>
#include <uv.h>

#include "core/error.h"
#include "core/wait.h"
#include "handle.h"
#include "moonherd_lua.h"

static const char BOX[] = "moonherd.job";

typedef struct job job;
struct job {
  mh_op op;
  const moonherd_work *work;
  mh_gate *gate;
  job **box;  /* the script's side; NULL: it has let go */
  job *next;  /* in gate->done */
  int status; /* of moonherd_ready */
  unsigned owners;
  max_align_t data[]; /* the host's */
};

struct mh_gate {
  mh_closer closer;
  uv_mutex_t lock; /* of everything here, and of job.owners */
  mh_loop *loop;   /* NULL: the handle is closed */
  job *done;       /* the host has let go of them, oldest first */
  job **done_end;  /* where the next one is put */
  mh_post post;    /* on its way while `done` is not empty */
  unsigned users;  /* the handle and all jobs */
};

static job *of_data(void *data) {
  return (job *)((char *)data - offsetof(job, data));
}

/* ---- letting go --------------------------------------------------------------------------- */

static void leave_gate(mh_gate *gate) {
  uv_mutex_lock(&gate->lock);
  bool is_last = --gate->users == 0;
  uv_mutex_unlock(&gate->lock);
  if (!is_last) return;
  uv_mutex_destroy(&gate->lock);
  free(gate);
}

static void let_go(job *j) {
  uv_mutex_lock(&j->gate->lock);
  bool is_last = --j->owners == 0;
  uv_mutex_unlock(&j->gate->lock);
  if (!is_last) return;
  if (j->work->on_free != NULL) j->work->on_free(j->data);
  leave_gate(j->gate);
  free(j);
}

static void let_go_of_box(job **box) {
  job *j = *box;
  if (j == NULL) return;
  *box = NULL;
  j->box = NULL;
  mh_op_cancel(&j->op);  // an error was raised between moonherd_begin and moonherd_wait
  let_go(j);
}

static int f_gc(lua_State *L) {
  let_go_of_box(luaL_checkudata(L, 1, BOX));
  return 0;
}

/* ---- the gate ----------------------------------------------------------------------------- */

static job *take_done(mh_gate *gate) {
  job *done = gate->done;
  gate->done = NULL;
  gate->done_end = &gate->done;
  return done;
}

/* On the loop thread. */
static void on_post(mh_post *post) {
  mh_gate *gate = (mh_gate *)((char *)post - offsetof(mh_gate, post));
  uv_mutex_lock(&gate->lock);
  job *j = take_done(gate);
  uv_mutex_unlock(&gate->lock);
  while (j != NULL) {
    job *next = j->next;
    gate->loop->open_jobs--;
    mh_op_ready(&j->op, j->status);
    let_go(j);
    j = next;
  }
}

/* Lets go of what the host is done with; what it does still it frees itself. */
static void on_close(mh_closer *closer) {
  mh_gate *gate = (mh_gate *)((char *)closer - offsetof(mh_gate, closer));
  uv_mutex_lock(&gate->lock);
  gate->loop = NULL;
  job *j = take_done(gate);
  uv_mutex_unlock(&gate->lock);
  while (j != NULL) {
    job *next = j->next;
    let_go(j);
    j = next;
  }
  leave_gate(gate);
}

static mh_gate *new_gate(mh_host *host) {
  mh_gate *gate = calloc(1, sizeof *gate);
  if (gate == NULL) return NULL;
  if (uv_mutex_init(&gate->lock) != 0) {
    free(gate);
    return NULL;
  }
  gate->loop = &host->loop;
  gate->done_end = &gate->done;
  gate->post.on_post = on_post;
  gate->users = 1;
  gate->closer.on_close = on_close;
  mh_host_on_close(host, &gate->closer);
  return gate;
}

void moonherd_ready(void *data, int status) {
  job *j = of_data(data);
  mh_gate *gate = j->gate;
  j->status = status;
  uv_mutex_lock(&gate->lock);
  bool is_open = gate->loop != NULL;
  if (is_open) {
    bool was_empty = gate->done == NULL;
    *gate->done_end = j;
    gate->done_end = &j->next;
    if (was_empty) mh_loop_post(gate->loop, &gate->post);
  }
  uv_mutex_unlock(&gate->lock);
  if (!is_open) let_go(j);
}

/* ---- the function that waits -------------------------------------------------------------- */

static void on_cancel(mh_op *op) {
  job *j = (job *)((char *)op - offsetof(job, op));
  if (j->work->on_cancel != NULL) j->work->on_cancel(j->data);
}

static mh_gate *gate_of(moonherd *m) {
  if (m->gate == NULL) m->gate = new_gate(&m->host);
  return m->gate;
}

static job **push_box(lua_State *L) {
  job **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, BOX)) {
    lua_pushcfunction(L, f_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return box;
}

/* A job with both its owners. NULL without memory. */
static job *new_job(mh_gate *gate, const moonherd_work *work) {
  job *j = calloc(1, sizeof *j + work->size);
  if (j == NULL) return NULL;
  j->work = work;
  j->gate = gate;
  j->owners = 2;
  uv_mutex_lock(&gate->lock);
  gate->users++;
  uv_mutex_unlock(&gate->lock);
  mh_op_init(&j->op, gate->loop, work->what, on_cancel);
  mh_op_start(&j->op);
  gate->loop->open_jobs++;  // a virtual clock stands still until it is ready
  return j;
}

void *moonherd_begin(lua_State *L, const moonherd_work *work) {
  lua_Debug ar = {0};
  if (lua_getstack(L, 0, &ar)) lua_getinfo(L, "n", &ar);
  mh_task_can_wait(L, ar.name != NULL ? ar.name : work->what);
  luaL_checkstack(L, 4, "job");
  job **box = push_box(L);
  mh_gate *gate = gate_of((moonherd *)mh_realm_of(L)->host);
  job *j = gate != NULL ? new_job(gate, work) : NULL;
  if (j == NULL) {
    luaL_error(L, "not enough memory");
    return NULL;  // never: it has raised
  }
  *box = j;
  j->box = box;
  return j->data;
}

static int ended(lua_State *L, int status, lua_KContext op) {
  (void)status;
  job *j = (job *)((char *)op - offsetof(job, op));
  job **box = j->box;
  int n = j->work->on_done(L, j->data, j->op.status);
  let_go_of_box(box);
  return n;
}

int moonherd_wait(lua_State *L, void *data) {
  return mh_op_wait(L, &of_data(data)->op, ended);
}
