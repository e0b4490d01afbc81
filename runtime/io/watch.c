/* Watching folders. See watch.h. */
#include "io/watch.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* A folder; freed by libuv's last callback. */
typedef struct folder {
  uv_fs_event_t handle;
  struct folder *next;
  mh_watch *watch;
  mh_loop *loop;
  char path[];
} folder;

struct mh_watch {
  mh_op op;
  folder *folders;
  mh_buf changes;
};

static void on_closed(uv_handle_t *handle) {
  folder *f = handle->data;
  f->loop->open_handles--;
  free(f);
}

static void on_change(uv_fs_event_t *handle, const char *name, int events, int status) {
  const folder *f = handle->data;
  mh_watch *watch = f->watch;
  (void)events;
  mh_loop_event(f->loop);
  if (status != 0 || name == NULL) name = "";
  // Without memory a change is lost, and the next one of the same file tells as much.
  size_t before = watch->changes.len;
  if (mh_buf_append(&watch->changes, f->path, strlen(f->path) + 1) == 0 &&
      mh_buf_append(&watch->changes, name, strlen(name) + 1) != 0)
    watch->changes.len = before;
  mh_op_ready(&watch->op, 0);
}

mh_watch *mh_watch_new(mh_loop *loop) {
  mh_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) return NULL;
  mh_op_init(&watch->op, loop, "changes of files", NULL);
  return watch;
}

int mh_watch_add(mh_watch *watch, const char *path) {
  size_t size = strlen(path) + 1;
  folder *f = calloc(1, sizeof *f + size);
  if (f == NULL) return UV_ENOMEM;
  memcpy(f->path, path, size);
  f->watch = watch;
  f->loop = watch->op.loop;
  f->handle.data = f;
  f->loop->open_handles++;
  uv_fs_event_init(&f->loop->uv, &f->handle);
  int e = uv_fs_event_start(&f->handle, on_change, path, 0);
  if (e != 0) {
    uv_close((uv_handle_t *)&f->handle, on_closed);
    return e;
  }
  f->next = watch->folders;
  watch->folders = f;
  return 0;
}

void mh_watch_remove(mh_watch *watch, const char *path) {
  for (folder **at = &watch->folders; *at != NULL; at = &(*at)->next) {
    folder *f = *at;
    if (strcmp(f->path, path) != 0) continue;
    *at = f->next;
    uv_close((uv_handle_t *)&f->handle, on_closed);
    return;
  }
}

void mh_watch_close(mh_watch *watch) {
  while (watch->folders != NULL) mh_watch_remove(watch, watch->folders->path);
  mh_op_ready(&watch->op, 0);
}

bool mh_watch_is_open(const mh_watch *watch) {
  return watch->folders != NULL;
}

void mh_watch_free(mh_watch *watch) {
  if (watch == NULL) return;
  mh_op_cancel(&watch->op);
  mh_watch_close(watch);
  mh_buf_fini(&watch->changes);
  free(watch);
}

void mh_watch_wait(mh_watch *watch) {
  mh_op_start(&watch->op);
  if (watch->changes.len > 0) mh_op_ready(&watch->op, 0);
}

mh_op *mh_watch_op(mh_watch *watch) {
  return &watch->op;
}

mh_buf *mh_watch_changes(mh_watch *watch) {
  return &watch->changes;
}
