/* Dumps of tasks. See dump.h. */
#include "core/dump.h"

#include <stdio.h>
#include <string.h>

#include "core/task_state.h"
#include "core/where.h"
#include "moonherd.h"

enum { MOST_LINES = 1000 }; /* more tasks than that are only counted */

static const char *const states[] = {"ready", "running", "waiting", "joining", "done", "failed"};

/* Where a task is: in one of its coroutines, when it is the one that runs. */
static void find_place(const mh_task *task, char *place, size_t size) {
  const mh_realm *realm = task->realm;
  bool runs = realm->current == task && realm->running != NULL;
  mh_where(runs ? realm->running : task->L, place, size);
}

static double waited_for(const mh_task *task) {
  const mh_op *op = task->waiting;
  return (double)(mh_loop_now(op->loop) - op->since) / (double)MH_SECOND;
}

static int append_text(const mh_task *task, const char *place, mh_buf *out) {
  int e = mh_buf_printf(out, "task %u %s", task->id, states[task->state]);
  if (e == 0 && task->waiting != NULL)
    e = mh_buf_printf(out, " %.3f s for %s", waited_for(task), task->waiting->what);
  if (e == 0 && place[0] != '\0') e = mh_buf_printf(out, ", at %s", place);
  if (e == 0) e = mh_buf_printf(out, ", spawned at %s", task->place);
  if (e == 0 && task->parent != NULL)
    e = mh_buf_printf(out, " by task %u", task->parent->owner->id);
  return e;
}

static int append_member(mh_buf *out, const char *name, const char *text) {
  int e = mh_buf_printf(out, ",\"%s\":\"", name);
  if (e == 0) e = mh_log_escape(out, text, strlen(text));
  return e == 0 ? mh_buf_putc(out, '"') : e;
}

/* Members of a JSON object, for the log. */
static int append_members(const mh_task *task, const char *place, mh_buf *out) {
  int e = mh_buf_printf(out, "\"task\":%u,\"state\":\"%s\"", task->id, states[task->state]);
  if (e == 0 && task->waiting != NULL) e = append_member(out, "waits_for", task->waiting->what);
  if (e == 0 && task->waiting != NULL)
    e = mh_buf_printf(out, ",\"seconds\":%.3f", waited_for(task));
  if (e == 0 && place[0] != '\0') e = append_member(out, "at", place);
  if (e == 0) e = append_member(out, "spawned_at", task->place);
  if (e == 0 && task->parent != NULL)
    e = mh_buf_printf(out, ",\"parent\":%u", task->parent->owner->id);
  return e;
}

static const mh_task *oldest(const mh_realm *realm) {
  const mh_task *task = realm->tasks;
  while (task != NULL && task->next != NULL) task = task->next;
  return task;
}

int mh_dump(const mh_realm *realm, mh_buf *out) {
  int e = 0;
  for (const mh_task *task = oldest(realm); task != NULL && e == 0; task = task->prev) {
    char place[MH_WHERE_SIZE];
    find_place(task, place, sizeof place);
    e = append_text(task, place, out);
    if (e == 0) e = mh_buf_putc(out, '\n');
  }
  return e;
}

static int log_task(mh_log *log, const mh_task *task) {
  char place[MH_WHERE_SIZE];
  mh_buf text, members;
  mh_buf_init(&text, NULL);
  mh_buf_init(&members, NULL);
  find_place(task, place, sizeof place);
  int e = append_text(task, place, &text);
  if (e == 0) e = append_members(task, place, &members);
  if (e == 0) mh_log_answer(log, members.data, members.len, "%.*s", (int)text.len, text.data);
  mh_buf_fini(&text);
  mh_buf_fini(&members);
  return e;
}

int mh_dump_to_log(const mh_realm *realm) {
  mh_log *log = realm->host->log;
  int e = 0;
  unsigned lines = 0, ops = 0;
  for (const mh_task *task = oldest(realm); task != NULL && e == 0; task = task->prev) {
    if (lines++ == MOST_LINES) break;
    e = log_task(log, task);
  }
  for (const mh_op *op = realm->host->loop.ops; op != NULL; op = op->next) ops++;
  char members[80];
  int n =
      snprintf(members, sizeof members, "\"tasks\":%u,\"operations\":%u", realm->task_count, ops);
  mh_log_answer(log, members, (size_t)n, "%u %s alive, %u %s open", realm->task_count,
                realm->task_count == 1 ? "task is" : "tasks are", ops,
                ops == 1 ? "operation is" : "operations are");
  return e;
}
